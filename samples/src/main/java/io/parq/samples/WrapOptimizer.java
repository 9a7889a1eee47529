package io.parq.samples;

import io.parq.export.ParqFile;
import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Wraps an optimizer around plain arrays, trains on 2-bit levels and writes a packed file. */
public final class WrapOptimizer {
  private static final int OUTPUTS = 32;
  private static final int INPUTS = 64;
  private static final int STEPS = 200;

  private WrapOptimizer() {}

  /**
   * Trains and writes.
   *
   * @param args the file to write, or nothing for {@code layer.safetensors}
   * @throws IOException if it cannot be written
   */
  public static void main(String[] args) throws IOException {
    Path file = Path.of(args.length == 0 ? "layer.safetensors" : args[0]);
    train(file);
    System.out.println("wrote " + file);
  }

  static float[] train(Path file) throws IOException {
    float[] weights = new float[OUTPUTS * INPUTS];
    float[] gradient = new float[OUTPUTS * INPUTS];
    Parameter layer =
        Parameter.of("layer.weight", Parameter.Kind.LINEAR, weights, gradient, OUTPUTS, INPUTS);

    // Which parameters get which bits; all others stay in full precision.
    List<ParamGroup> groups =
        ParamGroup.assign(List.of(layer), Map.of(ParameterFilter.linear(), QuantConfig.of(2)));
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(new AdamW(groups, 0.01)).prox(ProxMap.parq(0, STEPS / 2)).build();

    for (int step = 0; step < STEPS; step++) {
      backward(weights, gradient);
      optimizer.step();
    }

    // Each weight is on one of the 4 levels of its row now, and the file holds these very values.
    ParqFile.write(file, optimizer.quantized(), Map.of(), Map.of());
    return weights;
  }

  /** Stands for a model's own backward pass: fills the gradient at these weights. */
  private static void backward(float[] weights, float[] gradient) {
    for (int i = 0; i < weights.length; i++) {
      gradient[i] = weights[i] - (float) Math.sin(i);
    }
  }
}
