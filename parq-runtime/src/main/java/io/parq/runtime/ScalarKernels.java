package io.parq.runtime;

import io.parq.grids.DType;
import io.parq.runtime.Operand.Kind;
import java.util.Arrays;

/** Plain loops. */
final class ScalarKernels implements MatrixKernels {
  private static final int ROWS = Geometry.TILE;

  @Override
  public boolean knows(int bits, boolean levels) {
    return !levels;
  }

  @Override
  public Operand prepare(Kind kind, float[] levels, float[] x, float unit, float zero) {
    return new Operand(kind, levels, x, new float[0], null);
  }

  @Override
  public void multiply(Plane plane, int tile, Scales scales, Operand operand, float[] y, int yAt) {
    Kind kind = operand.kind();
    int[] fields = new int[Geometry.UNIT];
    long first = (long) tile * ROWS;
    for (int row = 0; row < ROWS; row++) {
      float total = 0;
      for (int g = 0; g < kind.groups(); g++) {
        float sum = 0;
        for (int u = 0; u < kind.units(); u++) {
          int column = (g * kind.units() + u) * Geometry.UNIT;
          plane.unit(first + row, column, fields);
          for (int i = 0; i < Geometry.UNIT; i++) {
            sum += (fields[i] - kind.centre()) * operand.x()[column + i];
          }
        }
        total += sum * scales.get(first + row, g);
      }
      y[yAt + row] += total;
    }
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
  public void unpack(
      Plane plane, int tile, int column, int count, float[] scales, float[] biases, float[] out) {
    int[] fields = new int[Geometry.UNIT];
    for (int row = 0; row < ROWS; row++) {
      for (int unit = 0; unit < count; unit += Geometry.UNIT) {
        plane.unit((long) tile * ROWS + row, column + unit, fields);
        for (int i = 0; i < Geometry.UNIT; i++) {
          out[(unit + i) * ROWS + row] = scales[row] * fields[i] + biases[row];
        }
      }
    }
  }

  @Override
  public void convert(Plane plane, DType type, int tile, int column, int count, float[] out) {
    for (int row = 0; row < ROWS; row++) {
      long from = (long) tile * ROWS + row;
      for (int i = 0; i < count; i++) {
        out[i * ROWS + row] = FloatMatrix.value(type, plane.get(from, column + i));
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
  public void exponentials(float[] x, int at, int count) {
    for (int i = at; i < at + count; i++) {
      x[i] = (float) Math.exp(x[i]);
    }
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
