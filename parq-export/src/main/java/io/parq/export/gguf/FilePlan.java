package io.parq.export.gguf;

import io.parq.export.ModelSource;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which tensors a file gets, how they are encoded, and where they lie. */
final class FilePlan {
  private static final String EMBEDDING = "token_embd.weight";
  private static final String WEIGHT = ".weight";

  /**
   * A tensor of the model.
   *
   * @param info what the model says of it
   * @param config how it is quantized, or null
   * @param entry what the file says of it
   * @param order where its rows go
   * @param plusOne whether 1 is added
   * @param scale the scale of the whole tensor, or null if the file has none
   */
  record Item(
      TensorInfo info,
      @Nullable QuantConfig config,
      Header.Entry entry,
      RowOrder order,
      boolean plusOne,
      Header.@Nullable Entry scale) {}

  private final List<Item> items = new ArrayList<>();
  private final Map<Header.Entry, List<Float>> own = new LinkedHashMap<>();
  private final List<String> refusals = new ArrayList<>();
  private final TensorNames names;
  private final DecoderConfig config;
  private final Target target;
  private long end;

  private FilePlan(Target target, DecoderConfig config) {
    this.target = target;
    this.config = config;
    this.names = new TensorNames(config.architecture());
  }

  /**
   * Plans a file.
   *
   * @throws IllegalArgumentException if tensors cannot be held; the message has a line for each
   */
  static FilePlan of(ModelSource model, Target target, DecoderConfig config) {
    FilePlan plan = new FilePlan(target, config);
    for (TensorInfo info : model.tensors()) {
      plan.add(info, model.config(info.name()));
    }
    if (!plan.refusals.isEmpty()) {
      throw new IllegalArgumentException(
          "GGUF cannot hold this model:\n" + String.join("\n", plan.refusals));
    }
    return plan;
  }

  private void add(TensorInfo info, @Nullable QuantConfig quantization) {
    String name = names.toFile(info.name());
    if (name == null) {
      refuse(info, "no tensor of llama.cpp's " + config.architecture());
      return;
    }
    Encoding encoding = quantization == null ? plain(info) : quantized(info, name, quantization);
    if (encoding == null) {
      return;
    }
    RowOrder order = RowOrder.of(name, config.architecture(), config.headDim());
    if (!order.isSame() && info.shape()[0] % config.headDim() != 0) {
      refuse(
          info,
          "%d rows, expected a multiple of head_dim, %d"
              .formatted(info.shape()[0], config.headDim()));
      return;
    }
    if (name.equals(EMBEDDING) && info.shape()[0] != config.vocabSize()) {
      refuse(
          info, "%d rows, expected vocab_size, %d".formatted(info.shape()[0], config.vocabSize()));
      return;
    }
    boolean plusOne = config.architecture().addsOneToNorms() && info.name().endsWith("norm.weight");
    Header.Entry scale = encoding == Encoding.NVFP4 ? scale(name) : null;
    items.add(
        new Item(info, quantization, place(name, info.shape(), encoding), order, plusOne, scale));
  }

  private Header.Entry scale(String name) {
    String stem = name.substring(0, name.length() - WEIGHT.length());
    return place(stem + ".scale", new long[] {1}, Encoding.F32);
  }

  private void refuse(TensorInfo info, String reason) {
    refusals.add(info.name() + ": " + reason);
  }

  private @Nullable Encoding plain(TensorInfo info) {
    DType type = info.dtype();
    int rank = info.shape().length;
    boolean floats = type == DType.F32 || type == DType.F16 || type == DType.BF16;
    if (!floats || rank < 1 || rank > 2 || info.elements() == 0) {
      refuse(info, "%s, expected F32, F16 or BF16 of one or two dimensions".formatted(info));
      return null;
    }
    return rank == 1 || type == DType.F32
        ? Encoding.F32
        : type == DType.F16 ? Encoding.F16 : Encoding.BF16;
  }

  private @Nullable Encoding quantized(TensorInfo info, String name, QuantConfig quantization) {
    if (quantization.scaleType() == ScaleType.E4M3
        && (name.equals(EMBEDDING) || !name.endsWith(WEIGHT))) {
      refuse(info, "e4m3 scales, expected others: llama.cpp has no place for the tensor's scale");
      return null;
    }
    return switch (target.holding(quantization, info.shape())) {
      case Target.Exact exact -> Encoding.valueOf(exact.encoding());
      case Target.Refused refused -> {
        refuse(info, refused.reason());
        yield null;
      }
    };
  }

  private Header.Entry place(String name, long[] shape, Encoding encoding) {
    List<Long> dimensions = Arrays.stream(shape).boxed().toList();
    Header.Entry entry = new Header.Entry(name, dimensions, encoding, end);
    end = Header.align(Math.addExact(end, entry.bytes()), Header.ALIGNMENT);
    return entry;
  }

  /** Adds tensors of the file that the model does not have. */
  void addOwn(Map<String, List<Float>> tensors) {
    tensors.forEach(
        (name, values) -> own.put(place(name, new long[] {values.size()}, Encoding.F32), values));
  }

  List<Item> items() {
    return items;
  }

  Map<Header.Entry, List<Float>> own() {
    return own;
  }

  /** All tensors of the file, in the order of their data. */
  List<Header.Entry> entries() {
    List<Header.Entry> entries = new ArrayList<>(own.keySet());
    for (Item item : items) {
      entries.add(item.entry());
      if (item.scale() != null) {
        entries.add(item.scale());
      }
    }
    entries.sort((a, b) -> Long.compare(a.offset(), b.offset()));
    return entries;
  }

  /** Bytes of all data, paddings included. */
  long dataBytes() {
    return end;
  }

  /** The type that holds most elements of matrices. */
  int fileType() {
    Map<Encoding, Long> elements = new HashMap<>();
    for (Item item : items) {
      if (item.entry().shape().size() > 1) {
        elements.merge(item.entry().encoding(), item.info().elements(), Long::sum);
      }
    }
    return elements.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(most -> most.getKey().fileType())
        .orElse(0);
  }
}
