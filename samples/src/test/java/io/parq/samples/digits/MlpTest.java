package io.parq.samples.digits;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MlpTest {
  private static final int[] SIZES = {7, 5, 4, 3};
  private static final int IMAGES = 6;
  private static final int[] LABELS = {0, 1, 2, 2, 1, 0};

  private static float[] inputs(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] inputs = new float[IMAGES * SIZES[0]];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = (float) random.nextGaussian();
    }
    return inputs;
  }

  private static Mlp model(long seed) {
    Mlp model = new Mlp(seed, SIZES);
    SplittableRandom random = new SplittableRandom(~seed);
    for (Mlp.Layer layer : model.layers()) {
      for (int i = 0; i < layer.bias().length; i++) {
        layer.bias()[i] = (float) random.nextGaussian() / 4;
      }
    }
    return model;
  }

  /** The network in double precision, without matrices; the sum goes over all images. */
  private static double[][] scores(Mlp model, float[] inputs) {
    double[][] rows = new double[IMAGES][];
    for (int row = 0; row < IMAGES; row++) {
      double[] in = new double[SIZES[0]];
      for (int i = 0; i < in.length; i++) {
        in[i] = inputs[row * in.length + i];
      }
      List<Mlp.Layer> layers = model.layers();
      for (Mlp.Layer layer : layers) {
        double[] out = new double[layer.outputs()];
        for (int o = 0; o < out.length; o++) {
          out[o] = layer.bias()[o];
          for (int i = 0; i < in.length; i++) {
            out[o] += layer.weights()[o * in.length + i] * in[i];
          }
          out[o] = layer == layers.getLast() ? out[o] : Math.max(out[o], 0);
        }
        in = out;
      }
      rows[row] = in;
    }
    return rows;
  }

  private static double loss(Mlp model, float[] inputs) {
    double loss = 0;
    double[][] scores = scores(model, inputs);
    for (int row = 0; row < IMAGES; row++) {
      double sum = 0;
      for (double score : scores[row]) {
        sum += Math.exp(score);
      }
      loss += Math.log(sum) - scores[row][LABELS[row]];
    }
    return loss / IMAGES;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void agreesWithDoublePrecision(long seed) {
    Mlp model = model(seed);
    float[] inputs = inputs(seed);
    float[] logits = model.logits(inputs);
    double[][] expected = scores(model, inputs);
    for (int i = 0; i < logits.length; i++) {
      assertEquals(expected[i / 3][i % 3], logits[i], 1e-5, "score " + i + ", seed " + seed);
    }
    assertEquals(loss(model, inputs), model.lossAndGradients(inputs, LABELS), 1e-6);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void gradientsAgreeWithFiniteDifferences(long seed) {
    Mlp model = model(seed);
    float[] inputs = inputs(seed);
    model.lossAndGradients(inputs, LABELS);
    for (Mlp.Layer layer : model.layers()) {
      String where = layer.name() + ", seed " + seed;
      compare(model, inputs, layer.weights(), layer.weightGradient(), where + ", weight ");
      compare(model, inputs, layer.bias(), layer.biasGradient(), where + ", bias ");
    }
  }

  private static void compare(
      Mlp model, float[] inputs, float[] values, float[] gradient, String where) {
    for (int i = 0; i < values.length; i++) {
      float held = values[i];
      float above = held + 1e-4f;
      float below = held - 1e-4f;
      values[i] = above;
      double high = loss(model, inputs);
      values[i] = below;
      double low = loss(model, inputs);
      values[i] = held;
      assertEquals((high - low) / (above - below), gradient[i], 1e-5, where + i);
    }
  }

  @Test
  void predictsTheHighestScoreAndTheFirstOfEquals() {
    Mlp model = new Mlp(0, 2, 3);
    float[] weights = {1, 0, 0, 1, 0, 1};
    System.arraycopy(weights, 0, model.layers().getFirst().weights(), 0, weights.length);
    assertArrayEquals(new int[] {0, 1, 0}, model.predict(new float[] {2, 1, 1, 2, 0, 0}));
  }

  @Test
  void copiesShareNothing() {
    Mlp model = model(9);
    Mlp copy = model.copy();
    float[] before = model.logits(inputs(9));
    assertArrayEquals(before, copy.logits(inputs(9)));
    copy.layers().getFirst().weights()[0] += 1;
    copy.layers().getLast().bias()[0] += 1;
    assertArrayEquals(before, model.logits(inputs(9)));
    assertNotSame(model.layers().getFirst().weights(), copy.layers().getFirst().weights());
    assertArrayEquals(SIZES, copy.sizes());
  }

  @Test
  void sameSeedSameWeights() {
    assertArrayEquals(
        new Mlp(4, SIZES).layers().getFirst().weights(),
        new Mlp(4, SIZES).layers().getFirst().weights());
  }

  @Test
  void stableForLargeScores() {
    Mlp model = new Mlp(0, 1, 2);
    float[] weights = {1000, -1000};
    System.arraycopy(weights, 0, model.layers().getFirst().weights(), 0, weights.length);
    assertEquals(0, model.lossAndGradients(new float[] {1}, new int[] {0}));
    assertEquals(2000, model.lossAndGradients(new float[] {1}, new int[] {1}));
    assertArrayEquals(new float[] {1, -1}, model.layers().getFirst().biasGradient());
  }

  @Test
  void refusesWhatDoesNotFit() {
    Mlp model = new Mlp(0, SIZES);
    assertThrows(IllegalArgumentException.class, () -> new Mlp(0, 3));
    assertThrows(IllegalArgumentException.class, () -> new Mlp(0, 3, 0));
    assertThrows(IllegalArgumentException.class, () -> model.logits(new float[8]));
    assertThrows(IllegalArgumentException.class, () -> model.logits(new float[0]));
    assertThrows(
        IllegalArgumentException.class, () -> model.lossAndGradients(new float[14], new int[] {0}));
  }
}
