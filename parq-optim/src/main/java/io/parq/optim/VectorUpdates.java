package io.parq.optim;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loops over the Vector API, which read and write native memory where it lies; heap memory is
 * copied first, since a loop that has met several kinds of memory is slow for all.
 *
 * <p>No vector is handed from method to method, nor kept from one turn of a loop to the next: one
 * of no certain class to the compiler is an object in memory, and slow.
 */
final class VectorUpdates implements UpdateKernels {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int MAGNITUDE = 0x7fffffff;
  private static final int NOT_FINITE = 0x7f800000;

  /** Four of the eight lanes of a sum. */
  private static final VectorSpecies<Double> SUMS = DoubleVector.SPECIES_256;

  private static final VectorSpecies<Float> SUMMANDS = FloatVector.SPECIES_128;
  private static final boolean HAS_SUMS = FLOATS.vectorBitSize() >= SUMS.vectorBitSize();

  private final ScalarUpdates scalar = new ScalarUpdates();

  VectorUpdates() {}

  /** Where the weights' bytes begin in what {@link #weights} gives. */
  private static long start(MemorySegment memory, long start) {
    return memory.isNative() ? 4 * start : 0;
  }

  private static MemorySegment weights(Tile t) {
    if (t.weights.isNative()) {
      return t.weights;
    }
    t.ensureNative(t.length);
    MemorySegment.copy(t.weights, 4 * t.start, t.nativeWeights, 0, 4L * t.length);
    return t.nativeWeights;
  }

  private static MemorySegment gradient(Tile t, MemorySegment memory, long start, int length) {
    if (memory.isNative()) {
      return memory;
    }
    t.ensureNative(length);
    MemorySegment.copy(memory, 4 * start, t.nativeGradient, 0, 4L * length);
    return t.nativeGradient;
  }

  /** Where the compiler has seen this it looks no more at what memory there is in each turn. */
  static void checkNative(MemorySegment memory) {
    if (!memory.isNative()) {
      throw new IllegalArgumentException("memory on the heap, expected native memory");
    }
  }

  private static void finish(Tile t, int length) {
    if (t.latents == null && !t.weights.isNative()) {
      MemorySegment.copy(t.nativeWeights, 0, t.weights, 4 * t.start, 4L * length);
    }
  }

  @Override
  public void adam(AdamUpdate c, Tile t) {
    int length = t.length - t.length % LANES;
    boolean hasLatents = t.latents != null;
    float[] latents = hasLatents ? t.latents() : t.first;
    t.isFinite =
        adam(
            c,
            hasLatents,
            latents,
            weights(t),
            start(t.weights, t.start),
            gradient(t, t.gradient, t.start, t.length),
            start(t.gradient, t.start),
            t.first,
            t.second,
            length);
    finish(t, length);
    if (length < t.length) {
      scalar.adam(c, t, length);
    }
  }

  /** Returns whether all elements are finite after the update. */
  private static boolean adam(
      AdamUpdate c,
      boolean hasLatents,
      float[] latents,
      MemorySegment weights,
      long weightsStart,
      MemorySegment gradient,
      long gradientStart,
      float[] m,
      float[] v,
      int length) {
    checkNative(weights);
    checkNative(gradient);
    float decayFactor = c.decayFactor();
    float l2 = c.l2();
    boolean fromStart = c.isFromStart();
    float share = fromStart ? c.firstShare() : 1f - c.firstShare();
    float beta2 = c.beta2();
    float secondShare = c.secondShare();
    float minusStepSize = c.minusStepSize();
    float correction = c.correction();
    float epsilon = c.epsilon();
    long notFinite = 0;
    for (int i = 0; i < length; i += LANES) {
      FloatVector x =
          hasLatents
              ? FloatVector.fromArray(FLOATS, latents, i)
              : FloatVector.fromMemorySegment(FLOATS, weights, weightsStart + 4L * i, ORDER);
      FloatVector g =
          FloatVector.fromMemorySegment(FLOATS, gradient, gradientStart + 4L * i, ORDER);
      FloatVector old = FloatVector.fromArray(FLOATS, m, i);
      FloatVector d = g.add(x.mul(l2));
      FloatVector first = fromStart ? old.add(d.sub(old).mul(share)) : d.sub(d.sub(old).mul(share));
      FloatVector second =
          FloatVector.fromArray(FLOATS, v, i).mul(beta2).add(d.mul(secondShare).mul(d));
      first.intoArray(m, i);
      second.intoArray(v, i);
      FloatVector denominator = second.sqrt().div(correction).add(epsilon);
      FloatVector y = x.mul(decayFactor).add(first.mul(minusStepSize).div(denominator));
      if (hasLatents) {
        y.intoArray(latents, i);
      } else {
        y.intoMemorySegment(weights, weightsStart + 4L * i, ORDER);
      }
      IntVector magnitude = y.reinterpretAsInts().and(MAGNITUDE);
      notFinite |= magnitude.compare(VectorOperators.GE, NOT_FINITE).toLong();
    }
    return notFinite == 0;
  }

