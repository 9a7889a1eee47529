package io.parq.samples.digits;

import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.LrSchedule;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A way to train: AdamW with a learning rate that falls along a cosine to zero. The only place
 * where network and optimizer meet.
 *
 * @param epochs passes over the images
 * @param batch images in a step
 * @param learningRate the rate at the start
 * @param weightDecay decoupled weight decay
 */
record Training(int epochs, int batch, double learningRate, double weightDecay) {
  Training {
    if (epochs < 1 || batch < 1) {
      throw new IllegalArgumentException(
          "%d epochs in batches of %d, expected at least 1 each".formatted(epochs, batch));
    }
  }

  /** Hears of each epoch's end. */
  interface Listener {
    /**
     * After the last step of an epoch.
     *
     * @param optimizer the optimizer, not to be stepped
     */
    void epochDone(QuantOptimizer optimizer);
  }

  /** The steps that all epochs take. */
  long steps(int images) {
    return (long) epochs * Math.ceilDiv(images, batch);
  }

  /**
   * Trains a network in place.
   *
   * @param model the network; modified
   * @param config how the weights of all layers are quantized, null for not at all; biases never
   *     are
   * @param map how weights are brought to their levels
   * @param digits the data
   * @param images which of them to train on; not modified
   * @param seed the same seed gives the same batches
   * @param listener hears of each epoch's end
   * @return the optimizer after its last step
   */
  QuantOptimizer run(
      Mlp model,
      @Nullable QuantConfig config,
      ProxMap map,
      Digits digits,
      int[] images,
      long seed,
      Listener listener) {
    QuantOptimizer optimizer = optimizer(model, config, map, steps(images.length));
    RandomGenerator random = new SplittableRandom(seed);
    int[] order = images.clone();
    for (int epoch = 0; epoch < epochs; epoch++) {
      Digits.shuffle(order, random);
      for (int start = 0; start < order.length; start += batch) {
        int[] chosen = Arrays.copyOfRange(order, start, Math.min(start + batch, order.length));
        model.lossAndGradients(digits.inputs(chosen), digits.labels(chosen));
        optimizer.step();
      }
      listener.epochDone(optimizer);
    }
    return optimizer;
  }

  private QuantOptimizer optimizer(
      Mlp model, @Nullable QuantConfig config, ProxMap map, long steps) {
    Map<ParameterFilter, QuantConfig> configs =
        config == null ? Map.of() : Map.of(ParameterFilter.linear(), config);
    List<ParamGroup> groups = ParamGroup.assign(parameters(model), configs);
    groups.forEach(group -> group.weightDecay(weightDecay));
    return QuantOptimizer.wrap(new AdamW(groups, learningRate))
        .prox(map)
        .schedule(LrSchedule.cosine(steps, 0))
        .build();
  }

  private static List<Parameter> parameters(Mlp model) {
    List<Parameter> parameters = new ArrayList<>();
    for (Mlp.Layer layer : model.layers()) {
      parameters.add(
          Parameter.of(
              layer.name() + ".weight",
              Parameter.Kind.LINEAR,
              layer.weights(),
              layer.weightGradient(),
              layer.outputs(),
              layer.inputs()));
      parameters.add(
          Parameter.of(
              layer.name() + ".bias",
              Parameter.Kind.BIAS,
              layer.bias(),
              layer.biasGradient(),
              layer.outputs()));
    }
    return parameters;
  }
}
