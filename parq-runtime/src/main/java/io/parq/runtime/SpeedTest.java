package io.parq.runtime;

import io.parq.export.model.ModelConfig;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
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
   * @param layers how linear layers are quantized
   * @param embedding how the embedding and the head are quantized
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
   * @param decodeBytes bytes that the calling thread allocated on the Java heap for each of them
   */
  public record Times(long prefillNanos, long decodeNanos, long decodeBytes) {}

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
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    start = System.nanoTime();
    for (int length = prompt + 1; length <= prompt + more; length++) {
      decoder.read(ids, length, cache, false);
    }
    long decode = System.nanoTime() - start;
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    return new Times(prefill, decode, bytes / Math.max(1, more));
  }
}
