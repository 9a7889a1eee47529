package io.parq.export.gguf;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian numbers in byte arrays. */
final class Bytes {
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
}
