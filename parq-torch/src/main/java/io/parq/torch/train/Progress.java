package io.parq.torch.train;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where training stands after a step.
 *
 * @param step steps taken, from 1
 * @param steps steps in all
 * @param loss mean negative log-likelihood of the step's targets that count, in nats, before the
 *     update
 * @param tokens input tokens seen so far
 * @param tokensPerSecond input tokens per second, of late
 * @param timeLeft estimate for the steps that remain, evaluations not counted
 * @param learningRate of the first group
 * @param gradientNorm before clipping; NaN if gradients are not clipped
 * @param inverseSlope of the proximal map: 1 as long as weights are free, 0 when they are quantized
 */
public record Progress(
    long step,
    long steps,
    double loss,
    long tokens,
    double tokensPerSecond,
    Duration timeLeft,
    double learningRate,
    double gradientNorm,
    double inverseSlope) {
  /**
   * {@return the measured values by name; those that are NaN because they are unknown are left out}
   */
  public Map<String, Double> values() {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("loss", loss);
    values.put("tokens", (double) tokens);
    values.put("tokens_per_second", tokensPerSecond);
    values.put("learning_rate", learningRate);
    if (!Double.isNaN(gradientNorm)) {
      values.put("gradient_norm", gradientNorm);
    }
    values.put("inverse_slope", inverseSlope);
    return values;
  }
}
