package io.parq.torch;

import static org.bytedeco.pytorch.global.torch.cross_entropy_loss;
import static org.bytedeco.pytorch.global.torch.manual_seed;
import static org.bytedeco.pytorch.global.torch.relu;
import static org.bytedeco.pytorch.global.torch.set_num_threads;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.EmbeddingImpl;
import org.bytedeco.pytorch.LayerNormImpl;
import org.bytedeco.pytorch.LayerNormOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LinearOptions;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;

/** A small model and a task that it can learn: each token's successor. */
final class TorchNets {
  static final int TOKENS = 12;
  static final int WIDTH = 16;

  private TorchNets() {}

  /** Embedding, two linear layers, a normalization, a head. */
  static final class Net extends Module {
    final EmbeddingImpl embedding;
    final LinearImpl first;
    final LinearImpl second;
    final LayerNormImpl norm;
    final LinearImpl head;

    Net(long seed) {
      set_num_threads(1);
      manual_seed(seed);
      embedding = register_module("embedding", new EmbeddingImpl(TOKENS, WIDTH));
      first = register_module("first", new LinearImpl(WIDTH, 2 * WIDTH));
      second = register_module("second", new LinearImpl(2 * WIDTH, WIDTH));
      LayerNormOptions sizes = new LayerNormOptions(new LongVector(new long[] {WIDTH}));
      norm = register_module("norm", new LayerNormImpl(sizes));
      LinearOptions noBias = new LinearOptions(WIDTH, TOKENS);
      noBias.bias().put(false);
      head = register_module("head", new LinearImpl(noBias));
    }

    Tensor forward(Tensor ids) {
      Tensor x = embedding.forward(ids);
      x = x.add(second.forward(relu(first.forward(x))));
      return head.forward(norm.forward(x));
    }
  }

  static Tensor inputs() {
    return Tensor.create(range(0), TOKENS);
  }

  static Tensor targets() {
    return Tensor.create(range(5), TOKENS);
  }

  private static long[] range(int start) {
    long[] ids = new long[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
      ids[i] = (i * 7L + start) % TOKENS;
    }
    return ids;
  }

  static Tensor loss(Tensor logits) {
    return cross_entropy_loss(
        logits.to(org.bytedeco.pytorch.global.torch.ScalarType.Float), targets());
  }

  /** Computes gradients and returns the loss. */
  static double backward(Net net) {
    try (PointerScope _ = new PointerScope()) {
      Tensor loss = loss(net.forward(inputs()));
      loss.backward();
      return loss.item_double();
    }
  }
}
