package io.parq.export.onnx;

import io.parq.export.onnx.Initializers.Initializer;
import io.parq.export.onnx.Weight.Blocks;
import io.parq.export.onnx.Weight.Integers;
import io.parq.grids.TensorData;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/**
 * Finds the weights of a graph: what MatMulNBits, GatherBlockQuantized and DequantizeLinear read,
 * and the floats among the other tensors. Fails with an IllegalArgumentException at what it cannot
 * decode.
 */
final class WeightFinder {
  private final Initializers tensors;

  /** What gathers rows of a tensor, by the name of what it gives. */
  private final Map<String, NodeProto> gathers = new HashMap<>();

  private final Map<String, Blocks> blocks = new HashMap<>();
  private final Set<String> parts = new HashSet<>();

  private WeightFinder(Initializers tensors) {
    this.tensors = tensors;
  }

  /** The weights by name, in the order of the tensors. */
  static Map<String, Weight> find(GraphProto graph, Initializers tensors) {
    WeightFinder finder = new WeightFinder(tensors);
    for (NodeProto node : graph.getNodeList()) {
      try {
        finder.look(node);
      } catch (IllegalArgumentException | ArithmeticException e) {
        throw new IllegalArgumentException("node " + node.getName() + ": " + e.getMessage(), e);
      }
    }
    return finder.weights();
  }

  private Map<String, Weight> weights() {
    Map<String, Weight> weights = new LinkedHashMap<>();
    for (Initializer tensor : tensors.all()) {
      Blocks quantized = blocks.get(tensor.name());
      if (quantized != null) {
        String name = tensor.name().replaceFirst("_Q\\d+(G\\d+)?$", "");
        Weight other = weights.get(name);
        if (other == null) {
          weights.put(name, quantized);
        } else if (!other.place().equals(quantized.place())) {
          weights.put(tensor.name(), quantized);
        }
      } else if (!parts.contains(tensor.name()) && Initializers.FLOATS.contains(tensor.type())) {
        weights.put(tensor.name(), new Weight.Plain(Weight.floats(tensor)));
      }
    }
    return weights;
  }

  private void look(NodeProto node) {
    switch (node.getOpType()) {
      case "MatMulNBits" -> matMul(node);
      case "GatherBlockQuantized" -> gather(node);
      case "DequantizeLinear" -> dequantize(node);
      case "Gather" -> {
        if (node.getOutputCount() == 1) {
          gathers.put(node.getOutput(0), node);
        }
      }
      default -> {
        // Other operators read weights as floats.
      }
    }
  }

  private static long attribute(NodeProto node, String name, long otherwise) {
    for (AttributeProto attribute : node.getAttributeList()) {
      if (attribute.getName().equals(name)) {
        return attribute.getI();
      }
    }
    return otherwise;
  }

  private static long positive(NodeProto node, String name, long otherwise) {
    long value = attribute(node, name, otherwise);
    if (value < 1) {
      throw new IllegalArgumentException("%s %d, expected at least 1".formatted(name, value));
    }
    return value;
  }

  private static int bits(NodeProto node) {
    long bits = attribute(node, "bits", 4);
    if (bits != 2 && bits != 4 && bits != 8) {
      throw new IllegalArgumentException("bits %d, expected 2, 4 or 8".formatted(bits));
    }
    return (int) bits;
  }

  private @Nullable Initializer input(NodeProto node, int index) {
    return index < node.getInputCount() && !node.getInput(index).isEmpty()
        ? tensors.find(node.getInput(index))
        : null;
  }

  private static void require(NodeProto node, String name, long otherwise, long... supported) {
    long value = attribute(node, name, otherwise);
    for (long allowed : supported) {
      if (value == allowed) {
        return;
      }
    }
    throw new IllegalArgumentException(
        "%s %d, expected one of %s".formatted(name, value, java.util.Arrays.toString(supported)));
  }

  private void matMul(NodeProto node) {
    Initializer codes = input(node, 1);
    Initializer scales = input(node, 2);
    if (codes == null || scales == null) {
      return;
    }
    if (input(node, 4) != null) {
      throw new IllegalArgumentException("groups in another order (g_idx) are not supported");
    }
    int bits = bits(node);
    long rows = positive(node, "N", 0);
    long columns = positive(node, "K", 0);
    long block = positive(node, "block_size", 0);
    long stride = Math.multiplyExact(Math.ceilDiv(columns, block), block);
    add(
        "MatMulNBits bits=%d block_size=%d".formatted(bits, block),
        Integers.of(codes, bits, false, rows, stride),
        rows,
        columns,
        block,
        1 << (bits - 1),
        List.of(codes, scales),
        input(node, 3));
  }

