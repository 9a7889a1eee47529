package io.parq.torch;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Attention with fewer heads for keys and values than for queries, or as many. */
final class Attention {
  private final ModelConfig config;
  private final Linear[] projections;
  private final Linear output;
  private final @Nullable RmsNorm queryNorm;
  private final @Nullable RmsNorm keyNorm;

  Attention(ModelConfig config, Layers layers, Module layer) {
    this.config = config;
    Module module = layers.module(layer, "self_attn", "Attention");
    long hidden = config.hiddenSize();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.keyValueHeads() * config.headDim();
    boolean bias = config.attentionBias();
    projections =
        config.family() == Family.PHI3
            ? new Linear[] {layers.linear(module, "qkv_proj", hidden, queries + 2 * keys, false)}
            : new Linear[] {
              layers.linear(module, "q_proj", hidden, queries, bias),
              layers.linear(module, "k_proj", hidden, keys, bias),
              layers.linear(module, "v_proj", hidden, keys, bias)
            };
    output = layers.linear(module, "o_proj", queries, hidden, config.outputBias());
    boolean normed = config.family() == Family.QWEN3 || config.family() == Family.GEMMA3;
    queryNorm = normed ? layers.norm(module, "q_norm", config.headDim(), config) : null;
    keyNorm = normed ? layers.norm(module, "k_norm", config.headDim(), config) : null;
  }

  /** From [batch, token, hidden] to the same. */
  Tensor forward(Tensor x, Positions positions) {
    Tensor[] qkv = project(x);
    Tensor queries = positions.turn(heads(qkv[0], config.heads(), queryNorm));
    Tensor keys = positions.turn(heads(qkv[1], config.keyValueHeads(), keyNorm));
    Tensor values = heads(qkv[2], config.keyValueHeads(), null);
    Tensor seen =
        torch.scaled_dot_product_attention(
            queries,
            keys,
            values,
            positions.mask(),
            0,
            positions.causal(),
            new DoubleOptional(config.attentionScale()),
            config.heads() != config.keyValueHeads());
    return output.forward(seen.transpose(1, 2).flatten(2, 3));
  }

  private Tensor[] project(Tensor x) {
    if (projections.length > 1) {
      return Linear.forward(x, projections);
    }
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.keyValueHeads() * config.headDim();
    TensorVector parts =
        torch.split(projections[0].forward(x), new long[] {queries, keys, keys}, 2);
    return new Tensor[] {parts.get(0), parts.get(1), parts.get(2)};
  }

  /** From [batch, token, hidden] to [batch, head, token, element]. */
  private Tensor heads(Tensor x, int count, @Nullable RmsNorm norm) {
    Tensor heads = x.unflatten(2, count, config.headDim());
    return (norm == null ? heads : norm.forward(heads)).transpose(1, 2);
  }
}
