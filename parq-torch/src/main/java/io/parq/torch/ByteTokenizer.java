package io.parq.torch;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.safetensors.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** One token for each byte of UTF-8. */
final class ByteTokenizer implements Tokenizer {
  private static final int BYTES = 256;

  @Override
  public int[] encode(String text, boolean framed) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = Byte.toUnsignedInt(bytes[i]);
    }
    return ids;
  }

  @Override
  public String decode(int[] ids, boolean special) {
    byte[] bytes = new byte[ids.length];
    for (int i = 0; i < bytes.length; i++) {
      if (ids[i] < 0 || ids[i] >= BYTES) {
        throw new IllegalArgumentException(
            "id %d at index %d, expected 0 to %d".formatted(ids[i], i, BYTES - 1));
      }
      bytes[i] = (byte) ids[i];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Byte-pair encoding without any pairs says the same. */
  @Override
  public void save(Path folder) throws IOException {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("version", "1.0");
    root.putNull("truncation").putNull("padding").putArray("added_tokens");
    root.putNull("normalizer").set("pre_tokenizer", byteLevel());
    root.putNull("post_processor").set("decoder", byteLevel());
    ObjectNode model = root.putObject("model").put("type", "BPE");
    ObjectNode vocabulary = model.putObject("vocab");
    for (int i = 0; i < BYTES; i++) {
      vocabulary.put(symbol(i), i);
    }
    model.putArray("merges");
    Files.createDirectories(folder);
    AtomicFile.replace(folder.resolve("tokenizer.json"), root.toPrettyString() + "\n");
    ObjectNode settings = JsonNodeFactory.instance.objectNode();
    settings.put("tokenizer_class", "PreTrainedTokenizerFast");
    settings.put("clean_up_tokenization_spaces", false);
    AtomicFile.replace(folder.resolve("tokenizer_config.json"), settings.toPrettyString() + "\n");
  }

  private static ObjectNode byteLevel() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", false);
  }

  /**
   * The printable character that stands for a byte in tokenizer.json: itself if it is printable in
   * Latin-1 and no space, otherwise the next one from U+0100 on.
   */
  private static String symbol(int value) {
    int next = 0x100;
    for (int other = 0; other < value; other++) {
      if (!isPrintable(other)) {
        next++;
      }
    }
    return Character.toString(isPrintable(value) ? value : next);
  }

  private static boolean isPrintable(int value) {
    return (value >= '!' && value <= '~') || (value >= 0xA1 && value != 0xAD);
  }

  @Override
  public void close() {}
}
