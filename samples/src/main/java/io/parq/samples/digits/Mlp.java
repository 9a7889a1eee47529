package io.parq.samples.digits;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.ejml.data.FMatrixRMaj;
import org.ejml.dense.row.CommonOps_FDRM;

/**
 * A multi-layer perceptron: linear layers with rectifiers between them, and softmax cross-entropy
 * as the loss. Plain arrays hold weights, biases and their gradients; it knows nothing of
 * optimizers or quantization. All matrices are row-major, one row an image or an output. Not
 * thread-safe.
 */
public final class Mlp {
  private final List<Layer> layers = new ArrayList<>();

  /** A linear layer: outputs = inputs * weights^T + bias. */
  public static final class Layer {
    private final String name;
    private final int inputs;
    private final int outputs;
    private final float[] weights;
    private final float[] weightGradient;
    private final float[] bias;
    private final float[] biasGradient;

    private Layer(String name, int inputs, int outputs) {
      this.name = name;
      this.inputs = inputs;
      this.outputs = outputs;
      this.weights = new float[Math.multiplyExact(inputs, outputs)];
      this.weightGradient = new float[weights.length];
      this.bias = new float[outputs];
      this.biasGradient = new float[outputs];
    }

    /** {@return the name, such as {@code layers.0}} */
    public String name() {
      return name;
    }

    /** {@return the number of inputs} */
    public int inputs() {
      return inputs;
    }

    /** {@return the number of outputs} */
    public int outputs() {
      return outputs;
    }

    /** {@return the weights, outputs x inputs, the live array} */
    public float[] weights() {
      return weights;
    }

    /** {@return the weights' gradient, outputs x inputs, the live array} */
    public float[] weightGradient() {
      return weightGradient;
    }

    /** {@return the bias, the live array} */
    public float[] bias() {
      return bias;
    }

    /** {@return the bias's gradient, the live array} */
    public float[] biasGradient() {
      return biasGradient;
    }

    private void forward(FMatrixRMaj in, FMatrixRMaj out) {
      CommonOps_FDRM.multTransB(in, FMatrixRMaj.wrap(outputs, inputs, weights), out);
      for (int row = 0; row < out.numRows; row++) {
        for (int i = 0; i < outputs; i++) {
          out.data[row * outputs + i] += bias[i];
        }
      }
    }

    private void backward(FMatrixRMaj in, FMatrixRMaj delta) {
      CommonOps_FDRM.multTransA(delta, in, FMatrixRMaj.wrap(outputs, inputs, weightGradient));
      Arrays.fill(biasGradient, 0);
      for (int row = 0; row < delta.numRows; row++) {
        for (int i = 0; i < outputs; i++) {
          biasGradient[i] += delta.data[row * outputs + i];
        }
      }
    }

    /** The loss's gradient by the layer's inputs; {@code in} tells which rectifiers were open. */
    private FMatrixRMaj backwardThrough(FMatrixRMaj in, FMatrixRMaj delta) {
      FMatrixRMaj out = new FMatrixRMaj(delta.numRows, inputs);
      CommonOps_FDRM.mult(delta, FMatrixRMaj.wrap(outputs, inputs, weights), out);
      for (int i = 0; i < out.data.length; i++) {
        if (in.data[i] <= 0) {
          out.data[i] = 0;
        }
      }
      return out;
    }
  }

  /**
   * Makes a network with normally distributed weights of variance 2 / inputs and zero biases.
   *
   * @param seed the same seed gives the same weights
   * @param sizes inputs, hidden layers and outputs, two or more; not modified
   */
  public Mlp(long seed, int... sizes) {
    if (sizes.length < 2 || Arrays.stream(sizes).anyMatch(size -> size < 1)) {
      throw new IllegalArgumentException(
          "sizes %s, expected two or more, each at least 1".formatted(Arrays.toString(sizes)));
    }
    RandomGenerator random = new SplittableRandom(seed);
    for (int i = 0; i + 1 < sizes.length; i++) {
      Layer layer = new Layer("layers." + i, sizes[i], sizes[i + 1]);
      double deviation = Math.sqrt(2.0 / layer.inputs);
      for (int k = 0; k < layer.weights.length; k++) {
        layer.weights[k] = (float) (random.nextGaussian() * deviation);
      }
      layers.add(layer);
    }
  }

