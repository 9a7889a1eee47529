package io.parq.runtime;

import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A model of random weights, for measurements: what it says is noise, how long it takes and how
 * much memory is what any model of its shape takes.
 */
public final class SpeedTest {
  private final Decoder decoder;

  /**
   * Makes the weights.
   *
   * @param config the shape of the model, and how inputs of its layers are quantized
   * @param layers how linear layers are quantized, a head that is not the embedding too
   * @param embedding how the embedding is quantized
   */
  public SpeedTest(ModelConfig config, QuantConfig layers, QuantConfig embedding) {
    try {
      decoder = new Decoder(new LayerReader(config, new RandomWeights(layers, embedding), false));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return bytes of memory that the weights of linear layers and the embedding take} */
  public long weightBytes() {
    return decoder.byteSize();
  }

  /**
   * What a run took.
   *
   * @param prefillNanos nanoseconds until the prompt was read
   * @param decodeNanos nanoseconds that the further tokens took, one by one
   */
  public record Times(long prefillNanos, long decodeNanos) {}

  /**
   * Reads a prompt of random tokens, and continues it with others, one at a time.
   *
   * @param prompt number of tokens, at least 1
   * @param more number of further tokens
   * @return how long it took
   */
  public Times run(int prompt, int more) {
    SplittableRandom random = new SplittableRandom(prompt);
    int[] ids = random.ints(prompt + more, 0, decoder.config().vocabSize()).toArray();
    KeyValueCache cache = decoder.newCache();
    long start = System.nanoTime();
    decoder.read(ids, prompt, cache, false);
    long prefill = System.nanoTime() - start;
    float[] logits = new float[decoder.config().vocabSize()];
    start = System.nanoTime();
    for (int length = prompt + 1; length <= prompt + more; length++) {
      decoder.refresh(cache, length);
      decoder.step(List.of(new Chunk(ids, length, length, cache, logits)));
    }
    long decode = System.nanoTime() - start;
    return new Times(prefill, decode);
  }
}
