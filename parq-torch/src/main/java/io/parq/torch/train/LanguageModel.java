package io.parq.torch.train;

import org.bytedeco.pytorch.Tensor;

/**
 * A causal language model, as far as training needs to know it: a method reference to a module's
 * forward method is enough.
 */
@FunctionalInterface
public interface LanguageModel extends Scorer {
  /**
   * Predicts each next token.
   *
   * @param ids token ids, int64 [batch, time]; not modified
   * @return logits [batch, time, vocabulary], a tensor of its own, which the caller closes; those
   *     at a time depend on ids up to that time only
   */
  Tensor logits(Tensor ids);

  @Override
  @SuppressWarnings("FunctionalInterfaceMethodChanged") // batches and tensors cannot be mixed up
  default float[] losses(Batch batch) {
    return Scoring.each(this, batch);
  }
}
