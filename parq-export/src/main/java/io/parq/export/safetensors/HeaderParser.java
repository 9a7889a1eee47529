package io.parq.export.safetensors;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import io.parq.grids.DType;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads a header and trusts nothing in it. */
final class HeaderParser {
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final List<Header.Entry> entries = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private HeaderParser(Path file) {
    this.file = file;
  }

  /**
   * Parses a file.
   *
   * @param file its name, for messages
   * @param bytes all of it
   */
  static Header parse(Path file, MemorySegment bytes) throws IOException {
    if (bytes.byteSize() < Header.LENGTH_BYTES) {
      throw new SafetensorsException(
          file,
          "%d bytes, expected at least the %d bytes of the header length"
              .formatted(bytes.byteSize(), Header.LENGTH_BYTES));
    }
    long length = bytes.get(LENGTH, 0);
    if (length < 0 || length > Header.MAX_LENGTH) {
      throw new SafetensorsException(
          file,
          "header of %s bytes, expected at most %d"
              .formatted(Long.toUnsignedString(length), Header.MAX_LENGTH));
    }
    long dataStart = Header.LENGTH_BYTES + length;
    if (dataStart > bytes.byteSize()) {
      throw new SafetensorsException(
          file,
          "truncated: header ends at byte %d, but the file has %d"
              .formatted(dataStart, bytes.byteSize()));
    }
    HeaderParser parser = new HeaderParser(file);
    parser.read(Json.utf8(file, "header", bytes.asSlice(Header.LENGTH_BYTES, length)));
    parser.checkOffsets(bytes.byteSize() - dataStart);
    return new Header(dataStart, parser.entries, parser.metadata);
  }

  private void read(String text) throws IOException {
    if (!text.startsWith("{")) {
      throw new SafetensorsException(
          file, text.isEmpty() ? "empty header" : "header does not begin with '{'");
    }
    try (JsonParser json = Json.MAPPER.createParser(text)) {
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        JsonNode value = Json.MAPPER.readTree(json);
        if (!Json.isText(name)) {
          throw new SafetensorsException(file, name, "name holds half a surrogate pair");
        }
        if (name.equals(Header.METADATA)) {
          readMetadata(value);
        } else {
          entries.add(entry(name, value));
        }
      }
      if (json.nextToken() != null) {
        throw new SafetensorsException(file, "header goes on after its closing '}'");
      }
    } catch (JacksonException e) {
      throw Json.invalid(file, "header", e);
    }
  }

  private void readMetadata(JsonNode value) throws SafetensorsException {
    if (!value.isObject()) {
      throw new SafetensorsException(
          file, "__metadata__ is " + value.getNodeType() + ", expected an object");
    }
    for (Map.Entry<String, JsonNode> property : value.properties()) {
      if (!property.getValue().isTextual()) {
        throw new SafetensorsException(
            file,
            "__metadata__ value '%s' is %s, expected a string"
                .formatted(property.getKey(), property.getValue().getNodeType()));
      }
      metadata.put(property.getKey(), property.getValue().textValue());
    }
  }

  private Header.Entry entry(String name, JsonNode value) throws SafetensorsException {
    String dtype = value.path("dtype").textValue();
    if (dtype == null) {
      throw new SafetensorsException(file, name, "no dtype, expected a string such as \"F32\"");
    }
    long[] shape = longs(name, "shape", value.path("shape"));
    long[] offsets = longs(name, "data_offsets", value.path("data_offsets"));
    if (offsets.length != 2 || offsets[1] < offsets[0]) {
      throw new SafetensorsException(
          file, name, "data_offsets %s, expected [begin, end]".formatted(Arrays.toString(offsets)));
    }
    long bytes = offsets[1] - offsets[0];
    checkSize(name, dtype, shape, bytes);
    return new Header.Entry(new TensorInfo(name, dtype, shape, bytes), offsets[0]);
  }

  private long[] longs(String name, String key, JsonNode node) throws SafetensorsException {
    if (!node.isArray()) {
      throw new SafetensorsException(file, name, "no " + key + ", expected a list of integers");
    }
    long[] values = new long[node.size()];
    for (int i = 0; i < values.length; i++) {
      JsonNode value = node.get(i);
      if (!Json.isLong(value) || value.longValue() < 0) {
        throw new SafetensorsException(
            file,
            name,
            "%s[%d] is %s, expected an integer from 0 to 2^63 - 1".formatted(key, i, value));
      }
      values[i] = value.longValue();
    }
    return values;
  }

  private void checkSize(String name, String dtypeName, long[] shape, long bytes)
      throws SafetensorsException {
    DType dtype = TensorInfo.dtype(dtypeName);
    long expected;
    try {
      long elements = TensorData.elements(shape);
      expected = dtype == null ? bytes : Math.multiplyExact(elements, dtype.bytes());
    } catch (ArithmeticException e) {
      throw new SafetensorsException(
          file, name, "%s%s has 2^63 bytes or more".formatted(dtypeName, Arrays.toString(shape)));
    }
    if (bytes != expected) {
      throw new SafetensorsException(
          file,
          name,
          "data_offsets span %d bytes, expected %d for %s%s"
              .formatted(bytes, expected, dtypeName, Arrays.toString(shape)));
    }
  }

  /** The tensors must fill the data without holes and without sharing a byte. */
  private void checkOffsets(long dataSize) throws SafetensorsException {
    List<Header.Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingLong(Header.Entry::begin).thenComparingLong(Header.Entry::end));
    long end = 0;
    String previous = "the header";
    for (Header.Entry entry : sorted) {
      String name = entry.info().name();
      if (entry.begin() != end) {
        throw new SafetensorsException(
            file,
            name,
            "data begins at %d, expected %d where %s ends (data may neither overlap nor leave holes)"
                .formatted(entry.begin(), end, previous));
      }
      end = entry.end();
      if (end > dataSize) {
        throw new SafetensorsException(
            file,
            name,
            "truncated: data ends at %d, but the file has %d bytes of data"
                .formatted(end, dataSize));
      }
      previous = "tensor '" + name + "'";
    }
    if (end != dataSize) {
      throw new SafetensorsException(
          file,
          "%d bytes of data, expected %d: the last ones belong to no tensor"
              .formatted(dataSize, end));
    }
  }
}
