package io.parq.torch;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** The gated feed-forward part of a layer: down(activation(gate(x)) * up(x)). */
final class FeedForward {
  private final boolean gelu;
  private final Linear[] projections;
  private final Linear down;

  FeedForward(ModelConfig config, Layers layers, Module layer) {
    Module module = layers.module(layer, "mlp", "FeedForward");
    long hidden = config.hiddenSize();
    long inner = config.intermediateSize();
    boolean bias = config.mlpBias();
    gelu = config.family() == Family.GEMMA3;
    projections =
        config.family() == Family.PHI3
            ? new Linear[] {layers.linear(module, "gate_up_proj", hidden, 2 * inner, false)}
            : new Linear[] {
              layers.linear(module, "gate_proj", hidden, inner, bias),
              layers.linear(module, "up_proj", hidden, inner, bias)
            };
    down = layers.linear(module, "down_proj", inner, hidden, bias);
  }

  /** From [batch, token, hidden] to the same. */
  Tensor forward(Tensor x) {
    Tensor gate;
    Tensor up;
    if (projections.length > 1) {
      Tensor[] both = Linear.forward(x, projections);
      gate = both[0];
      up = both[1];
    } else {
      TensorVector halves = torch.chunk(projections[0].forward(x), 2, 2);
      gate = halves.get(0);
      up = halves.get(1);
    }
    return down.forward((gelu ? torch.gelu(gate, "tanh") : torch.silu(gate)).mul(up));
  }
}
