package io.parq.torch;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;

/** One layer: attention and feed-forward, each normalized and added to what came in. */
final class DecoderLayer {
  private final Attention attention;
  private final FeedForward feedForward;
  private final RmsNorm inputNorm;
  private final RmsNorm postAttentionNorm;
  private final boolean gemma;
  private final RmsNorm preFeedForwardNorm;
  private final RmsNorm postFeedForwardNorm;

  DecoderLayer(ModelConfig config, Layers layers, Module parent, int index) {
    Module module = layers.module(parent, String.valueOf(index), "DecoderLayer");
    long hidden = config.hiddenSize();
    attention = new Attention(config, layers, module);
    feedForward = new FeedForward(config, layers, module);
    inputNorm = layers.norm(module, "input_layernorm", hidden, config);
    postAttentionNorm = layers.norm(module, "post_attention_layernorm", hidden, config);
    gemma = config.family() == Family.GEMMA3;
    preFeedForwardNorm =
        gemma
            ? layers.norm(module, "pre_feedforward_layernorm", hidden, config)
            : postAttentionNorm;
    postFeedForwardNorm =
        gemma
            ? layers.norm(module, "post_feedforward_layernorm", hidden, config)
            : postAttentionNorm;
  }

  /** From [batch, token, hidden] to the same. */
  Tensor forward(Tensor x, Positions positions) {
    Tensor attended = attention.forward(inputNorm.forward(x), positions);
    Tensor middle = x.add(gemma ? postAttentionNorm.forward(attended) : attended);
    Tensor fed = feedForward.forward(preFeedForwardNorm.forward(middle));
    return middle.add(gemma ? postFeedForwardNorm.forward(fed) : fed);
  }
}
