package io.parq.export.onnx;

import static io.parq.export.onnx.GraphBuilder.attribute;

import io.parq.export.model.Rope;
import io.parq.export.model.RopeScaling;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.TensorProto.DataType;

/**
 * What tokens know of each other's places: which ones they see, and by how much queries and keys
 * are turned. Adds the inputs of the graph that say so, and each part of the graph once.
 */
final class DecoderPositions {
  private final GraphBuilder graph;
  private final String ids;
  private final String attentionMask;
  private final String positionIds;

  /** How many tokens there are, those of earlier calls included. */
  private final String seen;

  private final Map<Rope, List<String>> turns = new HashMap<>();
  private final Map<Integer, String> masks = new HashMap<>();

  DecoderPositions(GraphBuilder graph) {
    this.graph = graph;
    ids = graph.input("input_ids", DataType.INT64, "batch", "tokens");
    attentionMask = graph.input("attention_mask", DataType.INT64, "batch", "past_and_tokens");
    positionIds = graph.input("position_ids", DataType.INT64, "batch", "tokens");
    seen = length(attentionMask);
  }

  /** Turns queries or keys, [batch, head, token, element]. */
  String turn(String x, Rope rope) {
    List<String> turn = turns.computeIfAbsent(rope, this::cosinesAndSines);
    return graph.add(
        "RotaryEmbedding",
        List.of(x, turn.get(0), turn.get(1)),
        attribute("rotary_embedding_dim", rope.dimension()));
  }

  /** Of each token's angles, [batch, token, pair]. */
  private List<String> cosinesAndSines(Rope rope) {
    String places =
        graph.add("Cast", List.of(positionIds), attribute("to", DataType.FLOAT.getNumber()));
    String column = graph.add("Unsqueeze", List.of(places, graph.integers(-1)));
    String angles = graph.add("Mul", List.of(column, frequencies(rope)));
    String magnitude = graph.floats(new float[] {(float) rope.magnitude()});
    return List.of(
        graph.add("Mul", List.of(graph.add("Cos", List.of(angles)), magnitude)),
        graph.add("Mul", List.of(graph.add("Sin", List.of(angles)), magnitude)));
  }

  private String frequencies(Rope rope) {
    String within = floats(rope.frequencies(0));
    if (!(rope.scaling() instanceof RopeScaling.LongRope scaling)) {
      return within;
    }
    String beyond = floats(rope.frequencies(scaling.originalLength() + 1L));
    String isLong = graph.add("Greater", List.of(seen, graph.integer(scaling.originalLength())));
    return graph.add("Where", List.of(isLong, beyond, within));
  }

  private String floats(List<Float> values) {
    float[] array = new float[values.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = values.get(i);
    }
    return graph.floats(array, array.length);
  }

  /** The length of a tensor's second dimension, without dimensions. */
  private String length(String tensor) {
    String shape = graph.add("Shape", List.of(tensor), attribute("start", 1), attribute("end", 2));
    return graph.add("Squeeze", List.of(shape));
  }

  /**
   * Which tokens (columns) a token (row) sees, [batch, 1, token, past + token]: itself, and those
   * before it that are neither padding nor outside the window.
   */
  String mask(int window) {
    return masks.computeIfAbsent(window, this::newMask);
  }

  private String newMask(int window) {
    String first = graph.add("Sub", List.of(seen, length(ids)));
    String columns = range(graph.integer(0), seen, 0);
    String rows = range(first, seen, 1);
    String distance = graph.add("Sub", List.of(rows, columns));
    String visible = graph.add("GreaterOrEqual", List.of(distance, graph.integer(0)));
    if (window > 0) {
      String near = graph.add("Less", List.of(distance, graph.integer(window)));
      visible = graph.add("And", List.of(visible, near));
    }
    String tokens =
        graph.add(
            "Unsqueeze",
            List.of(
                graph.add(
                    "Cast", List.of(attentionMask), attribute("to", DataType.BOOL.getNumber())),
                graph.integers(1, 2)));
    // Without itself, a padding token would see nothing, and softmax would give NaN.
    String self = graph.add("Equal", List.of(distance, graph.integer(0)));
    return graph.add("Or", List.of(graph.add("And", List.of(visible, tokens)), self));
  }

  /** Integers from first to end as a row (axis 0) or a column (axis 1). */
  private String range(String first, String end, long axis) {
    String range = graph.add("Range", List.of(first, end, graph.integer(1)));
    return graph.add("Unsqueeze", List.of(range, graph.integers(axis)));
  }
}