  @Override
  public void adam(AdamUpdate c, Tile t, short[] first, short[] second) {
    int length = t.length - t.length % LANES;
    boolean hasLatents = t.latents != null;
    t.isFinite =
        VectorMoments.adam(
            c,
            hasLatents ? t.latents() : t.x,
            hasLatents,
            weights(t),
            start(t.weights, t.start),
            gradient(t, t.gradient, t.start, t.length),
            start(t.gradient, t.start),
            first,
            second,
            length);
    finish(t, length);
    if (length < t.length) {
      scalar.adam(c, t, first, second, length);
    }
  }

  @Override
  public void sgd(Sgd.Coefficients c, Tile t) {
    int length = t.length - t.length % LANES;
    boolean hasLatents = t.latents != null;
    float[] latents = hasLatents ? t.latents() : t.first;
    t.isFinite =
        sgd(
            c,
            hasLatents,
            latents,
            weights(t),
            start(t.weights, t.start),
            gradient(t, t.gradient, t.start, t.length),
            start(t.gradient, t.start),
            t.first,
            length);
    finish(t, length);
    if (length < t.length) {
      scalar.sgd(c, t, length);
    }
  }

  /** Returns whether all elements are finite after the update. */
  private static boolean sgd(
      Sgd.Coefficients c,
      boolean hasLatents,
      float[] latents,
      MemorySegment weights,
      long weightsStart,
      MemorySegment gradient,
      long gradientStart,
      float[] m,
      int length) {
    checkNative(weights);
    checkNative(gradient);
    float minusRate = -c.learningRate();
    float decay = c.weightDecay();
    float momentum = c.momentum();
    float share = c.share();
    boolean hasMomentum = momentum != 0f;
    boolean nesterov = c.nesterov();
    float pull = hasLatents ? c.pull() : 0f;
    long notFinite = 0;
    for (int i = 0; i < length; i += LANES) {
      FloatVector w = FloatVector.fromMemorySegment(FLOATS, weights, weightsStart + 4L * i, ORDER);
      FloatVector x = hasLatents ? FloatVector.fromArray(FLOATS, latents, i) : w;
      FloatVector g =
          FloatVector.fromMemorySegment(FLOATS, gradient, gradientStart + 4L * i, ORDER);
      FloatVector d = g.add(x.mul(decay));
      if (hasMomentum) {
        FloatVector buffer = FloatVector.fromArray(FLOATS, m, i).mul(momentum).add(d.mul(share));
        buffer.intoArray(m, i);
        d = nesterov ? d.add(buffer.mul(momentum)) : buffer;
      }
      FloatVector y = x.add(d.mul(minusRate));
      if (pull != 0f) {
        y = y.add(x.sub(w).mul(pull));
      }
      if (hasLatents) {
        y.intoArray(latents, i);
      } else {
        y.intoMemorySegment(weights, weightsStart + 4L * i, ORDER);
      }
      IntVector magnitude = y.reinterpretAsInts().and(MAGNITUDE);
      notFinite |= magnitude.compare(VectorOperators.GE, NOT_FINITE).toLong();
    }
    return notFinite == 0;
  }

  @Override
  public boolean isFinite(Tile t, MemorySegment memory, long start, int length) {
    MemorySegment source = gradient(t, memory, start, length);
    checkNative(source);
    long first = start(memory, start);
    int whole = length - length % LANES;
    // Four places at a time: one stream does not keep the memory busy.
    int quarter = whole / (4 * LANES) * LANES;
    long notFinite = 0;
    for (int i = 0; i < quarter; i += LANES) {
      long at = first + 4L * i;
      IntVector a = IntVector.fromMemorySegment(INTS, source, at, ORDER);
      IntVector b = IntVector.fromMemorySegment(INTS, source, at + 4L * quarter, ORDER);
      IntVector c = IntVector.fromMemorySegment(INTS, source, at + 8L * quarter, ORDER);
      IntVector d = IntVector.fromMemorySegment(INTS, source, at + 12L * quarter, ORDER);
      IntVector ab = a.and(MAGNITUDE).max(b.and(MAGNITUDE));
      IntVector most = ab.max(c.and(MAGNITUDE).max(d.and(MAGNITUDE)));
      notFinite |= most.compare(VectorOperators.GE, NOT_FINITE).toLong();
    }
    for (int i = 4 * quarter; i < whole; i += LANES) {
      IntVector a = IntVector.fromMemorySegment(INTS, source, first + 4L * i, ORDER);
      notFinite |= a.and(MAGNITUDE).compare(VectorOperators.GE, NOT_FINITE).toLong();
    }
    return notFinite == 0
        && (whole == length || scalar.isFinite(t, memory, start + whole, length - whole));
  }

