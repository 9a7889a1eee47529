package io.parq.benchmarks;

import io.parq.optim.AdamW;
import java.lang.foreign.Arena;

/** Our own AdamW over native memory, without quantization: what all else is compared to. */
final class AdamWCase implements Case {
  /** Read weight, gradient and two moments; write weight and moments. */
  static final long BYTES = 7 * Float.BYTES;

  private final Arena arena = Arena.ofShared();
  private final Tensors tensors;
  private final AdamW optimizer;

  AdamWCase(Model model) {
    tensors = new Tensors(model, shape -> arena.allocate(Float.BYTES * shape.size(), 64));
    optimizer = new AdamW(tensors.groups(null), Oracle.OPTIONS);
  }

  @Override
  public void run() {
    optimizer.step();
  }

  @Override
  public void check() {
    Oracle.checkAdamW(tensors, optimizer.stepCount());
  }

  @Override
  public long weights() {
    return tensors.model().size();
  }

  @Override
  public long bytes() {
    return BYTES * tensors.model().size();
  }

  @Override
  public void close() {
    arena.close();
  }
}
