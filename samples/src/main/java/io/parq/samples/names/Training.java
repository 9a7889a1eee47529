package io.parq.samples.names;

import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.LrSchedule;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.torch.CausalLm;
import io.parq.torch.TorchQuantOptimizer;
import io.parq.torch.train.Batches;
import io.parq.torch.train.TrainConfig;
import io.parq.torch.train.TrainListener;
import io.parq.torch.train.Trainer;
import java.io.IOException;
import java.util.Map;

/**
 * How a model is trained: AdamW, the learning rate rising along a line and falling along a cosine.
 *
 * @param steps how long
 * @param learningRate the highest
 * @param annealed whether weights are drawn to their levels bit by bit (PARQ) or lie on them from
 *     the first step on (straight-through)
 */
record Training(int steps, double learningRate, boolean annealed) {
  /** Share of the steps in which the learning rate rises. */
  static final double WARM_UP = 0.05;

  /** Share of the steps after which PARQ's weights lie on their levels. */
  static final double ANNEALED = 0.4;

  /** The norm that gradients are clipped to. */
  static final double CLIP = 1;

  /** How the base is trained. */
  static Training ofBase(Size size) {
    return new Training(size.baseSteps(), 2e-3, false);
  }

  /** How the control and the quantized models are trained, from the base on. */
  static Training onward(Size size) {
    return new Training(size.tuneSteps(), 1e-3, true);
  }

  /**
   * Trains a model.
   *
   * @param model the model; its weights end on their levels, if there are any
   * @param configs what is quantized; may be empty
   * @param batches the data
   * @param listener told of each step
   * @return the optimizer at the end
   */
  TorchQuantOptimizer run(
      CausalLm model,
      Map<ParameterFilter, QuantConfig> configs,
      Batches batches,
      TrainListener listener)
      throws IOException {
    TorchQuantOptimizer optimizer =
        TorchQuantOptimizer.builder(model)
            .base(groups -> new AdamW(groups, learningRate))
            .quantize(configs)
            .prox(prox())
            .quantPeriod(1)
            .schedule(schedule())
            .clipNorm(CLIP)
            .build();
    new Trainer(model::forward, optimizer, batches, TrainConfig.of(steps), listener).run();
    return optimizer;
  }

  private ProxMap prox() {
    return annealed ? ProxMap.parq(0, Math.max(1, Math.round(ANNEALED * steps))) : ProxMap.hard();
  }

  private LrSchedule schedule() {
    long rise = Math.max(1, Math.round(WARM_UP * steps));
    return LrSchedule.linearWarmup(rise, LrSchedule.cosine(Math.max(1, steps - rise), 0));
  }
}
