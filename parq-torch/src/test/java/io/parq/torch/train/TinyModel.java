package io.parq.torch.train;

import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.LrSchedule;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.torch.TorchQuantOptimizer;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Predicts a token from the two before it: small, causal, and of the usual parts. */
final class TinyModel extends Module implements LanguageModel {
  static final int VOCABULARY = 64;
  private static final int WIDTH = 16;

  private final EmbeddingImpl embedding;
  private final LinearImpl up;
  private final LinearImpl down;

  TinyModel(long seed) {
    torch.manual_seed(seed);
    embedding = register_module("embedding", new EmbeddingImpl(VOCABULARY, WIDTH));
    up = register_module("up", new LinearImpl(2 * WIDTH, 32));
    down = register_module("down", new LinearImpl(32, VOCABULARY));
  }

  @Override
  public Tensor logits(Tensor ids) {
    Tensor now = embedding.forward(ids);
    Tensor before = torch.roll(now, new long[] {1}, 1);
    // The first position has no token before it.
    Tensor mask = torch.ones_like(now);
    mask.select(1, 0).zero_();
    Tensor both = torch.cat(new TensorVector(now, before.mul(mask)), 2);
    return down.forward(torch.silu(up.forward(both)));
  }

  /** 3-bit linear layers and a 4-bit embedding under PARQ, clipped, on a schedule. */
  TorchQuantOptimizer optimizer() {
    return TorchQuantOptimizer.builder(this)
        .base(groups -> new AdamW(groups, 1e-2))
        .quantize(ParameterFilter.linear(), QuantConfig.of(3))
        .quantize(ParameterFilter.embedding(), QuantConfig.of(4))
        .prox(ProxMap.parq(4, 16))
        .warmupSteps(2)
        .quantPeriod(3)
        .clipNorm(1)
        .schedule(LrSchedule.cosine(20, 0.1))
        .build();
  }

  /** A text over the vocabulary with something to learn. */
  static TokenData data(int length, long seed) {
    java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
    int[] ids = new int[length];
    for (int i = 1; i < length; i++) {
      ids[i] =
          random.nextInt(10) == 0 ? random.nextInt(VOCABULARY) : (3 * ids[i - 1] + 1) % VOCABULARY;
    }
    return TokenData.of(ids, new TextSize(length, length, length / 4));
  }
}
