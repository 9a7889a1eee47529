package io.parq.cli;

import io.parq.runtime.LanguageModel;
import io.parq.torch.train.Batch;
import io.parq.torch.train.Scorer;
import io.parq.torch.train.TextCodec;
import java.util.Arrays;

/** A model that is run without LibTorch. */
record RuntimeModel(LanguageModel model, TextCodec codec) implements ScoredModel {

  @Override
  public Scorer scorer() {
    return batch -> {
      float[] losses = new float[batch.rows() * batch.columns()];
      for (int row = 0; row < batch.rows(); row++) {
        score(batch, row * batch.columns(), losses);
      }
      return losses;
    };
  }

  /** Cross entropies of one row; ids after the last target that counts are not read. */
  private void score(Batch batch, int from, float[] losses) {
    int length = batch.columns();
    while (length > 0 && batch.targets()[from + length - 1] == Batch.IGNORED) {
      length--;
    }
    if (length == 0) {
      return;
    }
    int[] ids =
        Arrays.stream(batch.ids(), from, from + length).mapToInt(Math::toIntExact).toArray();
    float[] logits = model.logits(ids);
    int vocabulary = logits.length / length;
    for (int i = 0; i < length; i++) {
      long target = batch.targets()[from + i];
      if (target != Batch.IGNORED) {
        losses[from + i] = loss(logits, i * vocabulary, vocabulary, Math.toIntExact(target));
      }
    }
  }

  private static float loss(float[] logits, int at, int count, int target) {
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      most = Math.max(most, logits[at + i]);
    }
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Math.exp(logits[at + i] - most);
    }
    return (float) (Math.log(sum) + most - logits[at + target]);
  }

  @Override
  public void close() {
    codec.close();
    model.close();
  }
}
