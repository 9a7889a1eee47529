package io.parq.optim;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Looks for NaN and infinity in all gradients and in what the next step updates. */
final class FiniteScan {
  private static final byte GRADIENT = 1;
  private static final byte SOURCE = 2;

  private static final UpdateKernels KERNELS = UpdateKernels.Best.KERNELS;

  private final QuantTensors tensors;
  private final Workers workers;
  private final Workers.ChunkBody scan = this::scan;

  /** By chunk, of the latest scan. */
  private final byte[] found;

  private boolean hasLatents;
  private boolean hasGradients;

  FiniteScan(QuantTensors tensors, Workers workers) {
    this.tensors = tensors;
    this.workers = workers;
    this.found = new byte[tensors.plan().chunks().size()];
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

  /**
   * Scans everything.
   *
   * @param latents whether quantized parameters are updated from their latents
   * @param gradients whether gradients are scanned; if not, they are known to be finite
   * @return the first latent or weight that is not finite, else the first gradient, else null
   */
  @Nullable Finding find(boolean latents, boolean gradients) {
    hasLatents = latents;
    hasGradients = gradients;
    workers.forEach(tensors.plan().batches(), scan);
    List<Chunk> chunks = tensors.plan().chunks();
    for (byte what : new byte[] {SOURCE, GRADIENT}) {
      for (int i = 0; i < found.length; i++) {
        if ((found[i] & what) != 0) {
          return locate(chunks.get(i), what);
        }
      }
    }
    return null;
  }

  private void scan(Tile tile, Chunk chunk) {
    MemorySegment gradient = tensors.slot(chunk).parameter().gradient();
    boolean isFinite =
        !hasGradients || KERNELS.isFinite(tile, gradient, chunk.start(), chunk.length());
    byte flags = isFinite ? 0 : GRADIENT;
    flags |= isSourceFinite(tile, chunk) ? 0 : SOURCE;
    found[chunk.index()] = flags;
  }

  private boolean isSourceFinite(Tile tile, Chunk chunk) {
    QuantSlot slot = tensors.slot(chunk);
    if (slot.isQuantized() && hasLatents) {
      return tensors.hasFiniteLatents(chunk)
          || Floats.isFinite(tensors.latents(chunk), 0, chunk.length());
    }
    MemorySegment weights = slot.parameter().weights();
    return KERNELS.isFinite(tile, weights, chunk.start(), chunk.length());
  }

  private Finding locate(Chunk chunk, byte flag) {
    QuantSlot slot = tensors.slot(chunk);
    Parameter parameter = slot.parameter();
    boolean isLatent = flag == SOURCE && slot.isQuantized() && hasLatents;
    float[] x = new float[chunk.length()];
    if (isLatent) {
      System.arraycopy(tensors.latents(chunk), 0, x, 0, x.length);
    } else {
      MemorySegment memory = flag == GRADIENT ? parameter.gradient() : parameter.weights();
      Floats.load(memory, chunk.start(), x, 0, x.length);
    }
    int i = 0;
    while (Float.isFinite(x[i])) {
      i++;
    }
    String what = flag == GRADIENT ? "gradient" : isLatent ? "latent" : "weight";
    return new Finding(parameter, what, chunk.start() + i, x[i]);
  }
}
