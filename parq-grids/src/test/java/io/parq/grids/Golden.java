package io.parq.grids;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.zip.GZIPInputStream;

/** Reads the reference results that reference/generate_golden.py wrote. */
record Golden(JsonNode root) {
  static Golden read(String name) {
    try (InputStream file = Golden.class.getResourceAsStream("/golden/" + name + ".json.gz")) {
      return new Golden(new ObjectMapper().readTree(new GZIPInputStream(file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  JsonNode cases() {
    return root.get("cases");
  }

  float[] input(String name) {
    return floats(root.get("inputs").get(name).get("data"));
  }

  long[] shape(String name) {
    JsonNode shape = root.get("inputs").get(name).get("shape");
    long[] dimensions = new long[shape.size()];
    for (int i = 0; i < dimensions.length; i++) {
      dimensions[i] = shape.get(i).asLong();
    }
    return dimensions;
  }

  static float[] floats(JsonNode base64) {
    ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(base64.asText()));
    float[] values = new float[bytes.remaining() / 4];
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  static byte[] bytes(JsonNode base64) {
    return Base64.getDecoder().decode(base64.asText());
  }

  /** Little-endian 16-bit words. */
  static short[] shorts(JsonNode base64) {
    ByteBuffer bytes = ByteBuffer.wrap(bytes(base64));
    short[] values = new short[bytes.remaining() / 2];
    bytes.order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(values);
    return values;
  }
}
