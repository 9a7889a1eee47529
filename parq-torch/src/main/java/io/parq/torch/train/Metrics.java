package io.parq.torch.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes what training measures to a file: for each step and each evaluation the values {@code
 * loss}, {@code tokens}, {@code tokens_per_second}, {@code learning_rate}, {@code gradient_norm},
 * {@code inverse_slope} or {@code eval_loss}, {@code eval_perplexity}, {@code
 * eval_bits_per_character}, as far as they are known.
 *
 * <p>The file begins anew with the first value, unless the training is resumed: then what it holds
 * of steps up to there stays, and what it holds of later ones is dropped. What is written is at
 * once visible to other processes. Failures to write are {@link UncheckedIOException}s. To be
 * closed after the run.
 */
public abstract sealed class Metrics implements TrainListener, AutoCloseable
    permits LineMetrics, TensorBoardMetrics {
  static final List<String> NAMES =
      List.of(
          "loss",
          "tokens",
          "tokens_per_second",
          "learning_rate",
          "gradient_norm",
          "inverse_slope",
          "eval_loss",
          "eval_perplexity",
          "eval_bits_per_character");

  Metrics() {}

  /**
   * {@return a table: a line with the names ({@code step} first), then one for each step and each
   * evaluation; unknown values are empty}
   *
   * @param file the file; its folder must exist
   */
  public static Metrics csv(Path file) {
    return new LineMetrics(file, LineMetrics.Format.CSV);
  }

  /**
   * {@return a JSON object on a line of its own for each step and each evaluation; infinite and
   * undefined values are null}
   *
   * @param file the file; its folder must exist
   */
  public static Metrics jsonl(Path file) {
    return new LineMetrics(file, LineMetrics.Format.JSONL);
  }

  /**
   * {@return scalars in an event file for TensorBoard} Each run and each resume adds a file to the
   * folder; that of a resume tells TensorBoard to drop what the earlier ones hold of later steps.
   *
   * @param folder the run's folder, made if it is missing
   */
  public static Metrics tensorBoard(Path folder) {
    return new TensorBoardMetrics(folder);
  }

  /** Writes the values of a step. */
  abstract void write(long step, Map<String, Double> values) throws IOException;

  /** Begins, keeping what is there of steps up to one. */
  abstract void continueAfter(long step) throws IOException;

  @Override
  public abstract void close();

  @Override
  public final void stepped(Progress progress) {
    unchecked(() -> write(progress.step(), progress.values()));
  }

  @Override
  public final void evaluated(long step, Perplexity result) {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("eval_loss", result.loss());
    values.put("eval_perplexity", result.perToken());
    if (result.text().characters() > 0) {
      values.put("eval_bits_per_character", result.bitsPerCharacter());
    }
    unchecked(() -> write(step, values));
  }

  @Override
  public final void resumed(long step) {
    unchecked(() -> continueAfter(step));
  }

  /** Something that may fail. */
  interface Action {
    void run() throws IOException;
  }

  static void unchecked(Action action) {
    try {
      action.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
