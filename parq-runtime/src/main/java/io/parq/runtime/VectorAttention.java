package io.parq.runtime;

import static io.parq.runtime.KeyValueCache.BLOCK;
import static io.parq.runtime.MatrixKernels.QUERIES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Attention of four queries at a time. Written as {@link VectorFloats} is. */
final class VectorAttention {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  /** Added and taken off, it rounds to a whole number, which its lower bits then are. */
  private static final float ROUND = 0x1.8p23f;

  /** The logarithm of the least power that is no subnormal number. */
  private static final float LEAST = -87.3f;

  private static final float LOG2_E = (float) (1 / Math.log(2));

  /** The logarithm of 2 in two parts; whole multiples of the first are exact. */
  private static final float LN2 = 0x1.63p-1f;

  private static final float LN2_REST = (float) (Math.log(2) - LN2);

  private static final int MANTISSA = 23;
  private static final int EXPONENT = 127;

  /** Floats of a run: with short loops, methods are compiled before their loops are. */
  private static final int RUN = 64 * LANES;

  private VectorAttention() {}

  /** {@link MatrixKernels#scores}. */
  static void scores(
      float[] queries, int dim, float[] keys, int at, float[] out, int outAt, int stride) {
    for (int lane = 0; lane < BLOCK; lane += 2 * LANES) {
      pair(queries, dim, keys, at + lane, out, outAt + lane, stride);
    }
  }

