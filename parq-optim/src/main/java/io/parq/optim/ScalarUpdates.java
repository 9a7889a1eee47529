package io.parq.optim;

import io.parq.grids.SmallFloat;
import java.lang.foreign.MemorySegment;

/**
 * Plain loops over arrays from a common index, which the compiler vectorizes; memory segments are
 * copied, since it vectorizes no loop over those. Also the last elements of the vector loops.
 */
final class ScalarUpdates implements UpdateKernels {
  @Override
  public void adam(AdamUpdate c, Tile t) {
    adam(c, t, 0);
  }

  @Override
  public void adam(AdamUpdate c, Tile t, short[] first, short[] second) {
    adam(c, t, first, second, 0);
  }

  void adam(AdamUpdate c, Tile t, short[] first, short[] second, int from) {
    t.first = t.widenedFirst();
    t.second = t.widenedSecond();
    int n = t.length - from;
    SmallFloat.fromBf16(first, from, t.first, from, n);
    SmallFloat.fromBf16(second, from, t.second, from, n);
    adam(c, t, from);
    SmallFloat.toBf16(t.first, from, first, from, n);
    SmallFloat.toBf16(t.second, from, second, from, n);
  }

  void adam(AdamUpdate c, Tile t, int from) {
    float[] x = load(t, from);
    if (c.isFromStart()) {
      adamFromStart(c, x, t.g, t.first, t.second, from, t.length);
    } else {
      adamFromEnd(c, x, t.g, t.first, t.second, from, t.length);
    }
    store(t, x, from);
  }

  private static float[] load(Tile t, int from) {
    int n = t.length - from;
    t.ensure(t.length);
    Floats.load(t.gradient, t.start + from, t.g, from, n);
    if (t.latents != null) {
      return t.latents;
    }
    Floats.load(t.weights, t.start + from, t.x, from, n);
    return t.x;
  }

  private static void store(Tile t, float[] x, int from) {
    if (t.latents == null) {
      Floats.store(x, from, t.length - from, t.weights, t.start + from);
    }
    t.isFinite = (from == 0 || t.isFinite) && Floats.isFinite(x, from, t.length);
  }

  private static void adamFromStart(
      AdamUpdate c, float[] w, float[] g, float[] m, float[] v, int from, int to) {
    float decayFactor = c.decayFactor();
    float l2 = c.l2();
    float firstShare = c.firstShare();
    float beta2 = c.beta2();
    float secondShare = c.secondShare();
    float minusStepSize = c.minusStepSize();
    float correction = c.correction();
    float epsilon = c.epsilon();
    for (int i = from; i < to; i++) {
      float d = g[i] + l2 * w[i];
      float first = m[i] + firstShare * (d - m[i]);
      float second = v[i] * beta2 + secondShare * d * d;
      m[i] = first;
      v[i] = second;
      float denominator = (float) Math.sqrt(second) / correction + epsilon;
      w[i] = w[i] * decayFactor + minusStepSize * first / denominator;
    }
  }

  /** PyTorch interpolates from the nearer end. */
  private static void adamFromEnd(
      AdamUpdate c, float[] w, float[] g, float[] m, float[] v, int from, int to) {
    float decayFactor = c.decayFactor();
    float l2 = c.l2();
    float oldShare = 1f - c.firstShare();
    float beta2 = c.beta2();
    float secondShare = c.secondShare();
    float minusStepSize = c.minusStepSize();
    float correction = c.correction();
    float epsilon = c.epsilon();
    for (int i = from; i < to; i++) {
      float d = g[i] + l2 * w[i];
      float first = d - (d - m[i]) * oldShare;
      float second = v[i] * beta2 + secondShare * d * d;
      m[i] = first;
      v[i] = second;
      float denominator = (float) Math.sqrt(second) / correction + epsilon;
      w[i] = w[i] * decayFactor + minusStepSize * first / denominator;
    }
  }

