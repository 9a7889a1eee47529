package io.parq.runtime;

import io.parq.grids.DType;
import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Loops over the Vector API. Tables have sixteen entries, so they need vectors of 512 bits. */
final class VectorKernels implements MatrixKernels {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  /** Steps of a run at most: with short loops, methods are compiled before their loops are. */
  private static final int MOST_STEPS = 32;

  /** Columns of floats at a time, for the same reason. */
  private static final int COLUMNS = 128;

  /** Its bits xor those of a short n, as a whole number without sign, are those of WHOLE + n. */
  static final float WHOLE = 0x1p23f + 0x1p15f;

  static final int WHOLE_BITS = Float.floatToRawIntBits(WHOLE);

  private final boolean machineCode;

  VectorKernels() {
    this(true);
  }

  /** Without machine code, if so wished. */
  VectorKernels(boolean machineCode) {
    this.machineCode = machineCode;
  }

  @Override
  public int lanes() {
    return 2 * LANES;
  }

  private static boolean hasTables() {
    return LANES == VectorTables.SIZE;
  }

  private static boolean usesTables(Kind kind) {
    return kind.bits() < 4 && hasTables();
  }

  @Override
  public boolean knows(int bits, boolean levels) {
    return levels ? bits == 4 && hasTables() : bits != 3 || hasTables();
  }

  @Override
  public Operand prepare(Kind kind, float[] x) {
    float centre = kind.centre() / (1 << kind.bits());
    float[] starts =
        Scratch.ofCaller().floats(usesTables(kind) ? 0 : kind.columns() / VectorFloats.FEW);
    for (int i = 0; i < starts.length; i++) {
      float start = 0;
      for (int column = i * VectorFloats.FEW; column < (i + 1) * VectorFloats.FEW; column++) {
        start -= (1 + centre) * x[column];
      }
      starts[i] = start;
    }
    return new Operand.Floats(kind, x, starts);
  }

  @Override
  public Operand prepare(Kind kind, short[] x, float factor) {
    Scratch scratch = Scratch.ofCaller();
    int[] pairs = scratch.ints(x.length);
    for (int i = 0; i < pairs.length; i++) {
      // A word shifted by 4 bits has the next fields above its own: what they add is taken off.
      int number = kind.bits() == 4 && i % 4 != 0 ? x[i] - 16 * x[i - 1] : x[i];
      pairs[i] = (number << Short.SIZE) | (number & 0xFFFF);
    }
    int units = kind.units();
    int[] sums = scratch.ints(kind.groups() * units);
    int[] sizes = scratch.ints(sums.length);
    for (int unit = 0; unit < sums.length; unit++) {
      int sum = 0;
      int size = 0;
      for (int i = unit * Geometry.UNIT; i < (unit + 1) * Geometry.UNIT; i++) {
        sum += x[i];
        size += Math.abs(x[i]);
      }
      sums[unit] = sum;
      sizes[unit] = size;
    }
    int[] runs = scratch.ints(sums.length);
    int[] starts = scratch.ints(sums.length);
    float[] offsets = scratch.floats(kind.groups());
    int next = 0;
    for (int g = 0; g < offsets.length; g++) {
      int end = (g + 1) * units;
      offsets[g] = (kind.half() - kind.centre()) * sum(sums, g * units, end);
      for (int unit = g * units; unit < end; unit += runs[next++]) {
        runs[next] = run(kind, sizes, unit, end);
        starts[next] = -kind.half() * sum(sums, unit, unit + runs[next]);
      }
    }
    return new Operand.Shorts(kind, factor, pairs, starts, offsets, runs);
  }

  private static int sum(int[] x, int from, int to) {
    int sum = 0;
    for (int i = from; i < to; i++) {
      sum += x[i];
    }
    return sum;
  }

  /** Units from one on over which sums fit 16 bits whatever the fields are. */
  private static int run(Kind kind, int[] sizes, int from, int end) {
    int most = Math.min(end - from, Math.max(kind.run(), MOST_STEPS / kind.bits()));
    int size = 0;
    int run = 0;
    while (run < most && (size += sizes[from + run]) * kind.half() <= Short.MAX_VALUE) {
      run++;
    }
    return run;
  }

