package io.parq.export.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads a header, believing nothing: each length is checked against what is left of the file. */
final class HeaderReader {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Key, type and value of the shortest entry; name, rank, type and offset of a tensor's. */
  private static final int SHORTEST_VALUE = 8 + 4 + 1;

  /** More than any model has; a damaged number is not to fill the memory. */
  private static final long MOST = 1 << 24;

  private static final int SHORTEST_TENSOR = 8 + 4 + 4 + 8;

  private final Path file;
  private final MemorySegment bytes;
  private long at;

  private HeaderReader(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  static Header read(Path file, MemorySegment bytes) throws GgufException {
    return new HeaderReader(file, bytes).read();
  }

  private Header read() throws GgufException {
    int magic = int32("the magic number");
    if (magic != Header.MAGIC) {
      throw error(
          "begins with %08x, expected the letters GGUF".formatted(Integer.reverseBytes(magic)));
    }
    int version = int32("the version");
    if (Integer.reverseBytes(version) > 0 && Integer.reverseBytes(version) <= Header.VERSION) {
      throw error("is big-endian, expected little-endian");
    }
    if (version != 2 && version != Header.VERSION) {
      throw error("version %d, expected 2 or 3".formatted(Integer.toUnsignedLong(version)));
    }
    long tensorCount = count("tensors", SHORTEST_TENSOR);
    long valueCount = count("metadata values", SHORTEST_VALUE);
    Map<String, Object> metadata = new LinkedHashMap<>();
    for (long i = 0; i < valueCount; i++) {
      String key = text("the key of value " + i);
      if (metadata.put(key, value(key, int32(key))) != null) {
        throw error("key '%s' twice".formatted(key));
      }
    }
    long alignment = alignment(metadata.get("general.alignment"));
    List<Header.Entry> tensors = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (long i = 0; i < tensorCount; i++) {
      Header.Entry entry = tensor(text("the name of tensor " + i));
      if (!names.add(entry.name())) {
        throw error("tensor '%s' twice".formatted(entry.name()));
      }
      tensors.add(entry);
    }
    long dataStart = Header.align(at, alignment);
    for (Header.Entry entry : tensors) {
      checkPlace(entry, alignment, dataStart);
    }
    return new Header(
        Collections.unmodifiableMap(metadata), Collections.unmodifiableList(tensors), dataStart);
  }

  private long alignment(@Nullable Object value) throws GgufException {
    if (value == null) {
      return Header.ALIGNMENT;
    }
    if (!(value instanceof Long power) || Long.bitCount(power) != 1 || power > 1 << 30) {
      throw error("general.alignment: %s, expected a power of two".formatted(value));
    }
    return power;
  }

  private Header.Entry tensor(String name) throws GgufException {
    int rank = int32(name);
    if (rank < 1 || rank > Header.MAX_DIMENSIONS) {
      throw new GgufException(
          file,
          name,
          "%d dimensions, expected 1 to %d"
              .formatted(Integer.toUnsignedLong(rank), Header.MAX_DIMENSIONS));
    }
    Long[] shape = new Long[rank];
    for (int i = rank - 1; i >= 0; i--) {
      shape[i] = int64(name);
      if (shape[i] < 1) {
        throw new GgufException(
            file,
            name,
            "dimension %s, expected at least 1".formatted(Long.toUnsignedString(shape[i])));
      }
    }
    int type = int32(name);
    Encoding encoding = Encoding.ofId(type);
    if (encoding == null) {
      throw new GgufException(
          file,
          name,
          "type %d, expected one of %s".formatted(type, Arrays.toString(Encoding.values())));
    }
    return new Header.Entry(name, List.of(shape), encoding, int64(name));
  }

  private void checkPlace(Header.Entry entry, long alignment, long dataStart) throws GgufException {
    if (entry.columns() % entry.encoding().elements() != 0) {
      throw new GgufException(
          file,
          entry.name(),
          "rows of %d elements, expected a multiple of %d for %s"
              .formatted(entry.columns(), entry.encoding().elements(), entry.encoding()));
    }
    long left = bytes.byteSize() - dataStart;
    long size;
    try {
      size = entry.bytes();
    } catch (ArithmeticException e) {
      size = Long.MAX_VALUE;
    }
    if (entry.offset() < 0
        || entry.offset() % alignment != 0
        || entry.offset() > left
        || size > left - entry.offset()) {
      throw new GgufException(
          file,
          entry.name(),
          "%s bytes at offset %s, expected a multiple of %d and the end within %d bytes of data"
              .formatted(
                  size == Long.MAX_VALUE ? "more than 2^63" : size,
                  Long.toUnsignedString(entry.offset()),
                  alignment,
                  Math.max(0, left)));
    }
  }

  private Object value(String key, int type) throws GgufException {
    if (type != Metadata.ARRAY) {
      return scalar(key, type);
    }
    int elementType = int32(key);
    long count = count("elements of " + key, Metadata.width(elementType));
    List<Object> values = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      values.add(scalar(key, elementType));
    }
    return Collections.unmodifiableList(values);
  }

