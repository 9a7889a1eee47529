package io.parq.torch.train;

import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Cross entropies of a model's predictions. */
final class Scoring {
  private static final int EACH = 0;
  private static final int SUM = 2;

  private Scoring() {}

  /** The sum over all targets that count, in nats, with its graph; belongs to the open scope. */
  static Tensor sum(LanguageModel model, Batch batch) {
    return crossEntropy(model, batch, SUM);
  }

  /** The negative log-likelihood of each target in nats, 0 where it does not count. */
  static float[] each(LanguageModel model, Batch batch) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      return toArray(crossEntropy(model, batch, EACH));
    }
  }

  /** The logits that follow a sequence. */
  static float[] next(LanguageModel model, long[] ids) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      Tensor logits = model.logits(Tensor.create(ids, 1, ids.length));
      return toArray(logits.select(1, ids.length - 1L).reshape(-1));
    }
  }

  private static Tensor crossEntropy(LanguageModel model, Batch batch, int reduction) {
    int rows = batch.rows();
    Tensor logits = model.logits(Tensor.create(batch.ids(), rows, batch.columns()));
    if (logits.dim() != 3 || logits.size(0) != rows || logits.size(1) != batch.columns()) {
      throw new IllegalStateException(
          "model gave logits of shape %s, expected [%d, %d, vocabulary]"
              .formatted(Arrays.toString(logits.shape()), rows, batch.columns()));
    }
    Tensor flat = logits.reshape(-1, logits.size(2));
    Tensor floats = flat.to(ScalarType.Float);
    Tensor targets = Tensor.create(batch.targets()).to(flat.device(), ScalarType.Long);
    Tensor loss =
        torch.cross_entropy_loss(
            floats, targets, new TensorOptional(), reduction, Batch.IGNORED, 0);
    // The graph does not need the logits: freed now, they are not held beside their gradient.
    floats.close();
    flat.close();
    logits.close();
    return loss;
  }

  private static float[] toArray(Tensor tensor) {
    Tensor host = tensor.cpu().to(ScalarType.Float).contiguous();
    float[] values = new float[Math.toIntExact(host.numel())];
    new FloatPointer(host.data_ptr_float()).get(values);
    return values;
  }
}
