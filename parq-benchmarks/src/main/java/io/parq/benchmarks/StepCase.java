package io.parq.benchmarks;

import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.NonFinite;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import java.lang.foreign.Arena;

/** The fused step: our AdamW, a refit and a proximal map. */
final class StepCase implements Case {
  /**
   * Beyond AdamW's, the latent is not the weight: it is read and written, and the weight written.
   */
  static final long BYTES = 8 * Float.BYTES;

  private final Arena arena = Arena.ofShared();
  private final Tensors tensors;
  private final QuantConfig config;
  private final ProxMap map;
  private final QuantOptimizer optimizer;

  StepCase(Model model, QuantConfig config, ProxMap map, NonFinite policy) {
    this.config = config;
    this.map = map;
    tensors = new Tensors(model, shape -> arena.allocate(Float.BYTES * shape.size(), 64));
    optimizer =
        QuantOptimizer.wrap(new AdamW(tensors.groups(config), Oracle.OPTIONS))
            .prox(map)
            .quantPeriod(1)
            .onNonFinite(policy)
            .build();
  }

  @Override
  public void run() {
    optimizer.step();
  }

  @Override
  public void check() {
    Oracle.checkStep(tensors, config, map, optimizer.stepCount(), 0);
  }

  @Override
  public long weights() {
    return tensors.model().size();
  }

  @Override
  public long bytes() {
    Model model = tensors.model();
    return BYTES * model.quantizedSize() + AdamWCase.BYTES * (model.size() - model.quantizedSize());
  }

  @Override
  public void close() {
    arena.close();
  }
}
