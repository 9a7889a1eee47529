package io.parq.torch;

import io.parq.export.ModelReader;
import io.parq.export.ModelReader.Stored;
import io.parq.export.Rows;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Moves weights between files and a model's memory, one chunk at a time. */
final class Weights {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final Set<DType> READABLE = Set.of(DType.F32, DType.BF16, DType.F16);

  /** Names of stored types that are no weights; other encodings are those of quantized weights. */
  private static final Set<String> UNREADABLE =
      Arrays.stream(DType.values())
          .filter(type -> !READABLE.contains(type))
          .map(DType::name)
          .collect(Collectors.toUnmodifiableSet());

  private static final String HEAD = "lm_head.weight";

  private Weights() {}

  /** A model's parameters by name, in their own memory. */
  private static Map<String, TensorData> parameters(Module model) {
    Map<String, TensorData> found = new LinkedHashMap<>();
    try (PointerScope _ = new PointerScope()) {
      StringTensorDict parameters = model.named_parameters();
      for (long i = 0; i < parameters.size(); i++) {
        String name = parameters.get(i).key().getString();
        Tensor tensor = parameters.get(i).value();
        if (tensor.scalar_type().intern() != ScalarType.Float || !tensor.is_cpu()) {
          throw new IllegalStateException(
              "%s: %s%s, expected Float in the host's memory"
                  .formatted(name, tensor.scalar_type(), tensor.is_cpu() ? "" : " on a device"));
        }
        long[] shape = new long[(int) tensor.dim()];
        Arrays.setAll(shape, tensor::size);
        found.put(name, new TensorData(DType.F32, shape, Torch.memory(tensor)));
      }
    }
    return found;
  }

  /** Reads weights into a model. */
  static void load(CausalLm model, Path path, ModelReader reader) throws IOException {
    Map<String, Stored> stored = new LinkedHashMap<>();
    for (Stored tensor : reader.tensors()) {
      String name = textName(tensor.name());
      if (!isIgnored(name, model.config())) {
        stored.put(name, tensor);
      }
    }
    Map<String, TensorData> parameters = parameters(model);
    check(path, parameters, stored);
    for (Map.Entry<String, Stored> entry : stored.entrySet()) {
      TensorData parameter = parameters.get(entry.getKey());
      if (parameter != null) {
        long rows = Rows.of(parameter.shape()).rows();
        reader.read(entry.getValue().name(), 0, rows, parameter.data());
      }
    }
  }

  /** The name within a text model of what may be a part of a larger one. */
  private static String textName(String name) {
    for (String prefix : List.of("language_model.model.", "model.language_model.")) {
      if (name.startsWith(prefix)) {
        return "model." + name.substring(prefix.length());
      }
    }
    return name.startsWith("language_model.lm_head.")
        ? name.substring("language_model.".length())
        : name;
  }

  /** Copies of a tied head, tables that old releases stored, and parts that read images. */
  private static boolean isIgnored(String name, ModelConfig config) {
    return (config.tiedHead() && name.equals(HEAD))
        || name.endsWith(".rotary_emb.inv_freq")
        || (config.family() == Family.GEMMA3
            && name.matches("(model\\.)?(vision_tower|multi_modal_projector)\\..*"));
  }

  private static void check(
      Path folder, Map<String, TensorData> parameters, Map<String, Stored> stored)
      throws ModelFormatException {
    List<String> problems = new ArrayList<>();
    Map<String, Stored> left = new LinkedHashMap<>(stored);
    for (Map.Entry<String, TensorData> parameter : parameters.entrySet()) {
      String name = parameter.getKey();
      String expected = Arrays.toString(parameter.getValue().shape());
      Stored found = left.remove(name);
      if (found == null) {
        problems.add("%s: missing, expected shape %s".formatted(name, expected));
      } else if (!found.shape().toString().equals(expected)) {
        problems.add("%s: shape %s, expected %s".formatted(name, found.shape(), expected));
      } else if (UNREADABLE.contains(found.encoding())) {
        problems.add("%s: %s, expected F32, BF16 or F16".formatted(name, found.encoding()));
      }
    }
    left.keySet().forEach(name -> problems.add(name + ": not a part of this model"));
    if (!problems.isEmpty()) {
      throw new ModelFormatException(
          folder,
          "%d tensors are not what %s asks for:%n  %s"
              .formatted(
                  problems.size(),
                  ModelConfig.FILE,
                  String.join(System.lineSeparator() + "  ", problems)));
    }
  }

  /** Gives a model fresh weights. */
  static void fill(CausalLm model, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double deviation = model.config().initializerRange();
    float neutral = model.config().family() == Family.GEMMA3 ? 0 : 1;
    List<Runnable> tasks = new ArrayList<>();
    parameters(model)
        .forEach(
            (name, parameter) -> {
              SplittableRandom own = random.split();
              boolean matrix = parameter.shape().length > 1;
              float constant = name.endsWith(".bias") ? 0 : neutral;
              tasks.add(
                  () -> {
                    long elements = parameter.elements();
                    for (long i = 0; i < elements; i++) {
                      float value = matrix ? (float) own.nextGaussian(0, deviation) : constant;
                      parameter.data().setAtIndex(FLOAT, i, value);
                    }
                  });
            });
    tasks.parallelStream().forEach(Runnable::run);
  }

  /** Writes a model's weights, as one file or as shards with an index; returns the files. */
  static Set<Path> save(CausalLm model, Path folder, long maxShardBytes) throws IOException {
    Map<String, TensorData> parameters = parameters(model);
    List<TensorInfo> tensors = new ArrayList<>();
    parameters.forEach((name, parameter) -> tensors.add(TensorInfo.of(name, parameter)));
    boolean single = tensors.stream().mapToLong(TensorInfo::byteSize).sum() <= maxShardBytes;
    Path file = folder.resolve(single ? ModelFolder.SINGLE : ModelFolder.INDEX);
    // transformers reads only files that say so.
    Map<String, String> metadata = Map.of("format", "pt");
    try (SafetensorsWriter writer =
        single
            ? SafetensorsWriter.open(file, tensors, metadata)
            : SafetensorsWriter.openSharded(folder, tensors, metadata, maxShardBytes)) {
      for (Map.Entry<String, TensorData> parameter : parameters.entrySet()) {
        writer.put(parameter.getKey(), parameter.getValue().data());
      }
      writer.commit();
    }
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      return Set.copyOf(reader.files());
    }
  }
}