  @Override
  public void sgd(Sgd.Coefficients c, Tile t) {
    sgd(c, t, 0);
  }

  void sgd(Sgd.Coefficients c, Tile t, int from) {
    float[] x = load(t, from);
    boolean pulls = t.latents != null && c.pull() != 0f;
    if (pulls) { // the weights' place in the tile is free
      Floats.load(t.weights, t.start + from, t.x, from, t.length - from);
      subtract(x, t.x, from, t.length);
    }
    if (c.momentum() == 0f) {
      plain(c, x, t.g, from, t.length);
    } else {
      momentum(c, x, t.g, t.first, from, t.length);
    }
    if (pulls) {
      add(c.pull(), t.x, x, from, t.length);
    }
    store(t, x, from);
  }

  /** Leaves the difference in the second. */
  private static void subtract(float[] a, float[] b, int from, int to) {
    for (int i = from; i < to; i++) {
      b[i] = a[i] - b[i];
    }
  }

  private static void add(float factor, float[] a, float[] sum, int from, int to) {
    for (int i = from; i < to; i++) {
      sum[i] = sum[i] + factor * a[i];
    }
  }

  private static void plain(Sgd.Coefficients c, float[] w, float[] g, int from, int to) {
    float minusRate = -c.learningRate();
    float decay = c.weightDecay();
    for (int i = from; i < to; i++) {
      float d = g[i] + decay * w[i];
      w[i] = w[i] + minusRate * d;
    }
  }

  private static void momentum(
      Sgd.Coefficients c, float[] w, float[] g, float[] m, int from, int to) {
    float minusRate = -c.learningRate();
    float decay = c.weightDecay();
    float momentum = c.momentum();
    float share = c.share();
    boolean nesterov = c.nesterov();
    for (int i = from; i < to; i++) {
      float d = g[i] + decay * w[i];
      float buffer = m[i] * momentum + share * d;
      m[i] = buffer;
      w[i] = w[i] + minusRate * (nesterov ? d + momentum * buffer : buffer);
    }
  }

  @Override
  public boolean isFinite(Tile t, MemorySegment memory, long start, int length) {
    t.ensure(length);
    Floats.load(memory, start, t.g, 0, length);
    return Floats.isFinite(t.g, 0, length);
  }

  @Override
  public void decode(DynamicMap map, byte[] codes, float scale, float[] x, int from, int length) {
    map.decode(codes, scale, x, from, length);
  }

  @Override
  public void encode(
      DynamicMap map, float[] x, float scale, byte[] codes, int from, int length, int[] indices) {
    map.encode(x, scale, codes, from, length);
  }

  @Override
  public float absMax(float[] x, int from, int length) {
    int largest = 0; // magnitudes order as their bits do, NaN above infinity
    for (int i = from; i < from + length; i++) {
      largest = Math.max(largest, Float.floatToRawIntBits(x[i]) & 0x7fffffff);
    }
    return Float.intBitsToFloat(largest);
  }

  /** Eight sums side by side: one alone would wait for each addition. */
  @Override
  public double sumOfSquares(float[] x, int length, double[] lanes) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    double s4 = 0;
    double s5 = 0;
    double s6 = 0;
    double s7 = 0;
    int i = 0;
    for (; i + 8 <= length; i += 8) {
      s0 += (double) x[i] * x[i];
      s1 += (double) x[i + 1] * x[i + 1];
      s2 += (double) x[i + 2] * x[i + 2];
      s3 += (double) x[i + 3] * x[i + 3];
      s4 += (double) x[i + 4] * x[i + 4];
      s5 += (double) x[i + 5] * x[i + 5];
      s6 += (double) x[i + 6] * x[i + 6];
      s7 += (double) x[i + 7] * x[i + 7];
    }
    double sum = ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7));
    for (; i < length; i++) {
      sum += (double) x[i] * x[i];
    }
    return sum;
  }
}
