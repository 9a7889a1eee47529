package io.parq.torch.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Computes the log-likelihood of every choice of {@link MultipleChoice} questions. */
final class ChoiceScorer {
  private final Scorer model;
  private final TextCodec codec;
  private final int window;
  private final int batchSize;

  ChoiceScorer(Scorer model, TextCodec codec, int window, int batchSize) {
    this.model = model;
    this.codec = codec;
    this.window = Checks.atLeast("window", window, 1);
    this.batchSize = Checks.atLeast("batch size", batchSize, 1);
  }

  /**
   * A choice in its context.
   *
   * @param ids all tokens
   * @param scored how many of them, at the end, are the choice's
   */
  private record Request(int question, int choice, List<Integer> ids, int scored) {}

  /** {@return the log-likelihoods in nats, by question and choice} */
  double[][] logLikelihoods(List<MultipleChoice> questions) {
    double[][] results = new double[questions.size()][];
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < results.length; i++) {
      results[i] = new double[questions.get(i).choices().size()];
      for (int choice = 0; choice < results[i].length; choice++) {
        requests.add(request(questions.get(i), i, choice));
      }
    }
    // Batches of like length need the least padding; the sort is stable, so results repeat.
    requests.sort(Comparator.comparingInt(request -> -request.ids.size()));
    for (int first = 0; first < requests.size(); first += batchSize) {
      List<Request> rows = requests.subList(first, Math.min(requests.size(), first + batchSize));
      score(rows, results);
    }
    return results;
  }

  private Request request(MultipleChoice question, int number, int choice) {
    String context = question.context().stripTrailing();
    String continuation =
        question.context().substring(context.length()) + " " + question.choices().get(choice);
    List<Integer> ids = new ArrayList<>();
    (context.isEmpty() ? codec.start() : codec.begin()).ifPresent(ids::add);
    int contextLength = ids.size() + codec.encode(context).length;
    Arrays.stream(codec.encode(context + continuation)).forEach(ids::add);
    int scored = ids.size() - contextLength;
    if (scored < 1 || scored > window || contextLength < 1) {
      throw new IllegalArgumentException(
          "question %d, choice %d: %d tokens after a context of %d, expected 1 to %d after at least 1"
              .formatted(number, choice, scored, contextLength, window));
    }
    int dropped = Math.max(0, ids.size() - 1 - window);
    return new Request(number, choice, ids.subList(dropped, ids.size()), scored);
  }

  private void score(List<Request> rows, double[][] results) {
    Batch batch = new Batch(rows.size(), rows.getFirst().ids.size() - 1);
    for (int row = 0; row < rows.size(); row++) {
      List<Integer> ids = rows.get(row).ids;
      int length = ids.size() - 1;
      int context = length - rows.get(row).scored;
      for (int i = 0; i < batch.columns(); i++) {
        boolean scored = i >= context && i < length;
        batch.set(row, i, ids.get(Math.min(i, length)), scored ? ids.get(i + 1) : Batch.IGNORED);
      }
    }
    float[] losses = model.losses(batch);
    for (int row = 0; row < rows.size(); row++) {
      double sum = 0;
      for (int i = 0; i < batch.columns(); i++) {
        sum -= losses[row * batch.columns() + i];
      }
      results[rows.get(row).question][rows.get(row).choice] = sum;
    }
  }
}
