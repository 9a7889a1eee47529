package io.parq.export.onnx;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;

/**
 * What an ONNX graph for ONNX Runtime holds exactly.
 *
 * <p>Activations are single precision, so scales are too: an ONNX scale has the type of what it is
 * multiplied with. All scale types are therefore held as they are; half-precision scales would save
 * 16 bits a block and lose every scale that is not a half-precision number.
 *
 * <p>Stretched grids have no level at zero and no integer zero point. They are held as odd
 * integers: {@code (code + 0.5) * s = (2 * code + 1) * (s / 2)}, both sides exact.
 *
 * <p>Sources: ONNX Runtime's contrib operators MatMulNBits and GatherBlockQuantized; ONNX
 * DequantizeLinear, opset 21.
 *
 * @param accuracyLevel what MatMulNBits computes with: 0 for float activations, 4 for activations
 *     that it rounds to 8 bits block by block. At level 0, ONNX Runtime has fast kernels for 4-bit
 *     codes alone, so codes of 2 bits take 4, and those of 8 bits are slow; at level 4 codes of 2,
 *     4 and 8 bits are fast, and 2 bits take 2. The weights are the same exact values at both
 */
public record OnnxTarget(int accuracyLevel) implements Target {
  /** Checks the level. */
  public OnnxTarget {
    if (accuracyLevel != 0 && accuracyLevel != 4) {
      throw new IllegalArgumentException(
          "accuracy level %d, expected 0 (float activations) or 4 (8-bit activations)"
              .formatted(accuracyLevel));
    }
  }

  /** Float activations. */
  public OnnxTarget() {
    this(0);
  }

  @Override
  public String name() {
    return "onnx";
  }

  @Override
  public Holding holding(QuantConfig config, long... shape) {
    try {
      Encoding encoding = Encoding.of(config, shape, accuracyLevel);
      return new Exact(encoding.toString(), encoding.bitsPerWeight());
    } catch (IllegalArgumentException | ArithmeticException e) {
      return new Refused(String.valueOf(e.getMessage()));
    }
  }

  /** {@return single precision, whatever the grid: all other types are exact in it} */
  @Override
  public ScaleType scaleType(Grid grid, Granularity granularity) {
    return ScaleType.FP32;
  }
}
