package io.parq.export.onnx;

import static io.parq.export.onnx.GraphBuilder.attribute;

import io.parq.export.ModelSource;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import onnx.Onnx.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a graph: adds the nodes that use them, and gives each of their parts a place in
 * the data file. What does not fit is collected, so that all of it can be told at once.
 */
final class GraphWeights {
  /**
   * Bytes to be written.
   *
   * @param info the tensor of the source
   * @param encoding of a quantized tensor, or null for one that is copied
   * @param codes where codes, or the copied elements, begin
   * @param scales where scales begin
   * @param zeroPoints where zero points begin
   */
  record Placed(
      TensorInfo info, @Nullable Encoding encoding, long codes, long scales, long zeroPoints) {}

  /** How a known tensor is seen from the graph. */
  private record Known(
      TensorInfo info,
      @Nullable Placed placed,
      String codes,
      String scales,
      @Nullable String zeroPoints) {}

  private final GraphBuilder graph;
  private final ModelSource model;
  private final int accuracyLevel;
  private final String file;
  private final Map<String, TensorInfo> infos = new LinkedHashMap<>();
  private final Map<String, Known> known = new LinkedHashMap<>();
  private final Set<String> views = new HashSet<>();
  private final Set<String> problems = new LinkedHashSet<>();
  private long end;

  GraphWeights(GraphBuilder graph, ModelSource model, int accuracyLevel, String file) {
    this.graph = graph;
    this.model = model;
    this.accuracyLevel = accuracyLevel;
    this.file = file;
    model.tensors().forEach(tensor -> infos.put(tensor.name(), tensor));
  }

  boolean has(String name) {
    return infos.containsKey(name);
  }

  /** Multiplies [.., columns] with the transposed weight [rows, columns]. */
  String linear(String x, String name, long rows, long columns) {
    Known weight = use(name, rows, columns);
    Encoding encoding = encoding(weight);
    if (encoding == null || !encoding.packed()) {
      String matrix =
          encoding == null
              ? single(weight.codes(), weight.info())
              : dequantize(
                  codes(weight, encoding, false),
                  weight.scales(),
                  weight.zeroPoints(),
                  1,
                  encoding.blockSize());
      String transposed =
          graph.add("Transpose", List.of(matrix), attribute("perm", new long[] {1, 0}));
      return graph.add("MatMul", List.of(x, transposed));
    }
    return graph.addMicrosoft(
        "MatMulNBits",
        inputs(x, codes(weight, encoding, true), weight.scales(), weight.zeroPoints()),
        attribute("K", columns),
        attribute("N", rows),
        attribute("bits", encoding.bits()),
        attribute("block_size", encoding.blockSize()),
        attribute("accuracy_level", accuracyLevel));
  }

  /** Looks up rows: from ids [batch, token] to [batch, token, columns]. */
  String embedding(String ids, String name, long rows, long columns) {
    Known weight = use(name, rows, columns);
    Encoding encoding = encoding(weight);
    if (encoding == null) {
      return single(graph.add("Gather", List.of(weight.codes(), ids)), weight.info());
    }
    if (encoding.packed()) {
      return graph.addMicrosoft(
          "GatherBlockQuantized",
          inputs(codes(weight, encoding, false), ids, weight.scales(), weight.zeroPoints()),
          attribute("bits", encoding.bits()),
          attribute("block_size", encoding.blockSize()),
          attribute("gather_axis", 0),
          attribute("quantize_axis", 1));
    }
    String zeroPoints = weight.zeroPoints();
    return dequantize(
        graph.add("Gather", List.of(codes(weight, encoding, false), ids)),
        graph.add("Gather", List.of(weight.scales(), ids)),
        zeroPoints == null ? null : graph.add("Gather", List.of(zeroPoints, ids)),
        2,
        encoding.blockSize());
  }

  /** A vector, such as a bias or the factors of a norm. */
  String vector(String name, long size) {
    Known weight = use(name, size);
    if (encoding(weight) != null) {
      problems.add(name + ": quantized, expected a plain vector");
    }
    return single(weight.codes(), weight.info());
  }

  private static @Nullable Encoding encoding(Known weight) {
    return weight.placed() == null ? null : weight.placed().encoding();
  }

  private static List<String> inputs(
      String first, String second, String third, @Nullable String zeroPoints) {
    return zeroPoints == null
        ? List.of(first, second, third)
        : List.of(first, second, third, zeroPoints);
  }

  private String dequantize(
      String codes, String scales, @Nullable String zeroPoints, int axis, int blockSize) {
    return graph.add(
        "DequantizeLinear",
        zeroPoints == null ? List.of(codes, scales) : List.of(codes, scales, zeroPoints),
        attribute("axis", axis),
        attribute("block_size", blockSize));
  }

  /** Single-precision values of what is stored in the type of its source. */
  private String single(String value, TensorInfo info) {
    return info.dtype() == DType.F32
        ? value
        : graph.add("Cast", List.of(value), attribute("to", DataType.FLOAT.getNumber()));
  }

