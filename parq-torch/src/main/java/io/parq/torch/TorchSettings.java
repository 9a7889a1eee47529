package io.parq.torch;

import io.parq.optim.LrSchedule;
import io.parq.optim.NonFinite;
import io.parq.optim.Optimizer;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import org.jspecify.annotations.Nullable;

/** The settings of a {@link QuantOptimizer}, for tensors that it does not reach. */
record TorchSettings(
    ProxMap prox,
    long warmupSteps,
    int quantPeriod,
    boolean quantShrink,
    double annealWdFrac,
    @Nullable LrSchedule schedule,
    double clipNorm,
    NonFinite onNonFinite) {
  boolean clips() {
    return clipNorm < Double.POSITIVE_INFINITY;
  }

  boolean refits(long step) {
    return (step - warmupSteps) % quantPeriod == 0;
  }

  /** The optimizer with these settings; it checks them. */
  QuantOptimizer wrap(Optimizer base) {
    QuantOptimizer.Builder builder =
        QuantOptimizer.wrap(base)
            .prox(prox)
            .warmupSteps(warmupSteps)
            .quantPeriod(quantPeriod)
            .quantShrink(quantShrink)
            .annealWdFrac(annealWdFrac)
            .onNonFinite(onNonFinite);
    if (schedule != null) {
      builder.schedule(schedule);
    }
    if (clips()) {
      builder.clipNorm(clipNorm);
    }
    return builder.build();
  }
}