  private Object scalar(String key, int type) throws GgufException {
    return switch (type) {
      case Metadata.UINT8 -> (long) (int8(key) & 0xff);
      case Metadata.INT8 -> (long) int8(key);
      case Metadata.UINT16 -> (long) (int16(key) & 0xffff);
      case Metadata.INT16 -> (long) int16(key);
      case Metadata.UINT32 -> Integer.toUnsignedLong(int32(key));
      case Metadata.INT32 -> (long) int32(key);
      case Metadata.UINT64, Metadata.INT64 -> int64(key);
      case Metadata.FLOAT32 -> Float.intBitsToFloat(int32(key));
      case Metadata.FLOAT64 -> Double.longBitsToDouble(int64(key));
      case Metadata.BOOL -> flag(key);
      case Metadata.STRING -> text(key);
      default ->
          throw error(
              "key '%s': value type %d, expected 0 to 12 and no list of lists"
                  .formatted(key, Integer.toUnsignedLong(type)));
    };
  }

  private boolean flag(String key) throws GgufException {
    byte value = int8(key);
    if (value != 0 && value != 1) {
      throw error("key '%s': flag %d, expected 0 or 1".formatted(key, value));
    }
    return value == 1;
  }

  private long count(String what, int width) throws GgufException {
    long count = int64("the number of " + what);
    if (count < 0 || count > Math.min(MOST, (bytes.byteSize() - at) / width)) {
      throw error(
          "%s %s, expected at most %d, and no more than %d bytes hold"
              .formatted(Long.toUnsignedString(count), what, MOST, bytes.byteSize() - at));
    }
    return count;
  }

  private String text(String what) throws GgufException {
    long length = int64("the length of " + what);
    if (length < 0 || length > Integer.MAX_VALUE || length > bytes.byteSize() - at) {
      throw error(
          "%s is %s bytes long, %d are left"
              .formatted(what, Long.toUnsignedString(length), bytes.byteSize() - at));
    }
    byte[] utf8 = bytes.asSlice(take(length, what), length).toArray(ValueLayout.JAVA_BYTE);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
    } catch (CharacterCodingException e) {
      // Some vocabularies have tokens that are parts of characters.
      return new String(utf8, StandardCharsets.ISO_8859_1);
    }
  }

  private byte int8(String what) throws GgufException {
    return bytes.get(ValueLayout.JAVA_BYTE, take(1, what));
  }

  private short int16(String what) throws GgufException {
    return bytes.get(SHORT, take(2, what));
  }

  private int int32(String what) throws GgufException {
    return bytes.get(INT, take(4, what));
  }

  private long int64(String what) throws GgufException {
    return bytes.get(LONG, take(8, what));
  }

  private long take(long length, String what) throws GgufException {
    long start = at;
    if (length > bytes.byteSize() - at) {
      throw error("ends at byte %d, within %s".formatted(bytes.byteSize(), what));
    }
    at += length;
    return start;
  }

  private GgufException error(String problem) {
    return new GgufException(file, problem);
  }
}