  private static void pair(
      float[] queries, int dim, float[] keys, int at, float[] out, int outAt, int stride) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s21 = FloatVector.zero(FLOATS);
    FloatVector s30 = FloatVector.zero(FLOATS);
    FloatVector s31 = FloatVector.zero(FLOATS);
    for (int d = 0; d < dim; d++) {
      FloatVector k0 = FloatVector.fromArray(FLOATS, keys, at);
      FloatVector k1 = FloatVector.fromArray(FLOATS, keys, at + LANES);
      FloatVector q0 = FloatVector.broadcast(FLOATS, queries[d]);
      s00 = k0.fma(q0, s00);
      s01 = k1.fma(q0, s01);
      FloatVector q1 = FloatVector.broadcast(FLOATS, queries[dim + d]);
      s10 = k0.fma(q1, s10);
      s11 = k1.fma(q1, s11);
      FloatVector q2 = FloatVector.broadcast(FLOATS, queries[2 * dim + d]);
      s20 = k0.fma(q2, s20);
      s21 = k1.fma(q2, s21);
      FloatVector q3 = FloatVector.broadcast(FLOATS, queries[3 * dim + d]);
      s30 = k0.fma(q3, s30);
      s31 = k1.fma(q3, s31);
      at += BLOCK;
    }
    s00.intoArray(out, outAt);
    s01.intoArray(out, outAt + LANES);
    s10.intoArray(out, outAt + stride);
    s11.intoArray(out, outAt + stride + LANES);
    s20.intoArray(out, outAt + 2 * stride);
    s21.intoArray(out, outAt + 2 * stride + LANES);
    s30.intoArray(out, outAt + 3 * stride);
    s31.intoArray(out, outAt + 3 * stride + LANES);
  }

  /** {@link MatrixKernels#softmax}. */
  static float softmax(float[] x, int at, int count) {
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    float[] parts = scratch.floats(LANES);
    Arrays.fill(parts, Float.NEGATIVE_INFINITY);
    for (int from = at; from < at + count; from += RUN) {
      largest(x, from, Math.min(from + RUN, at + count), parts);
    }
    float most = Float.NEGATIVE_INFINITY;
    for (float part : parts) {
      most = Math.max(most, part);
    }
    Arrays.fill(parts, 0f);
    for (int from = at; from < at + count; from += RUN) {
      powers(x, from, Math.min(from + RUN, at + count), most, parts);
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        parts[i] += parts[i + half];
      }
    }
    float sum = parts[0];
    scratch.release(mark);
    return sum;
  }

  /** {@link MatrixKernels#exponentials}. */
  static void exponentials(float[] x, int at, int count) {
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    float[] sums = scratch.floats(LANES); // of no use
    for (int from = at; from < at + count; from += RUN) {
      powers(x, from, Math.min(from + RUN, at + count), 0, sums);
    }
    scratch.release(mark);
  }

  private static void largest(float[] x, int from, int to, float[] parts) {
    FloatVector most = FloatVector.fromArray(FLOATS, parts, 0);
    for (int i = from; i < to; i += LANES) {
      most = most.max(FloatVector.fromArray(FLOATS, x, i));
    }
    most.intoArray(parts, 0);
  }

  /** Exponentials of differences to the largest, by Cephes' polynomial, and their sums. */
  private static void powers(float[] x, int from, int to, float most, float[] parts) {
    FloatVector sum = FloatVector.fromArray(FLOATS, parts, 0);
    for (int i = from; i < to; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, i).sub(most);
      FloatVector whole = v.mul(LOG2_E).add(ROUND);
      FloatVector n = whole.sub(ROUND);
      FloatVector r = n.mul(-LN2).add(v);
      r = n.mul(-LN2_REST).add(r);
      FloatVector p = r.mul(1.9875691e-4f).add(1.3981999e-3f);
      p = p.mul(r).add(8.333452e-3f);
      p = p.mul(r).add(4.1665796e-2f);
      p = p.mul(r).add(1.6666666e-1f);
      p = p.mul(r).add(0.5f);
      p = p.mul(r).mul(r).add(r).add(1f);
      FloatVector two =
          whole
              .reinterpretAsInts()
              .add(EXPONENT)
              .lanewise(VectorOperators.LSHL, MANTISSA)
              .reinterpretAsFloats();
      p = p.mul(two).blend(0f, v.compare(VectorOperators.LT, LEAST));
      p.intoArray(x, i);
      sum = sum.add(p);
    }
    sum.intoArray(parts, 0);
  }

  /** {@link MatrixKernels#mix}. */
  static void mix(
      float[] weights,
      int at,
      int stride,
      int count,
      float[] values,
      int valuesAt,
      int dim,
      float[] out) {
    int d = 0;
    for (; d <= dim - 2 * LANES; d += 2 * LANES) {
      pairs(weights, at, stride, count, values, valuesAt + d, dim, out, d);
    }
    for (; d < dim; d++) {
      for (int query = 0; query < QUERIES; query++) {
        float sum = out[query * dim + d];
        for (int i = 0; i < count; i++) {
          sum += weights[at + query * stride + i] * values[valuesAt + i * dim + d];
        }
        out[query * dim + d] = sum;
      }
    }
  }

  /** Two vectors of each value. */
  private static void pairs(
      float[] weights,
      int at,
      int stride,
      int count,
      float[] values,
      int valuesAt,
      int dim,
      float[] out,
      int to) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, out, to);
    FloatVector s01 = FloatVector.fromArray(FLOATS, out, to + LANES);
    FloatVector s10 = FloatVector.fromArray(FLOATS, out, to + dim);
    FloatVector s11 = FloatVector.fromArray(FLOATS, out, to + dim + LANES);
    FloatVector s20 = FloatVector.fromArray(FLOATS, out, to + 2 * dim);
    FloatVector s21 = FloatVector.fromArray(FLOATS, out, to + 2 * dim + LANES);
    FloatVector s30 = FloatVector.fromArray(FLOATS, out, to + 3 * dim);
    FloatVector s31 = FloatVector.fromArray(FLOATS, out, to + 3 * dim + LANES);
    for (int i = at; i < at + count; i++) {
      FloatVector v0 = FloatVector.fromArray(FLOATS, values, valuesAt);
      FloatVector v1 = FloatVector.fromArray(FLOATS, values, valuesAt + LANES);
      FloatVector w0 = FloatVector.broadcast(FLOATS, weights[i]);
      s00 = v0.fma(w0, s00);
      s01 = v1.fma(w0, s01);
      FloatVector w1 = FloatVector.broadcast(FLOATS, weights[i + stride]);
      s10 = v0.fma(w1, s10);
      s11 = v1.fma(w1, s11);
      FloatVector w2 = FloatVector.broadcast(FLOATS, weights[i + 2 * stride]);
      s20 = v0.fma(w2, s20);
      s21 = v1.fma(w2, s21);
      FloatVector w3 = FloatVector.broadcast(FLOATS, weights[i + 3 * stride]);
      s30 = v0.fma(w3, s30);
      s31 = v1.fma(w3, s31);
      valuesAt += dim;
    }
    s00.intoArray(out, to);
    s01.intoArray(out, to + LANES);
    s10.intoArray(out, to + dim);
    s11.intoArray(out, to + dim + LANES);
    s20.intoArray(out, to + 2 * dim);
    s21.intoArray(out, to + 2 * dim + LANES);
    s30.intoArray(out, to + 3 * dim);
    s31.intoArray(out, to + 3 * dim + LANES);
  }
}
