package io.parq.grids;

import java.lang.invoke.MethodHandles;

/**
 * Conversions between single precision and the 16-bit formats, in bulk. All implementations give
 * the same bits as {@link SmallFloat} and the JDK do one by one.
 */
interface ConversionKernels {
  void toBf16(float[] values, int from, short[] bits, int at, int length);

  void fromBf16(short[] bits, int from, float[] values, int at, int length);

  /** The compiler vectorizes this loop. */
  default void toFp16(float[] values, int from, short[] bits, int at, int length) {
    for (int i = 0; i < length; i++) {
      bits[at + i] = Float.floatToFloat16(values[from + i]);
    }
  }

  /** The compiler vectorizes this loop. */
  default void fromFp16(short[] bits, int from, float[] values, int at, int length) {
    for (int i = 0; i < length; i++) {
      values[at + i] = Float.float16ToFloat(bits[from + i]);
    }
  }

  /** The chosen ones. */
  final class Best {
    static final ConversionKernels KERNELS =
        Kernels.choose(
            MethodHandles.lookup(),
            ConversionKernels.class,
            new ScalarConversions(),
            "VectorConversions");

    private Best() {}
  }
}