  /** {@return a network of its own with the same weights and biases} */
  public Mlp copy() {
    Mlp copy = new Mlp(0, sizes());
    for (int i = 0; i < layers.size(); i++) {
      Layer from = layers.get(i);
      Layer to = copy.layers.get(i);
      System.arraycopy(from.weights, 0, to.weights, 0, from.weights.length);
      System.arraycopy(from.bias, 0, to.bias, 0, from.bias.length);
    }
    return copy;
  }

  /** {@return the layers, first to last} */
  public List<Layer> layers() {
    return List.copyOf(layers);
  }

  /** {@return inputs, hidden layers and outputs} */
  public int[] sizes() {
    int[] sizes = new int[layers.size() + 1];
    sizes[0] = layers.getFirst().inputs;
    for (int i = 0; i < layers.size(); i++) {
      sizes[i + 1] = layers.get(i).outputs;
    }
    return sizes;
  }

  /**
   * Runs the network.
   *
   * @param inputs image after image; not modified
   * @return the scores of each class, image after image
   */
  public float[] logits(float[] inputs) {
    return forward(inputs).getLast().data;
  }

  /**
   * Runs the network and takes the class with the highest score; the first of equals.
   *
   * @param inputs image after image; not modified
   * @return a class for each image
   */
  public int[] predict(float[] inputs) {
    FMatrixRMaj scores = forward(inputs).getLast();
    int[] classes = new int[scores.numRows];
    for (int row = 0; row < classes.length; row++) {
      for (int i = 1; i < scores.numCols; i++) {
        if (scores.get(row, i) > scores.get(row, classes[row])) {
          classes[row] = i;
        }
      }
    }
    return classes;
  }

  /**
   * Computes the loss and overwrites all gradients with its gradient.
   *
   * @param inputs image after image; not modified
   * @param labels a class for each image; not modified
   * @return the mean cross-entropy, in nats
   */
  public double lossAndGradients(float[] inputs, int[] labels) {
    List<FMatrixRMaj> activations = forward(inputs);
    FMatrixRMaj delta = activations.getLast();
    if (labels.length != delta.numRows) {
      throw new IllegalArgumentException(
          "%d labels, expected %d, one an image".formatted(labels.length, delta.numRows));
    }
    double loss = softmaxCrossEntropy(delta, labels);
    for (int i = layers.size() - 1; i >= 0; i--) {
      layers.get(i).backward(activations.get(i), delta);
      if (i > 0) {
        delta = layers.get(i).backwardThrough(activations.get(i), delta);
      }
    }
    return loss;
  }

  /** What each layer reads, and the scores: one matrix more than layers. */
  private List<FMatrixRMaj> forward(float[] inputs) {
    int columns = layers.getFirst().inputs;
    if (inputs.length == 0 || inputs.length % columns != 0) {
      throw new IllegalArgumentException(
          "%d inputs, expected a positive multiple of %d".formatted(inputs.length, columns));
    }
    List<FMatrixRMaj> activations = new ArrayList<>();
    activations.add(FMatrixRMaj.wrap(inputs.length / columns, columns, inputs));
    for (Layer layer : layers) {
      FMatrixRMaj in = activations.getLast();
      FMatrixRMaj out = new FMatrixRMaj(in.numRows, layer.outputs);
      layer.forward(in, out);
      if (activations.size() < layers.size()) {
        for (int i = 0; i < out.data.length; i++) {
          out.data[i] = Math.max(out.data[i], 0);
        }
      }
      activations.add(out);
    }
    return activations;
  }

  /** Turns scores into the gradient of the mean loss by them; returns that loss. */
  private static double softmaxCrossEntropy(FMatrixRMaj scores, int[] labels) {
    double loss = 0;
    int columns = scores.numCols;
    for (int row = 0; row < scores.numRows; row++) {
      int start = row * columns;
      float highest = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < columns; i++) {
        highest = Math.max(highest, scores.data[start + i]);
      }
      double sum = 0;
      for (int i = 0; i < columns; i++) {
        sum += Math.exp(scores.data[start + i] - highest);
      }
      loss += Math.log(sum) - (scores.data[start + labels[row]] - highest);
      for (int i = 0; i < columns; i++) {
        double probability = Math.exp(scores.data[start + i] - highest) / sum;
        double target = i == labels[row] ? 1 : 0;
        scores.data[start + i] = (float) ((probability - target) / scores.numRows);
      }
    }
    return loss / scores.numRows;
  }
}
