package io.parq.optim;

import org.jspecify.annotations.Nullable;

/** The fixed settings of a {@link QuantOptimizer}; a loaded state must share them. */
record QuantSettings(
    ProxMap prox,
    long warmupSteps,
    int quantPeriod,
    boolean quantShrink,
    double annealWdFrac,
    @Nullable LrSchedule schedule,
    double clipNorm,
    NonFinite onNonFinite) {
  private static final String FORMAT = "quant-optimizer 1";

  boolean clips() {
    return clipNorm < Double.POSITIVE_INFINITY;
  }

  boolean refits(long step) {
    return (step - warmupSteps) % quantPeriod == 0;
  }

  void write(StateWriter writer) {
    writer.text("format", FORMAT);
    writer.text("prox", prox.toString());
    writer.text("warmup_steps", Long.toString(warmupSteps));
    writer.text("quant_period", Integer.toString(quantPeriod));
    writer.text("quant_shrink", Boolean.toString(quantShrink));
    writer.text("anneal_wd_frac", Double.toString(annealWdFrac));
    writer.text("schedule", String.valueOf(schedule));
    writer.text("clip_norm", Double.toString(clipNorm));
  }

  void check(StateReader reader) {
    reader.text("format", FORMAT);
    reader.text("prox", prox.toString());
    reader.text("warmup_steps", Long.toString(warmupSteps));
    reader.text("quant_period", Integer.toString(quantPeriod));
    reader.text("quant_shrink", Boolean.toString(quantShrink));
    reader.text("anneal_wd_frac", Double.toString(annealWdFrac));
    reader.text("schedule", String.valueOf(schedule));
    reader.text("clip_norm", Double.toString(clipNorm));
  }
}
