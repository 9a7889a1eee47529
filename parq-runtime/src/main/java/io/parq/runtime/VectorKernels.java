package io.parq.runtime;

import io.parq.grids.DType;
import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Loops over the Vector API. Tables have sixteen entries, so they need vectors of 512 bits. */
final class VectorKernels implements MatrixKernels {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  private static final float[] NO_STARTS = {};

  private final boolean machineCode;

  VectorKernels() {
    this(true);
  }

  /** Without machine code, if so wished. */
  VectorKernels(boolean machineCode) {
    this.machineCode = machineCode;
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
  public Operand prepare(Kind kind, float[] levels, float[] x, float unit, float zero) {
    if (hasDots() && Dots.knows(kind.bits())) {
      Token token = levels.length == 0 ? Token.of(kind, x, unit, zero) : Token.of(levels, x);
      if (token != null) {
        return new Operand(kind, levels, x, NO_STARTS, token);
      }
    }
    boolean set = levels.length == 0 && !usesTables(kind);
    float[] starts = set ? Scratch.ofCaller().floats(kind.columns() / VectorFloats.FEW) : NO_STARTS;
    float centre = kind.centre() / (1 << kind.bits());
    for (int i = 0; i < starts.length; i++) {
      float start = 0;
      for (int column = i * VectorFloats.FEW; column < (i + 1) * VectorFloats.FEW; column++) {
        start -= (1 + centre) * x[column];
      }
      starts[i] = start;
    }
    return new Operand(kind, levels, x, starts, null);
  }

  @Override
  public void multiply(Plane plane, int tile, Scales scales, Operand x, float[] y, int yAt) {
    Token token = x.token();
    if (token != null) {
      MemorySegment sums = Scratch.ofTask().memory(Geometry.TILE * Float.BYTES).fill((byte) 0);
      Dots.multiply(plane, tile, scales, x.kind(), token, sums);
      for (int row = 0; row < Geometry.TILE; row += LANES) {
        long from = (long) row * Float.BYTES;
        FloatVector.fromMemorySegment(FLOATS, sums, from, ByteOrder.LITTLE_ENDIAN)
            .mul(token.unit())
            .add(FloatVector.fromArray(FLOATS, y, yAt + row))
            .intoArray(y, yAt + row);
      }
    } else if (x.levels().length > 0) {
      VectorFloats.levels(plane, tile, scales, x, y, yAt);
    } else if (usesTables(x.kind())) {
      VectorFloats.tables(plane, tile, scales, x, y, yAt);
    } else {
      VectorFloats.fields(plane, tile, scales, x, y, yAt);
    }
  }

  @Override
  public void multiply(Plane plane, DType type, int tile, float[] x, float[] y, int yAt) {
    long at = plane.address(tile, 0);
    for (int column = 0; column < x.length; column += Geometry.UNIT) {
      switch (type) {
        case F32 -> VectorPlain.singles(at, x, column, y, yAt);
        case BF16 -> VectorPlain.brains(at, x, column, y, yAt);
        default -> VectorPlain.halves(at, x, column, y, yAt);
      }
      at += plane.unitBytes();
    }
  }

  @Override
  public void unpack(
      Plane plane, int tile, int column, int count, float[] scales, float[] biases, float[] out) {
    VectorUnpack.fields(plane, tile, column, count, scales, biases, out);
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
  public void convert(Plane plane, DType type, int tile, int column, int count, float[] out) {
    VectorUnpack.convert(plane, type, tile, column, count, out);
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
  public void exponentials(float[] x, int at, int count) {
    VectorAttention.exponentials(x, at, count);
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
