package io.parq.export.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Strict JSON: UTF-8 only, no name twice, nothing after the value. */
final class Json {
  /** Names come from files, so they are neither interned nor kept in a shared table. */
  static final ObjectMapper MAPPER =
      new ObjectMapper(
          JsonFactory.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
              .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxStringLength(Integer.MAX_VALUE)
                      .maxNameLength(Integer.MAX_VALUE)
                      .build())
              .build());

  private Json() {}

  /** Decodes bytes that must be UTF-8. */
  static String utf8(Path file, String what, MemorySegment bytes) throws SafetensorsException {
    try {
      ByteBuffer buffer = ByteBuffer.wrap(bytes.toArray(ValueLayout.JAVA_BYTE));
      return StandardCharsets.UTF_8.newDecoder().decode(buffer).toString();
    } catch (CharacterCodingException e) {
      throw caused(file, what + " is not UTF-8", e);
    }
  }

  /** A string that UTF-8 can hold: JSON escapes can spell half a surrogate pair, which cannot. */
  static boolean isText(String text) {
    return StandardCharsets.UTF_8.newEncoder().canEncode(text);
  }

  static SafetensorsException caused(Path file, String problem, Exception cause) {
    SafetensorsException exception = new SafetensorsException(file, problem);
    exception.initCause(cause);
    return exception;
  }

  /** Puts a JSON error into the words of the file. */
  static IOException invalid(
      Path file, String what, com.fasterxml.jackson.core.JacksonException e) {
    long offset = e.getLocation() == null ? -1 : e.getLocation().getCharOffset();
    return caused(
        file,
        "%s is not valid JSON: %s (character %d)".formatted(what, e.getOriginalMessage(), offset),
        e);
  }

  /** Reads a long, or fails: other numbers are not converted. */
  static boolean isLong(JsonNode node) {
    return node.isIntegralNumber() && node.canConvertToLong();
  }
}