  @Override
  public void decode(DynamicMap map, byte[] codes, float scale, float[] x, int from, int length) {
    if (LANES < Long.BYTES) { // there are no vectors of so few bytes
      scalar.decode(map, codes, scale, x, from, length);
    } else {
      VectorDynamicMap.decode(map, codes, scale, x, from, length);
    }
  }

  @Override
  public void encode(
      DynamicMap map, float[] x, float scale, byte[] codes, int from, int length, int[] indices) {
    if (LANES < Long.BYTES) { // there are no vectors of so few bytes
      scalar.encode(map, x, scale, codes, from, length, indices);
    } else {
      VectorDynamicMap.encode(map, x, scale, codes, from, length, indices);
    }
  }

  @Override
  public float absMax(float[] x, int from, int length) {
    int largest = 0;
    int i = from;
    for (; i <= from + length - 4 * LANES; i += 4 * LANES) {
      IntVector a = FloatVector.fromArray(FLOATS, x, i).reinterpretAsInts();
      IntVector b = FloatVector.fromArray(FLOATS, x, i + LANES).reinterpretAsInts();
      IntVector c = FloatVector.fromArray(FLOATS, x, i + 2 * LANES).reinterpretAsInts();
      IntVector d = FloatVector.fromArray(FLOATS, x, i + 3 * LANES).reinterpretAsInts();
      IntVector ab = a.and(MAGNITUDE).max(b.and(MAGNITUDE));
      IntVector most = ab.max(c.and(MAGNITUDE).max(d.and(MAGNITUDE)));
      largest = Math.max(largest, most.reduceLanes(VectorOperators.MAX));
    }
    int rest = Float.floatToRawIntBits(scalar.absMax(x, i, from + length - i));
    return Float.intBitsToFloat(Math.max(largest, rest));
  }

  @Override
  public double sumOfSquares(float[] x, int length, double[] lanes) {
    if (!HAS_SUMS) {
      return scalar.sumOfSquares(x, length, lanes);
    }
    Arrays.fill(lanes, 0);
    int i = 0;
    for (; i <= length - 4 * SQUARES; i += 4 * SQUARES) {
      for (int j = 0; j < SQUARES; j += 4) {
        FloatVector a = FloatVector.fromArray(SUMMANDS, x, i + j);
        FloatVector b = FloatVector.fromArray(SUMMANDS, x, i + SQUARES + j);
        FloatVector c = FloatVector.fromArray(SUMMANDS, x, i + 2 * SQUARES + j);
        FloatVector d = FloatVector.fromArray(SUMMANDS, x, i + 3 * SQUARES + j);
        DoubleVector e = (DoubleVector) a.convertShape(VectorOperators.F2D, SUMS, 0);
        DoubleVector f = (DoubleVector) b.convertShape(VectorOperators.F2D, SUMS, 0);
        DoubleVector g = (DoubleVector) c.convertShape(VectorOperators.F2D, SUMS, 0);
        DoubleVector h = (DoubleVector) d.convertShape(VectorOperators.F2D, SUMS, 0);
        DoubleVector s = DoubleVector.fromArray(SUMS, lanes, j).add(e.mul(e)).add(f.mul(f));
        s.add(g.mul(g)).add(h.mul(h)).intoArray(lanes, j);
      }
    }
    for (; i <= length - SQUARES; i += SQUARES) {
      for (int j = 0; j < SQUARES; j++) {
        lanes[j] += (double) x[i + j] * x[i + j];
      }
    }
    double even = (lanes[0] + lanes[4]) + (lanes[2] + lanes[6]);
    double sum = even + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    for (; i < length; i++) {
      sum += (double) x[i] * x[i];
    }
    return sum;
  }
}
