package io.parq.export.gguf;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian numbers in byte arrays, and eight bytes of a long at a time. */
final class Bytes {
  /** A one in each byte. */
  static final long ONES = 0x0101_0101_0101_0101L;

  private static final long SIGNS = ONES << 7;

  /**
   * A one in bit i of byte i, and bits to multiply with that gather the lowest bits of all bytes.
   */
  private static final long DIAGONAL = 0x8040_2010_0804_0201L;

  private static final long GATHER = 0x0102_0408_1020_4080L;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Bytes() {}

  static short shortAt(byte[] bytes, int at) {
    return (short) SHORT.get(bytes, at);
  }

  static int intAt(byte[] bytes, int at) {
    return (int) INT.get(bytes, at);
  }

  static long longAt(byte[] bytes, int at) {
    return (long) LONG.get(bytes, at);
  }

  static float floatAt(byte[] bytes, int at) {
    return Float.intBitsToFloat(intAt(bytes, at));
  }

  static float half(byte[] bytes, int at) {
    return Float.float16ToFloat(shortAt(bytes, at));
  }

  static void putShort(byte[] bytes, int at, short value) {
    SHORT.set(bytes, at, value);
  }

  static void putInt(byte[] bytes, int at, int value) {
    INT.set(bytes, at, value);
  }

  /** Writes a value that {@link #isHalf} accepts. */
  static void putHalf(byte[] bytes, int at, float value) {
    SHORT.set(bytes, at, Float.floatToFloat16(value));
  }

  /** Whether half precision holds a value exactly. */
  static boolean isHalf(float value) {
    return Float.float16ToFloat(Float.floatToFloat16(value)) == value;
  }

  static void putLong(byte[] bytes, int at, long value) {
    LONG.set(bytes, at, value);
  }

  /** A number in each byte. */
  static long each(int number) {
    return (number & 0xff) * ONES;
  }

  /** Adds bytes, each by itself. */
  static long plus(long a, long b) {
    return ((a & ~SIGNS) + (b & ~SIGNS)) ^ ((a ^ b) & SIGNS);
  }

  /** Subtracts bytes, each by itself. */
  static long minus(long a, long b) {
    return ((a | SIGNS) - (b & ~SIGNS)) ^ ((a ^ ~b) & SIGNS);
  }

  /** Spreads the lowest eight bits, one to the lowest bit of each byte. */
  static long spread(int bits) {
    return (((((bits & 0xff) * ONES) & DIAGONAL) + ~SIGNS) >>> 7) & ONES;
  }

  /** Gathers the lowest bit of each byte, the reverse. */
  static int gather(long bytes) {
    return (int) (((bytes & ONES) * GATHER) >>> 56);
  }
}
