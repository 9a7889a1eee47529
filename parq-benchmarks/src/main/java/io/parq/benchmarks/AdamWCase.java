package io.parq.benchmarks;

import io.parq.optim.AdamW;
import io.parq.optim.Moments;
import java.lang.foreign.Arena;

/** Our own AdamW over native memory, without quantization: what all else is compared to. */
final class AdamWCase implements Case {
  /** Read weight, gradient and two moments; write weight and moments. */
  static final long BYTES = 7 * Float.BYTES;

  private final Arena arena = Arena.ofShared();
  private final Tensors tensors;
  private final AdamW optimizer;
  private final Moments moments;

  AdamWCase(Model model) {
    this(model, Moments.FP32);
  }

  AdamWCase(Model model, Moments moments) {
    this.moments = moments;
    tensors = new Tensors(model, shape -> arena.allocate(Float.BYTES * shape.size(), 64));
    optimizer = new AdamW(tensors.groups(null), Oracle.OPTIONS.withMoments(moments));
  }

  @Override
  public void run() {
    optimizer.step();
  }

  @Override
  public void check() {
    if (moments == Moments.FP32) {
      Oracle.checkAdamW(tensors, optimizer.stepCount());
    } else {
      Oracle.checkMoments(tensors, moments, optimizer.stepCount());
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
