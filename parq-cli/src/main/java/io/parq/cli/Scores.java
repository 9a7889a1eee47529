package io.parq.cli;

import io.parq.torch.train.ChatTemplate;
import io.parq.torch.train.MultipleChoice;
import io.parq.torch.train.Perplexity;
import io.parq.torch.train.TokenData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a model is scored on, and the scores by name, lower or higher being better. */
final class Scores {
  private static final int BATCH = 8;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      description = "plain text or .jsonl: perplexity by token, byte and word")
  private @Nullable Path text;

  @Option(
      names = "--choices",
      paramLabel = "FILE",
      description =
          "JSONL of {\"context\", \"choices\", \"answer\"}: acc and acc_norm, as lm-eval scores them")
  private @Nullable Path choices;

  @Option(
      names = "--window",
      paramLabel = "N",
      defaultValue = "256",
      description = "tokens that the model sees at a time (default: ${DEFAULT-VALUE})")
  private int window = 256;

  @Option(
      names = "--stride",
      paramLabel = "N",
      description = "tokens between windows (default: the window, so that none is seen twice)")
  private @Nullable Integer stride;

  boolean isEmpty() {
    return text == null && choices == null;
  }

  /** Scores by name. */
  Map<String, Double> of(ScoredModel loaded) throws IOException {
    Map<String, Double> scores = new LinkedHashMap<>();
    if (text != null) {
      TokenData data = TokenData.read(text, loaded.codec(), ChatTemplate.of(loaded.codec()));
      int step = stride == null ? window : stride;
      Perplexity result = Perplexity.of(loaded.scorer(), data, window, step, BATCH);
      scores.put("perplexity per token", result.perToken());
      if (result.text().bytes() > 0) {
        scores.put("perplexity per byte", result.perByte());
        scores.put("perplexity per word", result.perWord());
        scores.put("bits per character", result.bitsPerCharacter());
      }
    }
    if (choices != null) {
      MultipleChoice.Accuracy accuracy =
          MultipleChoice.score(
              loaded.scorer(), loaded.codec(), MultipleChoice.read(choices), window, BATCH);
      scores.put("acc", accuracy.acc());
      scores.put("acc_norm", accuracy.accNorm());
    }
    return scores;
  }
}