  @Override
  public void multiply(Plane plane, int tile, Scales scales, Operand x, float[] y, int yAt) {
    switch (x) {
      case Operand.Floats floats when usesTables(x.kind()) ->
          VectorFloats.tables(plane, tile, scales, floats, y, yAt);
      case Operand.Floats floats -> VectorFloats.fields(plane, tile, scales, floats, y, yAt);
      case Operand.Shorts shorts when usesTables(x.kind()) ->
          VectorShorts.tables(plane, tile, scales, shorts, y, yAt);
      case Operand.Shorts shorts -> VectorShorts.fields(plane, tile, scales, shorts, y, yAt);
    }
  }

  @Override
  public void multiply(
      Plane plane,
      int tile,
      Scales scales,
      Kind kind,
      float[] levels,
      float[] x,
      float[] y,
      int yAt) {
    VectorFloats.levels(plane, tile, scales, kind, levels, x, y, yAt);
  }

  @Override
  public void multiply(Plane plane, DType type, int tile, float[] x, float[] y, int yAt) {
    for (int from = 0; from < x.length; from += COLUMNS) {
      int end = Math.min(from + COLUMNS, x.length);
      switch (type) {
        case F32 -> VectorPlain.singles(plane, tile, x, from, end, y, yAt);
        case BF16 -> VectorPlain.brains(plane, tile, x, from, end, y, yAt);
        default -> VectorPlain.halves(plane, tile, x, from, end, y, yAt);
      }
    }
  }

  @Override
  public void unpack(Plane plane, int tile, int column, int count, short[] out) {
    VectorUnpack.fields(plane, tile, column, count, out);
  }

  @Override
  public boolean hasDots() {
    return machineCode && LANES == Dots.LANES && Dots.exist();
  }

  @Override
  public void dots(Plane plane, int tile, Scales scales, int group, Bytes x, MemorySegment sums) {
    Dots.multiply(plane, tile, scales, group, x, sums);
  }

  @Override
  public void scale(short[] fields, int columns, float[] scales, float[] biases, float[] out) {
    VectorUnpack.scale(fields, columns, scales, biases, out);
  }

  @Override
  public void convert(Plane plane, DType type, int tile, int column, int count, float[] out) {
    VectorUnpack.convert(plane, type, tile, column, count, out);
  }

  @Override
  public void sum(short[] fields, int columns, float[] sums) {
    VectorUnpack.sum(fields, columns, sums);
  }

  @Override
  public void shorts(
      short[] fields, int columns, Numbers x, int column, float[] scales, float[] sums) {
    VectorDense.shorts(fields, columns, x, column, scales, sums);
  }

  @Override
  public void dense(
      float[] weights, int columns, float[] x, int xAt, int xStride, int tokens, float[] sums) {
    VectorDense.floats(weights, columns, x, xAt, xStride, tokens, sums);
  }

  @Override
  public void scores(
      float[] queries, int dim, float[] keys, int at, float[] out, int outAt, int stride) {
    VectorAttention.scores(queries, dim, keys, at, out, outAt, stride);
  }

  @Override
  public float softmax(float[] x, int at, int count) {
    return VectorAttention.softmax(x, at, count);
  }

  @Override
  public void mix(
      float[] weights,
      int at,
      int stride,
      int count,
      float[] values,
      int valuesAt,
      int dim,
      float[] out) {
    VectorAttention.mix(weights, at, stride, count, values, valuesAt, dim, out);
  }

  @Override
  public void addScaled(float factor, float[] x, int xAt, float[] y, int yAt, int length) {
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, xAt + i);
      v.mul(factor).add(FloatVector.fromArray(FLOATS, y, yAt + i)).intoArray(y, yAt + i);
    }
    for (; i < length; i++) {
      y[yAt + i] += factor * x[xAt + i];
    }
  }
}
