package io.parq.runtime;

import io.parq.export.model.Family;
import io.parq.export.model.ModelConfig;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The gated feed-forward part of a layer: down(activation(gate(x)) * up(x)). */
final class FeedForward {
  private static final double GELU_SLOPE = Math.sqrt(2 / Math.PI);

  /** Elements of a token that are gated at a time. */
  private static final int PART = 1024;

  /** Multiplications that take about as long as gating an element. */
  private static final long WORK = 64;

  private final ModelConfig config;
  private final boolean gelu;
  private final MatrixKernels kernels;
  private final List<Linear> projections;
  private final Linear down;

  FeedForward(LayerReader reader, String name) throws IOException {
    config = reader.config();
    int hidden = config.hiddenSize();
    int inner = config.intermediateSize();
    boolean bias = config.mlpBias();
    kernels = Chosen.of(hidden, inner);
    gelu = config.family() == Family.GEMMA3;
    projections =
        config.family() == Family.PHI3
            ? List.of(reader.linear(name + ".gate_up_proj", hidden, 2 * inner, false))
            : List.of(
                reader.linear(name + ".gate_proj", hidden, inner, bias),
                reader.linear(name + ".up_proj", hidden, inner, bias));
    down = reader.linear(name + ".down_proj", inner, hidden, bias);
  }

  List<Linear> linears() {
    return Stream.concat(projections.stream(), Stream.of(down)).toList();
  }

  /** From normalized tokens to what is added to them, in the caller's scratch. */
  float[] apply(float[] x, int tokens) {
    int inner = config.intermediateSize();
    Scratch scratch = Scratch.ofCaller();
    float[] y = scratch.floats(tokens * config.hiddenSize());
    float[] both = scratch.floats(Math.multiplyExact(tokens, 2 * inner));
    Linear.apply(projections, x, tokens, both, 2 * inner);
    float[] gated = scratch.floats(tokens * inner);
    int parts = Math.ceilDiv(inner, PART);
    Team.run(
        WORK * gated.length,
        tokens * parts,
        task -> {
          int from = task % parts * PART;
          gate(both, task / parts, from, Math.min(PART, inner - from), gated);
        });
    down.apply(gated, tokens, y, 0, config.hiddenSize());
    return y;
  }

  private void gate(float[] both, int token, int from, int count, float[] gated) {
    int inner = config.intermediateSize();
    int gate = token * 2 * inner + from;
    int up = gate + inner;
    int to = token * inner + from;
    if (gelu) {
      for (int i = 0; i < count; i++) {
        gated[to + i] = gelu(both[gate + i]) * both[up + i];
      }
      return;
    }
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    float[] powers = scratch.floats(PART);
    for (int i = 0; i < count; i++) {
      powers[i] = -Math.abs(both[gate + i]);
    }
    Arrays.fill(powers, count, PART, 0f);
    kernels.exponentials(powers, 0, PART);
    for (int i = 0; i < count; i++) {
      float x = both[gate + i];
      float above = Math.max(x, 0f) + Math.min(x, 0f) * powers[i];
      gated[to + i] = above / (1 + powers[i]) * both[up + i];
    }
    scratch.release(mark);
  }

  /** The approximation by a hyperbolic tangent. */
  private static float gelu(float x) {
    return (float) (0.5 * x * (1 + Math.tanh(GELU_SLOPE * (x + 0.044715 * x * x * x))));
  }
}
