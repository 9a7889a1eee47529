package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.BlockLayout;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which tensors of a checkpoint are weights to quantize, judged by name, type and rank. */
final class TensorSelection {
  private static final Set<String> EMBEDDINGS =
      Set.of(
          "embed_tokens",
          "embed_positions",
          "wte",
          "wpe",
          "tok_embeddings",
          "word_embeddings",
          "position_embeddings",
          "token_type_embeddings");

  private static final Pattern NORM = Pattern.compile("ln|ln_.*|ln\\d+|.*norm\\d*");

  private final @Nullable String glob;
  private final @Nullable Pattern include;

  /**
   * Selects by name.
   *
   * @param glob where {@code *} stands for any characters and {@code ?} for one; null selects what
   *     ends with {@code .weight} and is not a norm
   */
  TensorSelection(@Nullable String glob) {
    this.glob = glob;
    this.include = glob == null ? null : pattern(glob);
  }

  private static Pattern pattern(String glob) {
    String regex =
        glob.chars()
            .mapToObj(
                c ->
                    switch (c) {
                      case '*' -> ".*";
                      case '?' -> ".";
                      default -> Pattern.quote(Character.toString(c));
                    })
            .collect(Collectors.joining());
    return Pattern.compile(regex, Pattern.DOTALL);
  }

  /**
   * Selects weights and tells how they are to be quantized.
   *
   * @param path what the tensors belong to, for messages
   * @param embeddings how embeddings are quantized; null: as all others
   * @return configurations by name, in the tensors' order
   * @throws IllegalArgumentException if a shape does not fit or nothing is selected
   */
  Map<String, QuantConfig> configs(
      Path path,
      Collection<TensorInfo> tensors,
      QuantConfig config,
      @Nullable QuantConfig embeddings) {
    Map<String, QuantConfig> configs = new LinkedHashMap<>();
    for (TensorInfo tensor : tensors) {
      if (selects(tensor)) {
        boolean other = embeddings != null && isEmbedding(tensor.name());
        QuantConfig own = other && embeddings != null ? embeddings : config;
        try {
          BlockLayout.of(tensor.shape(), own.granularity());
        } catch (IllegalArgumentException e) {
          throw new IllegalArgumentException(tensor.name() + ": " + e.getMessage(), e);
        }
        configs.put(tensor.name(), own);
      }
    }
    if (configs.isEmpty()) {
      throw new IllegalArgumentException(
          "%s: none of %d tensors is selected, expected one of floats, of rank 2 or more, named %s"
              .formatted(path, tensors.size(), glob == null ? "*.weight" : glob));
    }
    return configs;
  }

  boolean selects(TensorInfo tensor) {
    DType dtype = tensor.dtype();
    if (dtype == null || !dtype.isFloat() || tensor.shape().length < 2 || tensor.elements() == 0) {
      return false;
    }
    String name = tensor.name();
    return include == null
        ? name.endsWith(".weight") && segments(name).noneMatch(s -> NORM.matcher(s).matches())
        : include.matcher(name).matches();
  }

  static boolean isEmbedding(String name) {
    return segments(name).anyMatch(EMBEDDINGS::contains);
  }

  private static Stream<String> segments(String name) {
    return Arrays.stream(name.split("\\.", -1));
  }
}
