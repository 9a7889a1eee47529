package io.parq.cli.recipe;

import io.parq.optim.Adam;
import io.parq.optim.AdamW;
import io.parq.optim.Moments;
import io.parq.optim.Optimizer;
import io.parq.optim.ParamGroup;
import io.parq.optim.Sgd;
import java.util.List;

/**
 * What updates the weights.
 *
 * @param name which optimizer
 * @param learningRate before the schedule's factor, at least 0
 * @param weightDecay at least 0
 * @param beta1 of Adam and AdamW
 * @param beta2 of Adam and AdamW
 * @param epsilon of Adam and AdamW
 * @param momentum of SGD
 * @param nesterov of SGD
 * @param moments precision in which moments are kept
 */
public record BaseOptimizer(
    Name name,
    double learningRate,
    double weightDecay,
    double beta1,
    double beta2,
    double epsilon,
    double momentum,
    boolean nesterov,
    Moments moments) {
  /** The optimizers. */
  public enum Name {
    /** {@link AdamW}. */
    ADAMW,
    /** {@link Adam}. */
    ADAM,
    /** {@link Sgd}. */
    SGD
  }

  /** Checks what one key alone cannot tell. */
  public BaseOptimizer {
    if (name == Name.SGD && nesterov && momentum == 0) {
      throw new KeyException("optimizer.nesterov", "found true, expected momentum above 0 with it");
    }
  }

  /** {@return how many moments a weight has} */
  public int momentsPerWeight() {
    return switch (name) {
      case ADAMW, ADAM -> 2;
      case SGD -> momentum > 0 ? 1 : 0;
    };
  }

  /**
   * {@return the optimizer}
   *
   * @param groups the parameters that it updates in place
   */
  public Optimizer over(List<ParamGroup> groups) {
    return switch (name) {
      case ADAMW ->
          new AdamW(
              groups, new AdamW.Options(learningRate, beta1, beta2, epsilon, weightDecay, moments));
      case ADAM ->
          new Adam(
              groups, new Adam.Options(learningRate, beta1, beta2, epsilon, weightDecay, moments));
      case SGD ->
          new Sgd(
              groups, new Sgd.Options(learningRate, momentum, 0, weightDecay, nesterov, moments));
    };
  }
}
