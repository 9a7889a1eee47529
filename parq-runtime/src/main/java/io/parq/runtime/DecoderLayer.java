package io.parq.runtime;

import io.parq.export.model.Family;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One layer: attention and feed-forward, each normalized and added to what came in. */
final class DecoderLayer {
  private final Attention attention;
  private final FeedForward feedForward;
  private final RmsNorm inputNorm;
  private final RmsNorm feedForwardNorm;

  /** Gemma normalizes results too. */
  private final @Nullable RmsNorm attendedNorm;

  private final @Nullable RmsNorm fedNorm;

  DecoderLayer(LayerReader reader, int index) throws IOException {
    String name = "model.layers." + index;
    int hidden = reader.config().hiddenSize();
    attention = new Attention(reader, name + ".self_attn", index);
    feedForward = new FeedForward(reader, name + ".mlp");
    inputNorm = reader.norm(name + ".input_layernorm", hidden);
    RmsNorm afterAttention = reader.norm(name + ".post_attention_layernorm", hidden);
    if (reader.config().family() == Family.GEMMA3) {
      attendedNorm = afterAttention;
      feedForwardNorm = reader.norm(name + ".pre_feedforward_layernorm", hidden);
      fedNorm = reader.norm(name + ".post_feedforward_layernorm", hidden);
    } else {
      attendedNorm = null;
      feedForwardNorm = afterAttention;
      fedNorm = null;
    }
  }

  List<Linear> linears() {
    return Stream.concat(attention.linears().stream(), feedForward.linears().stream()).toList();
  }

  /** Runs tokens through the layer, in place. */
  void apply(float[] x, int tokens, List<Span> spans) {
    Scratch scratch = Scratch.ofCaller();
    int mark = scratch.mark();
    add(x, attention.apply(inputNorm.copy(x), tokens, spans), attendedNorm);
    scratch.release(mark);
    add(x, feedForward.apply(feedForwardNorm.copy(x), tokens), fedNorm);
    scratch.release(mark);
  }

  private static void add(float[] x, float[] part, @Nullable RmsNorm norm) {
    float[] normed = norm == null ? part : norm.copy(part);
    for (int i = 0; i < x.length; i++) {
      x[i] += normed[i];
    }
  }
}
