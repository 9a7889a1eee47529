package io.parq.grids;

/** The element types of a stored tensor, under the names that safetensors gives them. */
public enum DType {
  /** IEEE double precision. */
  F64(64),
  /** IEEE single precision. */
  F32(32),
  /** IEEE half precision. */
  F16(16),
  /** The upper half of an IEEE single. */
  BF16(16),
  /** 8-bit float, 4 exponent and 3 fraction bits, no infinities, largest value 448. */
  F8_E4M3(8),
  /** 8-bit float, 5 exponent and 2 fraction bits. */
  F8_E5M2(8),
  /** A power of two, 2^(byte - 127); byte 255 is NaN. */
  F8_E8M0(8),
  /** Signed 64-bit integer. */
  I64(64),
  /** Signed 32-bit integer. */
  I32(32),
  /** Signed 16-bit integer. */
  I16(16),
  /** Signed byte. */
  I8(8),
  /** Unsigned 64-bit integer. */
  U64(64),
  /** Unsigned 32-bit integer. */
  U32(32),
  /** Unsigned 16-bit integer. */
  U16(16),
  /** Unsigned byte. */
  U8(8),
  /** One byte, 0 or 1. */
  BOOL(8);

  private final int bits;

  DType(int bits) {
    this.bits = bits;
  }

  /** {@return the bytes an element takes} */
  public int bytes() {
    return bits / 8;
  }

  /** {@return whether the type is a floating-point format} */
  public boolean isFloat() {
    return name().contains("F");
  }
}
