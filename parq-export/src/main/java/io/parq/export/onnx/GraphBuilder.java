package io.parq.export.onnx;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorProto.DataType;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.TypeProto;
import onnx.Onnx.ValueInfoProto;

/** Puts a graph together node by node. Values are known by their names. */
final class GraphBuilder {
  /** Opset 23 brought attention, rotary embeddings and RMS normalization. */
  private static final int OPSET = 23;

  private static final int IR_VERSION = 11;
  private static final String MICROSOFT = "com.microsoft";

  private final GraphProto.Builder graph;
  private final Map<String, String> constants = new HashMap<>();
  private int count;

  GraphBuilder(String name) {
    graph = GraphProto.newBuilder().setName(name);
  }

  /** Adds a node of ONNX's own operators; absent inputs are empty; returns its first output. */
  String add(String operator, List<String> inputs, AttributeProto... attributes) {
    return add(operator, inputs, 1, attributes).getFirst();
  }

  /** Adds a node with several outputs. */
  List<String> add(
      String operator, List<String> inputs, int outputs, AttributeProto... attributes) {
    return node("", operator, inputs, outputs, attributes);
  }

  /** Adds a node of ONNX Runtime's own operators. */
  String addMicrosoft(String operator, List<String> inputs, AttributeProto... attributes) {
    return node(MICROSOFT, operator, inputs, 1, attributes).getFirst();
  }

  private List<String> node(
      String domain,
      String operator,
      List<String> inputs,
      int outputs,
      AttributeProto... attributes) {
    String name = operator + "_" + count++;
    List<String> names =
        outputs == 1
            ? List.of(name)
            : java.util.stream.IntStream.range(0, outputs).mapToObj(i -> name + "." + i).toList();
    graph.addNode(
        NodeProto.newBuilder()
            .setDomain(domain)
            .setOpType(operator)
            .setName(name)
            .addAllInput(inputs)
            .addAllOutput(names)
            .addAllAttribute(Arrays.asList(attributes)));
    return names;
  }

  /** Integers within the graph; equal ones are there once. */
  String integers(long... values) {
    ByteBuffer bytes = buffer(values.length * Long.BYTES);
    bytes.asLongBuffer().put(values);
    return constant(DataType.INT64, new long[] {values.length}, bytes);
  }

  /** An integer without dimensions. */
  String integer(long value) {
    return constant(DataType.INT64, new long[0], buffer(Long.BYTES).putLong(value).flip());
  }

  /** Floats within the graph. */
  String floats(float[] values, long... shape) {
    ByteBuffer bytes = buffer(values.length * Float.BYTES);
    bytes.asFloatBuffer().put(values);
    return constant(DataType.FLOAT, shape, bytes);
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private String constant(DataType type, long[] shape, ByteBuffer bytes) {
    ByteString data = ByteString.copyFrom(bytes);
    String key = type + Arrays.toString(shape) + data.toStringUtf8();
    // Bits of floats are no text, so only integers are looked up.
    String known = type == DataType.INT64 ? constants.get(key) : null;
    if (known != null) {
      return known;
    }
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setDataType(type.getNumber()).setRawData(data);
    for (long dimension : shape) {
      tensor.addDims(dimension);
    }
    String name =
        add(
            "Constant",
            List.of(),
            AttributeProto.newBuilder()
                .setName("value")
                .setType(AttributeProto.AttributeType.TENSOR)
                .setT(tensor)
                .build());
    constants.put(key, name);
    return name;
  }

  void initializer(TensorProto tensor) {
    graph.addInitializer(tensor);
  }

  /** Adds an input; a dimension is a number or a name. */
  String input(String name, DataType type, Object... shape) {
    graph.addInput(value(name, type, shape));
    return name;
  }

  /** Gives a value of the graph out under a name. */
  void output(String name, String value, DataType type, Object... shape) {
    graph.addNode(
        NodeProto.newBuilder().setOpType("Identity").setName(name).addInput(value).addOutput(name));
    graph.addOutput(value(name, type, shape));
  }

  private static ValueInfoProto value(String name, DataType type, Object... shape) {
    TensorShapeProto.Builder dimensions = TensorShapeProto.newBuilder();
    for (Object dimension : shape) {
      TensorShapeProto.Dimension.Builder added = dimensions.addDimBuilder();
      if (dimension instanceof Number number) {
        added.setDimValue(number.longValue());
      } else {
        added.setDimParam(dimension.toString());
      }
    }
    TypeProto.Tensor.Builder tensor =
        TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(dimensions);
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }

  static AttributeProto attribute(String name, long value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INT)
        .setI(value)
        .build();
  }

  static AttributeProto attribute(String name, double value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.FLOAT)
        .setF((float) value)
        .build();
  }

  static AttributeProto attribute(String name, String value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.STRING)
        .setS(ByteString.copyFromUtf8(value))
        .build();
  }

  static AttributeProto attribute(String name, long[] values) {
    AttributeProto.Builder builder =
        AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    for (long value : values) {
      builder.addInts(value);
    }
    return builder.build();
  }

  /** A tensor whose bytes are in a file beside the graph. */
  static TensorProto external(
      String name, DataType type, String file, long offset, long bytes, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(type.getNumber())
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(entry("location", file))
            .addExternalData(entry("offset", Long.toString(offset)))
            .addExternalData(entry("length", Long.toString(bytes)));
    for (long dimension : shape) {
      tensor.addDims(dimension);
    }
    return tensor.build();
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  ModelProto model() {
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .setProducerName("parq")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(MICROSOFT).setVersion(1))
        .setGraph(graph)
        .build();
  }
}