  private void gather(NodeProto node) {
    Initializer codes = input(node, 0);
    Initializer scales = input(node, 2);
    if (codes == null || scales == null) {
      return;
    }
    if (codes.shape().size() != 2) {
      throw new IllegalArgumentException(
          "%s: rank %d, expected 2".formatted(codes.name(), codes.shape().size()));
    }
    require(node, "gather_axis", 0, 0, -2);
    require(node, "quantize_axis", 1, 1, -1);
    boolean bytes = codes.type() == DataType.UINT8;
    int bits = bytes ? bits(node) : Initializers.bits(codes.type());
    boolean signed = Integers.signed(codes);
    long rows = codes.shape().get(0);
    long columns = Math.multiplyExact(codes.shape().get(1), bytes ? 8 / bits : 1);
    long block = positive(node, "block_size", 128);
    add(
        "GatherBlockQuantized bits=%d block_size=%d".formatted(bits, block),
        Integers.of(codes, bits, signed, rows, columns),
        rows,
        columns,
        block,
        bytes ? 1 << (bits - 1) : 0,
        List.of(codes, scales),
        input(node, 3));
  }

  /** Adds codes whose blocks lie within rows. */
  private void add(
      String encoding,
      Integers codes,
      long rows,
      long columns,
      long block,
      int zeroPoint,
      List<Initializer> codesAndScales,
      @Nullable Initializer zeroPoints) {
    Initializer scales = codesAndScales.getLast();
    long bytes = codesAndScales.getFirst().data().byteSize() + scales.data().byteSize();
    Integers integerZeroPoints = null;
    TensorData floatZeroPoints = null;
    parts.add(scales.name());
    if (zeroPoints != null) {
      parts.add(zeroPoints.name());
      bytes += zeroPoints.data().byteSize();
      if (Initializers.FLOATS.contains(zeroPoints.type())) {
        floatZeroPoints = Weight.floats(zeroPoints);
      } else {
        long blocksOfRow = Math.ceilDiv(columns, block);
        boolean packed = zeroPoints.type() == DataType.UINT8;
        int perByte = packed ? 8 / codes.bits() : 1;
        long stride = Math.ceilDiv(blocksOfRow, (long) perByte) * perByte;
        integerZeroPoints =
            Integers.of(zeroPoints, codes.bits(), Integers.signed(zeroPoints), rows, stride);
      }
    }
    blocks.put(
        codesAndScales.getFirst().name(),
        new Blocks(
            encoding,
            rows,
            columns,
            codes,
            Weight.floats(scales),
            1,
            block,
            integerZeroPoints,
            floatZeroPoints,
            zeroPoint,
            bytes));
  }

  /** A tensor, or the one whose rows are gathered. */
  private @Nullable Initializer rowsOf(NodeProto node, int index) {
    Initializer direct = input(node, index);
    if (direct != null || index >= node.getInputCount()) {
      return direct;
    }
    NodeProto gather = gathers.get(node.getInput(index));
    return gather == null || attribute(gather, "axis", 0) != 0 ? null : input(gather, 0);
  }

  private void dequantize(NodeProto node) {
    Initializer codes = rowsOf(node, 0);
    Initializer scales = rowsOf(node, 1);
    if (codes == null || scales == null || Initializers.bits(codes.type()) > 8) {
      return;
    }
    boolean gathered = input(node, 0) == null;
    long rows = codes.shape().size() < 2 ? 1 : codes.shape().get(0);
    long columns = TensorData.elements(codes.dimensions()) / Math.max(1, rows);
    if (codes.shape().size() > 2 || rows < 1 || columns < 1) {
      throw new IllegalArgumentException(
          "%s: shape %s, expected rows and columns".formatted(codes.name(), codes.shape()));
    }
    int bits = Initializers.bits(codes.type());
    boolean signed = Integers.signed(codes);
    long block = attribute(node, "block_size", 0);
    long axis = attribute(node, "axis", 1);
    boolean last = axis == -1 || axis == (gathered ? 2 : codes.shape().size() - 1);
    long scaleRows = rows;
    long scaleColumns = columns;
    if (block > 0 && last) {
      scaleRows = 1;
      scaleColumns = block;
    } else if (block > 0) {
      scaleRows = block;
      scaleColumns = 1;
    } else if (TensorData.elements(scales.dimensions()) > 1) {
      scaleRows = last ? rows : 1;
      scaleColumns = last ? 1 : columns;
    }
    Initializer zeroPoints = rowsOf(node, 2);
    long zeroPointRows = Math.ceilDiv(rows, scaleRows);
    long zeroPointColumns = Math.ceilDiv(columns, scaleColumns);
    parts.add(scales.name());
    long bytes = codes.data().byteSize() + scales.data().byteSize();
    if (zeroPoints != null) {
      parts.add(zeroPoints.name());
      bytes += zeroPoints.data().byteSize();
    }
    blocks.put(
        codes.name(),
        new Blocks(
            "DequantizeLinear %s%s"
                .formatted(codes.type(), block > 0 ? " block_size=" + block : ""),
            rows,
            columns,
            Integers.of(codes, bits, signed, rows, columns),
            Weight.floats(scales),
            scaleRows,
            scaleColumns,
            zeroPoints == null
                ? null
                : Integers.of(zeroPoints, bits, signed, zeroPointRows, zeroPointColumns),
            null,
            0,
            bytes));
  }
}
