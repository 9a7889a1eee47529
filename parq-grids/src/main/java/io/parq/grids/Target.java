package io.parq.grids;

/**
 * What a file format can hold exactly. It is asked before training, so that a tensor that cannot be
 * shipped is refused by name and not after hours, and again by the writer.
 */
public interface Target {
  /** {@return the name in recipes and flags: gguf, onnx, torchao, safetensors, parq} */
  String name();

  /**
   * Tells how the format holds a weight that lies on a lattice.
   *
   * @param config grid, granularity and scale type of the weight
   * @param shape of the weight: rows, then columns; not modified
   * @return how, or why not
   */
  Holding holding(QuantConfig config, long... shape);

  /**
   * Tells what scales are to be rounded to in training so that the format holds them exactly.
   *
   * @param grid the levels
   * @param granularity what shares a scale
   * @return the scale type with the most significant bits among those that it holds exactly
   */
  ScaleType scaleType(Grid grid, Granularity granularity);

  /** An answer: {@link Exact} or {@link Refused}. */
  sealed interface Holding {}

  /**
   * The format holds all values bit for bit.
   *
   * @param encoding the format's own name of the encoding, such as {@code Q4_0}
   * @param bitsPerWeight stored bits for each weight, scales included
   */
  record Exact(String encoding, double bitsPerWeight) implements Holding {}

  /**
   * The format cannot hold the values, or not in this shape.
   *
   * @param reason what was found and what was expected, such as {@code 100 columns, expected a
   *     multiple of 32 for Q4_0}
   */
  record Refused(String reason) implements Holding {}
}