  /**
   * The codes as an operator wants them, as a matrix or in blocks: the same bytes, so that a head
   * that is tied to the embedding takes no room.
   */
  private String codes(Known weight, Encoding e, boolean blocks) {
    String name = weight.codes() + (blocks ? "G" + e.blockSize() : "");
    Placed placed = weight.placed();
    if (placed != null && views.add(name)) {
      long[] shape =
          blocks
              ? new long[] {e.rows(), e.rowBlocks(), e.rowBytes() / e.rowBlocks()}
              : new long[] {e.rows(), e.rowBytes()};
      DataType type = e.packed() ? DataType.UINT8 : DataType.INT8;
      long bytes = Math.multiplyExact(e.rows(), e.rowBytes());
      graph.initializer(GraphBuilder.external(name, type, file, placed.codes(), bytes, shape));
    }
    return name;
  }

  private Known use(String name, long... shape) {
    Known found = known.get(name);
    if (found != null) {
      return found;
    }
    Known added = place(name, shape);
    known.put(name, added);
    return added;
  }

  private Known place(String name, long... shape) {
    TensorInfo info = infos.get(name);
    String expected = Arrays.toString(shape);
    if (info == null) {
      problems.add("%s: missing, expected shape %s".formatted(name, expected));
      return unknown(name, shape);
    }
    if (!Arrays.equals(info.shape(), shape)) {
      problems.add(
          "%s: shape %s, expected %s".formatted(name, Arrays.toString(info.shape()), expected));
      return unknown(name, shape);
    }
    QuantConfig config = model.config(name);
    return config == null ? placePlain(info) : placeQuantized(info, config);
  }

  private static Known unknown(String name, long... shape) {
    return new Known(TensorInfo.of(name, DType.F32, shape), null, name, name, null);
  }

  private Known placePlain(TensorInfo info) {
    DataType type = type(info.dtype());
    if (type == null) {
      problems.add("%s: %s, expected F32, BF16 or F16".formatted(info.name(), info.dtypeName()));
      return unknown(info.name(), info.shape());
    }
    long place = add(info.name(), type, info.byteSize(), info.shape());
    return new Known(info, new Placed(info, null, place, 0, 0), info.name(), info.name(), null);
  }

  private static @Nullable DataType type(@Nullable DType type) {
    return switch (type) {
      case F32 -> DataType.FLOAT;
      case F16 -> DataType.FLOAT16;
      case BF16 -> DataType.BFLOAT16;
      case null, default -> null;
    };
  }

  private Known placeQuantized(TensorInfo info, QuantConfig config) {
    Encoding e;
    try {
      e = Encoding.of(config, info.shape(), accuracyLevel);
    } catch (IllegalArgumentException | ArithmeticException problem) {
      problems.add(info.name() + ": " + problem.getMessage());
      return unknown(info.name(), info.shape());
    }
    String codes = info.name() + "_Q" + e.bits();
    String scales = info.name() + "_scales";
    DataType type = e.packed() ? DataType.UINT8 : DataType.INT8;
    long codesPlace = reserve(Math.multiplyExact(e.rows(), e.rowBytes()));
    long scalesPlace =
        add(
            scales,
            DataType.FLOAT,
            e.rows() * e.rowBlocks() * Float.BYTES,
            e.rows(),
            e.rowBlocks());
    if (!e.zeroPoints()) {
      Placed placed = new Placed(info, e, codesPlace, scalesPlace, 0);
      return new Known(info, placed, codes, scales, null);
    }
    String zeroPoints = info.name() + "_zero_points";
    long zeroPointsPlace =
        add(zeroPoints, type, e.rows() * e.rowZeroPointBytes(), e.rows(), e.rowZeroPointBytes());
    Placed placed = new Placed(info, e, codesPlace, scalesPlace, zeroPointsPlace);
    return new Known(info, placed, codes, scales, zeroPoints);
  }

  private long add(String name, DataType type, long bytes, long... shape) {
    long place = reserve(bytes);
    graph.initializer(GraphBuilder.external(name, type, file, place, bytes, shape));
    return place;
  }

  private long reserve(long bytes) {
    long place = DataFile.align(end, bytes);
    end = Math.addExact(place, bytes);
    return place;
  }

  /** Fails if anything did not fit. */
  void check() {
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          "%d tensors cannot be written as ONNX:%n  %s"
              .formatted(problems.size(), String.join(System.lineSeparator() + "  ", problems)));
    }
  }

  /** Counts tensors that no node uses as not fitting. */
  void refuseUnused() {
    infos.keySet().stream()
        .filter(name -> !known.containsKey(name))
        .forEach(name -> problems.add(name + ": not a part of this model"));
  }

  /** Bytes of the data file. */
  long bytes() {
    return end;
  }

  /** What to write, in the file's order. */
  List<Placed> placed() {
    List<Placed> placed = new ArrayList<>();
    for (Known weight : known.values()) {
      if (weight.placed() != null) {
        placed.add(weight.placed());
      }
    }
    return placed;
  }
}
