package io.parq.grids;

/**
 * What a scale is rounded to when it is fitted, so that training runs on the lattice that a file
 * format can hold. Rounding is to nearest, ties to even; a positive scale never becomes zero or
 * infinite but stays at the smallest or largest value of the type.
 */
public enum ScaleType {
  /** Single precision: no rounding. */
  FP32(DType.F32),
  /**
   * bfloat16: such scales between 2^-13 and 65504 are exact in half precision too, halved or not.
   */
  BF16(DType.BF16),
  /**
   * Half precision, such that half of the scale is exact too: scales below 2^-13 are multiples of
   * 2^-23. Stretched levels are odd multiples of half a scale.
   */
  FP16(DType.F16),
  /** A power of two, 2^-127 to 2^127 (the scale of MXFP4). */
  E8M0(DType.F8_E8M0),
  /**
   * E4M3 times one single-precision scale for the whole tensor (the scales of NVFP4): the tensor
   * scale makes the largest block scale 448, and block scales stay at or above 2^-6.
   */
  E4M3(DType.F8_E4M3);

  private static final float E4M3_MIN_NORMAL = 0x1p-6f;

  private final DType dtype;

  ScaleType(DType dtype) {
    this.dtype = dtype;
  }

  /** {@return the stored type of a scale} */
  public DType dtype() {
    return dtype;
  }

  /** {@return the name in flags and files: fp32, bf16, fp16, e8m0, e4m3} */
  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }

  /**
   * Reads what {@code toString} writes.
   *
   * @param text a name such as {@code bf16}
   * @return the type
   * @throws IllegalArgumentException if there is no such type
   */
  public static ScaleType parse(String text) {
    for (ScaleType type : values()) {
      if (type.toString().equals(text)) {
        return type;
      }
    }
    throw new IllegalArgumentException(
        "scale type '" + text + "', expected fp32, bf16, fp16, e8m0 or e4m3");
  }

  /**
   * Rounds a scale. For {@link #E4M3} the argument is the block scale divided by the tensor scale.
   *
   * @param scale a finite scale, at least 0
   * @return the nearest value of this type that is positive and finite
   */
  public float round(float scale) {
    return switch (this) {
      case FP32 -> Math.max(scale, Float.MIN_VALUE);
      case BF16 -> {
        float rounded = SmallFloat.fromBf16(SmallFloat.toBf16(scale));
        yield Math.clamp(rounded, 0x1p-133f, 0x1.fep127f);
      }
      case FP16 -> {
        float half = Float.float16ToFloat(Float.floatToFloat16(scale / 2));
        yield Math.clamp(2 * half, 0x1p-23f, 65504f);
      }
      case E8M0 -> SmallFloat.fromE8m0(SmallFloat.toE8m0(scale));
      case E4M3 -> SmallFloat.fromE4m3(SmallFloat.toE4m3(Math.max(scale, E4M3_MIN_NORMAL)));
    };
  }
}
