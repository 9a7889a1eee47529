package io.parq.benchmarks;

import io.parq.optim.AdamW;
import io.parq.optim.Moments;
import io.parq.optim.Optimizer;
import io.parq.optim.QuantOptimizer;
import java.lang.foreign.Arena;

/** Our own AdamW over native memory, nothing quantized: what all else is compared to. */
final class AdamWCase implements Case {
  /** Read weight, gradient and two moments; write weight and moments. */
  static final long BYTES = 7 * Float.BYTES;

  private final Arena arena = Arena.ofShared();
  private final Tensors tensors;
  private final AdamW adamW;
  private final Optimizer optimizer;
  private final Moments moments;

  AdamWCase(Model model) {
    this(model, Moments.FP32);
  }

  AdamWCase(Model model, Moments moments) {
    this(model, moments, false);
  }

  /**
   * @param checked whether gradients are looked through for NaN first, as a quantizing step does
   */
  AdamWCase(Model model, Moments moments, boolean checked) {
    this.moments = moments;
    tensors = new Tensors(model, shape -> arena.allocate(Float.BYTES * shape.size(), 64));
    adamW = new AdamW(tensors.groups(null), Oracle.OPTIONS.withMoments(moments));
    optimizer = checked ? QuantOptimizer.wrap(adamW).build() : adamW;
  }

  @Override
  public void run() {
    optimizer.step();
  }

  @Override
  public void check() {
    if (moments == Moments.FP32) {
      Oracle.checkAdamW(tensors, adamW.stepCount());
    } else {
      Oracle.checkMoments(tensors, moments, adamW.stepCount());
    }
  }

  @Override
  public long weights() {
    return tensors.model().size();
  }

  @Override
  public long bytes() {
    long moment =
        tensors.model().shapes().stream().mapToLong(shape -> moments.bytes(shape.size())).sum();
    return 3 * Float.BYTES * tensors.model().size() + 4 * moment;
  }

  @Override
  public void close() {
    arena.close();
  }
}
