package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import java.util.Arrays;
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

  private final @Nullable Pattern include;

  /**
   * Selects by name.
   *
   * @param glob where {@code *} stands for any characters and {@code ?} for one; null selects what
   *     ends with {@code .weight} and is not a norm
   */
  TensorSelection(@Nullable String glob) {
    this.include = glob == null ? null : glob(glob);
  }

  private static Pattern glob(String glob) {
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
