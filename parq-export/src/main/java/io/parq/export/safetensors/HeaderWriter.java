package io.parq.export.safetensors;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Lays tensors out in a file and writes the header that says so. */
final class HeaderWriter {
  private HeaderWriter() {}

  /**
   * Places tensors: larger elements first, as the reference implementation does, so that every
   * tensor is aligned to its element size; among equals the given order.
   */
  static Header layOut(List<TensorInfo> tensors, Map<String, String> metadata) {
    Map<String, Long> begins = new HashMap<>();
    long end = 0;
    List<TensorInfo> sorted =
        tensors.stream()
            .sorted(Comparator.comparingLong(TensorInfo::elementBytes).reversed())
            .toList();
    for (TensorInfo tensor : sorted) {
      begins.put(tensor.name(), end);
      end = Math.addExact(end, tensor.byteSize());
    }
    List<Header.Entry> entries =
        tensors.stream().map(t -> new Header.Entry(t, begins.getOrDefault(t.name(), 0L))).toList();
    return new Header(0, entries, metadata);
  }

  /**
   * Checks names.
   *
   * @throws IllegalArgumentException if a name occurs twice, is {@code __metadata__}, or is not
   *     text
   */
  static void checkNames(List<TensorInfo> tensors, Map<String, String> metadata) {
    Set<String> seen = new HashSet<>();
    for (TensorInfo tensor : tensors) {
      if (!seen.add(tensor.name())) {
        throw new IllegalArgumentException("tensor '" + tensor.name() + "' is given twice");
      }
      if (tensor.name().equals(Header.METADATA)) {
        throw new IllegalArgumentException("a tensor cannot be named " + Header.METADATA);
      }
      checkText(tensor.name());
    }
    metadata.forEach(
        (key, value) -> {
          checkText(key);
          checkText(value);
        });
  }

  private static void checkText(String text) {
    if (!Json.isText(text)) {
      throw new IllegalArgumentException("'" + text + "' holds half a surrogate pair");
    }
  }

  /**
   * Encodes length and header, padded with spaces to a multiple of 8 bytes.
   *
   * @throws IllegalArgumentException if the header is longer than any reader accepts
   */
  static byte[] encode(Header header) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[Header.LENGTH_BYTES]);
    try (JsonGenerator json = Json.MAPPER.createGenerator(out)) {
      write(header, json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    while (out.size() % 8 != 0) {
      out.write(' ');
    }
    int length = out.size() - Header.LENGTH_BYTES;
    if (length > Header.MAX_LENGTH) {
      throw new IllegalArgumentException(
          "header of %d bytes, expected at most %d".formatted(length, Header.MAX_LENGTH));
    }
    byte[] bytes = out.toByteArray();
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    return bytes;
  }

  private static void write(Header header, JsonGenerator json) throws IOException {
    json.writeStartObject();
    if (!header.metadata().isEmpty()) {
      json.writeObjectFieldStart(Header.METADATA);
      for (Map.Entry<String, String> value : header.metadata().entrySet()) {
        json.writeStringField(value.getKey(), value.getValue());
      }
      json.writeEndObject();
    }
    for (Header.Entry entry : header.entries()) {
      long[] shape = entry.info().shape();
      json.writeObjectFieldStart(entry.info().name());
      json.writeStringField("dtype", entry.info().dtypeName());
      json.writeFieldName("shape");
      json.writeArray(shape, 0, shape.length);
      json.writeFieldName("data_offsets");
      json.writeArray(new long[] {entry.begin(), entry.end()}, 0, 2);
      json.writeEndObject();
    }
    json.writeEndObject();
  }
}
