package io.parq.optim;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Looks for NaN and infinity in all gradients and in what the next step updates. */
final class FiniteScan {
  private static final byte GRADIENT = 1;
  private static final byte SOURCE = 2;

  private final QuantTensors tensors;
  private final Workers workers;

  FiniteScan(QuantTensors tensors, Workers workers) {
    this.tensors = tensors;
    this.workers = workers;
  }

  /** The first element that is not finite. */
  record Finding(Parameter parameter, String what, long index, float value) {
    boolean isGradient() {
      return what.equals("gradient");
    }

    NonFiniteException exception(long step) {
      return new NonFiniteException(parameter, what, step, index, value);
    }
  }

  /** A run of floats in memory. */
  private record Run(String what, MemorySegment memory, long start) {
    boolean isFinite(int length) {
      return Floats.isFinite(memory, start, length);
    }
  }

  /**
   * Scans everything.
   *
   * @param hasLatents whether quantized parameters are updated from their latents
   * @return the first latent or weight that is not finite, else the first gradient, else null
   */
  @Nullable Finding find(boolean hasLatents) {
    List<Chunk> chunks = tensors.plan().chunks();
    byte[] found = new byte[chunks.size()];
    workers.forEach(
        chunks,
        (tile, chunk) -> {
          byte flags = gradient(chunk).isFinite(chunk.length()) ? 0 : GRADIENT;
          flags |= isSourceFinite(chunk, hasLatents) ? 0 : SOURCE;
          found[chunk.index()] = flags;
        });
    for (Chunk chunk : chunks) {
      if ((found[chunk.index()] & SOURCE) != 0) {
        return locate(chunk, source(chunk, hasLatents));
      }
    }
    for (Chunk chunk : chunks) {
      if ((found[chunk.index()] & GRADIENT) != 0) {
        return locate(chunk, gradient(chunk));
      }
    }
    return null;
  }

  /** Latents are read as arrays: one loop over two kinds of memory would not be vectorized. */
  private boolean isSourceFinite(Chunk chunk, boolean hasLatents) {
    boolean isLatent = tensors.slot(chunk).isQuantized() && hasLatents;
    return isLatent
        ? Floats.isFinite(tensors.latents(chunk), chunk.length())
        : source(chunk, hasLatents).isFinite(chunk.length());
  }

  private Run gradient(Chunk chunk) {
    return new Run("gradient", tensors.slot(chunk).parameter().gradient(), chunk.start());
  }

  private Run source(Chunk chunk, boolean hasLatents) {
    QuantSlot slot = tensors.slot(chunk);
    return slot.isQuantized() && hasLatents
        ? new Run("latent", MemorySegment.ofArray(tensors.latents(chunk)), 0)
        : new Run("weight", slot.parameter().weights(), chunk.start());
  }

  private Finding locate(Chunk chunk, Run run) {
    float[] x = new float[chunk.length()];
    Floats.load(run.memory, run.start, x, x.length);
    int i = 0;
    while (Float.isFinite(x[i])) {
      i++;
    }
    return new Finding(tensors.slot(chunk).parameter(), run.what, chunk.start() + i, x[i]);
  }
}
