package io.parq.export.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The values of a header to be written, in the order in which they are put. */
final class Metadata {
  static final int UINT8 = 0;
  static final int INT8 = 1;
  static final int UINT16 = 2;
  static final int INT16 = 3;
  static final int UINT32 = 4;
  static final int INT32 = 5;
  static final int FLOAT32 = 6;
  static final int BOOL = 7;
  static final int STRING = 8;
  static final int ARRAY = 9;
  static final int UINT64 = 10;
  static final int INT64 = 11;
  static final int FLOAT64 = 12;

  /** Type and value, as the file has them. */
  private final Map<String, byte[]> values = new LinkedHashMap<>();

  /** The least bytes a value of a type takes. */
  static int width(int type) {
    return switch (type) {
      case UINT16, INT16 -> 2;
      case UINT32, INT32, FLOAT32 -> 4;
      case STRING, UINT64, INT64, FLOAT64 -> 8;
      default -> 1;
    };
  }

  /** Little-endian bytes. */
  private static final class Out extends ByteArrayOutputStream {
    Out int32(int value) {
      for (int shift = 0; shift < 32; shift += 8) {
        write(value >>> shift);
      }
      return this;
    }

    Out int64(long value) {
      return int32((int) value).int32((int) (value >>> 32));
    }

    Out text(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      int64(utf8.length).writeBytes(utf8);
      return this;
    }

    Out flag(boolean value) {
      write(value ? 1 : 0);
      return this;
    }
  }

  private static Out list(int type, int size) {
    return new Out().int32(ARRAY).int32(type).int64(size);
  }

  private void put(String key, Out value) {
    values.put(key, value.toByteArray());
  }

  void put(String key, String value) {
    put(key, new Out().int32(STRING).text(value));
  }

  void put(String key, boolean value) {
    put(key, new Out().int32(BOOL).flag(value));
  }

  void put(String key, float value) {
    put(key, new Out().int32(FLOAT32).int32(Float.floatToRawIntBits(value)));
  }

  /** An unsigned 32-bit number. */
  void put(String key, int value) {
    if (value < 0) {
      throw new IllegalArgumentException("%s: %d, expected at least 0".formatted(key, value));
    }
    put(key, new Out().int32(UINT32).int32(value));
  }

  void putTexts(String key, List<String> texts) {
    Out list = list(STRING, texts.size());
    texts.forEach(list::text);
    put(key, list);
  }

  void putInts(String key, List<Integer> numbers) {
    Out list = list(INT32, numbers.size());
    numbers.forEach(list::int32);
    put(key, list);
  }

  void putFloats(String key, List<Float> numbers) {
    Out list = list(FLOAT32, numbers.size());
    numbers.forEach(number -> list.int32(Float.floatToRawIntBits(number)));
    put(key, list);
  }

  void putFlags(String key, List<Boolean> flags) {
    Out list = list(BOOL, flags.size());
    flags.forEach(list::flag);
    put(key, list);
  }

  /** The bytes of a file up to the data of its tensors. */
  byte[] header(List<Header.Entry> tensors) {
    Out out = new Out().int32(Header.MAGIC).int32(Header.VERSION);
    out.int64(tensors.size()).int64(values.size());
    values.forEach((key, value) -> out.text(key).writeBytes(value));
    for (Header.Entry tensor : tensors) {
      out.text(tensor.name()).int32(tensor.shape().size());
      tensor.shape().reversed().forEach(out::int64);
      out.int32(tensor.encoding().id()).int64(tensor.offset());
    }
    out.writeBytes(new byte[(int) (Header.align(out.size(), Header.ALIGNMENT) - out.size())]);
    return out.toByteArray();
  }
}
