package io.parq.optim;

/**
 * How an optimizer keeps its moments: running averages of gradients and of their squares, or a
 * momentum buffer. Every step widens them to single precision, updates weights and moments as ever,
 * and then rounds the moments, so that the step at hand uses what it has not rounded yet. Tensors
 * of fewer than {@value #LEAST_ELEMENTS} elements always keep single precision: they take little
 * memory, and norms and biases are the most sensitive.
 *
 * <p>Source: torchao {@code AdamW8bit} and its companions; Dettmers et al., 8-bit Optimizers via
 * Block-wise Quantization (arXiv 2110.02861).
 */
public enum Moments {
  /** Single precision: 4 bytes a moment. */
  FP32,

  /**
   * bfloat16, rounded to nearest, ties to even: 2 bytes a moment. An average of squares with a
   * decay of 0.999 loses changes below a 256th of it, so it stops a little short of where it goes.
   */
  BF16,

  /**
   * Blocks of {@value #BLOCK} elements, each with a scale in single precision, its largest
   * magnitude, and an 8-bit code an element in a dynamic map, which spreads its 256 values over
   * seven decades: 1.016 bytes a moment. The map is signed for gradients and momentum and unsigned
   * for squares. Values, codes and scales are torchao's. A block that holds NaN or infinity comes
   * back as NaN and infinities.
   *
   * <p>Blocks run through a tensor's elements in row-major order; its last one may be shorter. A
   * tensor keeps single precision if it is quantized and whole rows (or groups, if those are
   * longer) don't add up to a multiple of {@value #BLOCK} within 65536 elements, as rows of 999 do
   * not.
   */
  BLOCKWISE_8BIT;

  /** Elements below which a tensor's moments stay in single precision. */
  public static final int LEAST_ELEMENTS = 4096;

  /** Elements that share a scale under {@link #BLOCKWISE_8BIT}. */
  public static final int BLOCK = 256;

  /**
   * {@return the bytes that one moment of a tensor takes}
   *
   * @param elements the tensor's, at least 0
   * @throws ArithmeticException if they overflow a {@code long}
   */
  public long bytes(long elements) {
    if (elements < LEAST_ELEMENTS) {
      return Math.multiplyExact(elements, 4L);
    }
    return switch (this) {
      case FP32 -> Math.multiplyExact(elements, 4L);
      case BF16 -> Math.multiplyExact(elements, 2L);
      case BLOCKWISE_8BIT -> Math.addExact(elements, 4 * Math.ceilDiv(elements, BLOCK));
    };
  }

  /** What an optimizer's description says of it; nothing of single precision. */
  String spec() {
    return this == FP32 ? "" : " moments=" + name().toLowerCase(java.util.Locale.ROOT);
  }
}
