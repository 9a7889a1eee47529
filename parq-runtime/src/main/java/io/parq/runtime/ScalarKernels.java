package io.parq.runtime;

import io.parq.grids.DType;
import io.parq.grids.SmallFloat;
import io.parq.runtime.Operand.Kind;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Plain loops. */
final class ScalarKernels implements MatrixKernels {
  private static final int LANES = 32;
  private static final int ROWS = BLOCKS * LANES;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  public int lanes() {
    return LANES;
  }

  @Override
  public boolean knows(int bits, boolean levels) {
    return !levels;
  }

  @Override
  public Operand prepare(Kind kind, float[] x) {
    return new Operand.Floats(kind, x, new float[0]);
  }

  @Override
  public Operand prepare(Kind kind, short[] x, float factor) {
    float[] offsets = new float[kind.groups()];
    int[] numbers = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      numbers[i] = x[i];
      offsets[i / kind.groupColumns()] += (kind.half() - kind.centre()) * x[i];
    }
    return new Operand.Shorts(kind, factor, numbers, new int[0], offsets, new int[0]);
  }

  @Override
  public void multiply(Plane plane, int tile, Scales scales, Operand x, float[] y, int yAt) {
    switch (x) {
      case Operand.Floats floats -> floats(plane, tile, scales, floats, y, yAt);
      case Operand.Shorts shorts -> shorts(plane, tile, scales, shorts, y, yAt);
    }
  }

  private static void floats(
      Plane plane, int tile, Scales scales, Operand.Floats operand, float[] y, int yAt) {
    Kind kind = operand.kind();
    int[] fields = new int[Geometry.UNIT];
    long first = (long) tile * ROWS;
    for (int row = 0; row < ROWS; row++) {
      float total = 0;
      for (int g = 0; g < kind.groups(); g++) {
        float sum = 0;
        for (int u = 0; u < kind.units(); u++) {
          int column = (g * kind.units() + u) * Geometry.UNIT;
          unit(plane, first + row, column, fields);
          for (int i = 0; i < Geometry.UNIT; i++) {
            sum += (fields[i] - kind.centre()) * operand.x()[column + i];
          }
        }
        total += sum * scales.get(first + row, g);
      }
      y[yAt + row] += total;
    }
  }

  private static void shorts(
      Plane plane, int tile, Scales scales, Operand.Shorts operand, float[] y, int yAt) {
    Kind kind = operand.kind();
    int[] fields = new int[Geometry.UNIT];
    long first = (long) tile * ROWS;
    for (int row = 0; row < ROWS; row++) {
      float total = 0;
      for (int g = 0; g < kind.groups(); g++) {
        int sum = 0;
        for (int u = 0; u < kind.units(); u++) {
          int column = (g * kind.units() + u) * Geometry.UNIT;
          unit(plane, first + row, column, fields);
          for (int i = 0; i < Geometry.UNIT; i++) {
            sum += (fields[i] - kind.half()) * operand.x()[column + i];
          }
        }
        total += (sum + operand.offsets()[g]) * operand.factor() * scales.get(first + row, g);
      }
      y[yAt + row] += total;
    }
  }

  /** The fields of a row in a unit of columns. */
  private static void unit(Plane plane, long row, int column, int[] fields) {
    int bits = plane.bits();
    int lane = (int) (row % LANES);
    long at = plane.at(row / LANES, column) + 2L * Plane.order(lane, LANES);
    if (bits == 3) {
      int low = Short.toUnsignedInt(plane.words().get(SHORT, at));
      low |= plane.words().get(SHORT, at + 2 * LANES) << Short.SIZE;
      int high = plane.words().get(SHORT, at + 4 * LANES);
      for (int i = 0; i < Geometry.UNIT; i++) {
        fields[i] = ((low >> (2 * i)) & 3) + ((high >> i) & 1) * 4;
      }
      return;
    }
    int mask = (1 << bits) - 1;
    int perStep = Short.SIZE / bits;
    for (int i = 0; i < Geometry.UNIT; ) {
      int word = plane.words().get(SHORT, at);
      for (int end = i + perStep; i < end; i++) {
        fields[i] = word & mask;
        word >>= bits;
      }
      at += 2 * LANES;
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
    throw new UnsupportedOperationException("levels are unpacked");
  }

  @Override
  public void multiply(Plane plane, DType type, int tile, float[] x, float[] y, int yAt) {
    float[] weights = new float[Geometry.UNIT * ROWS];
    for (int column = 0; column < x.length; column += Geometry.UNIT) {
      convert(plane, type, tile, column, Geometry.UNIT, weights);
      for (int i = 0; i < Geometry.UNIT; i++) {
        addScaled(x[column + i], weights, i * ROWS, y, yAt, ROWS);
      }
    }
  }

  @Override
  public void unpack(Plane plane, int tile, int column, int count, short[] out) {
    int half = 1 << (plane.bits() - 1);
    int[] fields = new int[Geometry.UNIT];
    for (int row = 0; row < ROWS; row++) {
      int to = row / LANES * LANES + Plane.order(row % LANES, LANES);
      for (int unit = 0; unit < count; unit += Geometry.UNIT) {
        unit(plane, (long) tile * ROWS + row, column + unit, fields);
        for (int i = 0; i < Geometry.UNIT; i++) {
          out[(unit + i) * ROWS + to] = (short) (half - fields[i]);
        }
      }
    }
  }

  @Override
  public void scale(short[] fields, int columns, float[] scales, float[] biases, float[] out) {
    for (int row = 0; row < ROWS; row++) {
      int at = row / LANES * LANES + Plane.order(row % LANES, LANES);
      for (int column = 0; column < columns; column++) {
        out[column * ROWS + row] = biases[row] - fields[column * ROWS + at] * scales[row];
      }
    }
  }

  @Override
  public void convert(Plane plane, DType type, int tile, int column, int count, float[] out) {
    for (int row = 0; row < ROWS; row++) {
      long from = (long) tile * ROWS + row;
      for (int i = 0; i < count; i++) {
        out[i * ROWS + row] =
            switch (type) {
              case F32 -> plane.getFloat(from, column + i);
              case BF16 -> SmallFloat.fromBf16(plane.getShort(from, column + i));
              default -> Float.float16ToFloat(plane.getShort(from, column + i));
            };
      }
    }
  }

  @Override
  public void sum(short[] fields, int columns, float[] sums) {
    for (int row = 0; row < ROWS; row++) {
      int at = row / LANES * LANES + Plane.order(row % LANES, LANES);
      int sum = 0;
      for (int column = 0; column < columns; column++) {
        sum += fields[column * ROWS + at];
      }
      sums[row] = sum;
    }
  }

  @Override
  public void shorts(
      short[] fields, int columns, Numbers x, int column, float[] scales, float[] sums) {
    for (int token = 0; token < x.tokens(); token++) {
      for (int row = 0; row < ROWS; row++) {
        int at = row / LANES * LANES + Plane.order(row % LANES, LANES);
        int sum = 0;
        for (int i = 0; i < columns; i++) {
          sum += fields[i * ROWS + at] * (short) x.values()[x.at(token, column) + i];
        }
        float offset = x.offsets()[x.offsetsAt(column) + token];
        sums[token * ROWS + row] += scales[row] * (sum - offset);
      }
    }
  }

  @Override
  public void dense(
      float[] weights, int columns, float[] x, int xAt, int xStride, int tokens, float[] sums) {
    for (int token = 0; token < tokens; token++) {
      for (int column = 0; column < columns; column++) {
        float value = x[xAt + token * xStride + column];
        addScaled(value, weights, column * ROWS, sums, token * ROWS, ROWS);
      }
    }
  }

  @Override
  public void scores(
      float[] queries, int dim, float[] keys, int at, float[] out, int outAt, int stride) {
    for (int query = 0; query < QUERIES; query++) {
      int to = outAt + query * stride;
      Arrays.fill(out, to, to + KeyValueCache.BLOCK, 0f);
      for (int d = 0; d < dim; d++) {
        int from = at + d * KeyValueCache.BLOCK;
        addScaled(queries[query * dim + d], keys, from, out, to, KeyValueCache.BLOCK);
      }
    }
  }

  @Override
  public float softmax(float[] x, int at, int count) {
    float most = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + count; i++) {
      most = Math.max(most, x[i]);
    }
    double sum = 0;
    for (int i = at; i < at + count; i++) {
      x[i] = (float) Math.exp(x[i] - most);
      sum += x[i];
    }
    return (float) sum;
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
    for (int query = 0; query < QUERIES; query++) {
      for (int i = 0; i < count; i++) {
        float weight = weights[at + query * stride + i];
        addScaled(weight, values, valuesAt + i * dim, out, query * dim, dim);
      }
    }
  }

  @Override
  public void addScaled(float factor, float[] x, int xAt, float[] y, int yAt, int length) {
    for (int i = 0; i < length; i++) {
      y[yAt + i] += factor * x[xAt + i];
    }
  }
}
