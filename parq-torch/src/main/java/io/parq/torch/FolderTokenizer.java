package io.parq.torch;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.parq.export.ModelFiles;
import io.parq.export.model.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;

/** A tokenizer.json, understood by Hugging Face's own library. */
final class FolderTokenizer implements Tokenizer {
  private final Path file;
  private final HuggingFaceTokenizer tokenizer;

  private FolderTokenizer(Path file, HuggingFaceTokenizer tokenizer) {
    this.file = file;
    this.tokenizer = tokenizer;
  }

  static FolderTokenizer load(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file.toString(), null, "expected a tokenizer here");
    }
    // Without this the library reports its use on some clouds, and downloads builds for GPUs.
    if (System.getenv("DJL_OFFLINE") == null && System.getProperty("ai.djl.offline") == null) {
      System.setProperty("ai.djl.offline", "true");
    }
    try {
      return new FolderTokenizer(
          file,
          HuggingFaceTokenizer.newInstance(
              file, Map.of("truncation", "false", "padding", "false")));
    } catch (RuntimeException e) {
      throw new ModelFormatException(file, e);
    }
  }

  @Override
  public int[] encode(String text, boolean framed) {
    long[] ids = tokenizer.encode(text, framed, false).getIds();
    int[] narrow = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      narrow[i] = Math.toIntExact(ids[i]);
    }
    return narrow;
  }

  @Override
  public String decode(int[] ids, boolean special) {
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      wide[i] = ids[i];
    }
    return tokenizer.decode(wide, !special);
  }

  @Override
  public void save(Path folder) throws IOException {
    Files.createDirectories(folder);
    Path from = file.toAbsolutePath().getParent();
    if (from != null && !Files.isSameFile(from, folder)) {
      ModelFiles.copyCompanions(from, folder);
    }
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
