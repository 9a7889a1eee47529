package io.parq.torch.train;

/** What a model says of texts: all that perplexity and multiple choice ask of it. */
@FunctionalInterface
public interface Scorer {
  /**
   * Scores a batch.
   *
   * @param batch ids and targets; not modified
   * @return the negative log-likelihood of each target in nats, row-major, 0 where it does not
   *     count
   */
  float[] losses(Batch batch);

  /**
   * {@return the model itself: gives a method reference its type}
   *
   * @param model the model
   */
  static Scorer of(LanguageModel model) {
    return model;
  }
}
