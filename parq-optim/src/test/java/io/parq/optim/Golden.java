package io.parq.optim;

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

  /** The proximal map of a case. */
  static ProxMap map(JsonNode node) {
    String name = node.get("map").asText();
    if (name.equals("hard")) {
      return ProxMap.hard();
    }
    long start = node.get("anneal_start").asLong();
    long end = node.get("anneal_end").asLong();
    return switch (name) {
      case "parq" ->
          new Parq(
              start, end, node.get("steepness").asDouble(), node.get("anneal_center").asDouble());
      case "binary-relax" -> ProxMap.binaryRelax(start, end);
      case "soft-quant" ->
          new SoftQuant(
              start,
              end,
              node.get("t_start").asDouble(),
              node.get("t_end").asDouble(),
              node.get("t_power").asDouble());
      default -> throw new IllegalArgumentException(name);
    };
  }

  static float[] floats(JsonNode base64) {
    ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(base64.asText()));
    float[] values = new float[bytes.remaining() / 4];
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
