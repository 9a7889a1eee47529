package io.parq.runtime;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Plain loops. */
final class ScalarKernels implements MatrixKernels {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int LANES = 16;

  @Override
  public int lanes() {
    return LANES;
  }

  @Override
  public boolean hasTables() {
    return false;
  }

  @Override
  public void fields(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      float[] x,
      float[] y) {
    int bits = plane.bits();
    int perWord = Integer.SIZE / bits;
    float[] sums = new float[LANES];
    for (int k = 0; k < BLOCKS; k++) {
      for (int g = 0; g < groups; g++) {
        Arrays.fill(sums, 0f);
        for (int word = g * words; word < (g + 1) * words; word++) {
          long at = plane.address((long) tile * BLOCKS + k, word);
          for (int lane = 0; lane < LANES; lane++) {
            int w = plane.words().get(INT, at + (long) lane * Integer.BYTES);
            float sum = sums[lane];
            for (int f = 0; f < perWord; f++) {
              sum += (w >> (Integer.SIZE - bits)) * x[word * perWord + f];
              w <<= bits;
            }
            sums[lane] = sum;
          }
        }
        addScaled(sums, scales, ((tile * groups + g) * BLOCKS + k) * LANES, factor, y, k * LANES);
      }
    }
  }

  private static void addScaled(
      float[] sums, float[] scales, int scaleAt, float factor, float[] y, int at) {
    for (int lane = 0; lane < LANES; lane++) {
      y[at + lane] += sums[lane] * (scales[scaleAt + lane] * factor);
    }
  }

  @Override
  public void tables(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      float[] tables,
      float[] y) {
    throw new UnsupportedOperationException("tables are for vectors");
  }

  @Override
  public void shortFields(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      int[] pairs,
      float[] y) {
    int bits = plane.bits();
    int half = Short.SIZE / bits;
    float[] sums = new float[LANES];
    for (int k = 0; k < BLOCKS; k++) {
      for (int g = 0; g < groups; g++) {
        for (int lane = 0; lane < LANES; lane++) {
          int sum = 0;
          for (int word = g * words; word < (g + 1) * words; word++) {
            long at = plane.address((long) tile * BLOCKS + k, word) + (long) lane * Integer.BYTES;
            int high = plane.words().get(INT, at);
            int low = high << Short.SIZE;
            for (int f = 0; f < half; f++) {
              int pair = pairs[word * half + f];
              sum += (high >> (Integer.SIZE - bits)) * (pair >> Short.SIZE);
              sum += (low >> (Integer.SIZE - bits)) * (short) pair;
              high <<= bits;
              low <<= bits;
            }
          }
          sums[lane] = sum;
        }
        addScaled(sums, scales, ((tile * groups + g) * BLOCKS + k) * LANES, factor, y, k * LANES);
      }
    }
  }

  @Override
  public void shortTables(
      Plane plane,
      int tile,
      float[] scales,
      int groups,
      int words,
      float factor,
      short[] tables,
      float[] y) {
    throw new UnsupportedOperationException("tables are for vectors");
  }

  @Override
  public void decode(
      Plane plane,
      int tile,
      int word,
      int words,
      float[] scales,
      int scaleAt,
      float factor,
      boolean add,
      float[] out) {
    int bits = plane.bits();
    int perWord = Integer.SIZE / bits;
    for (int k = 0; k < BLOCKS; k++) {
      for (int lane = 0; lane < LANES; lane++) {
        int row = k * LANES + lane;
        float scale = scales[scaleAt + row] * factor;
        for (int i = 0; i < words; i++) {
          long at = plane.address((long) tile * BLOCKS + k, word + i) + (long) lane * Integer.BYTES;
          int w = plane.words().get(INT, at);
          for (int f = 0; f < perWord; f++) {
            int to = (i * perWord + f) * BLOCKS * LANES + row;
            float value = (w >> (Integer.SIZE - bits)) * scale;
            out[to] = add ? out[to] + value : value;
            w <<= bits;
          }
        }
      }
    }
  }

  @Override
  public void dense(
      MemorySegment weights,
      long offset,
      int columns,
      float[] x,
      int xAt,
      int xStride,
      int tokens,
      float[] y) {
    int rows = BLOCKS * LANES;
    float[] w = new float[rows];
    for (int column = 0; column < columns; column++) {
      MemorySegment.copy(weights, FLOAT, offset + 4L * rows * column, w, 0, rows);
      for (int token = 0; token < tokens; token++) {
        addScaled(x[xAt + token * xStride + column], w, 0, y, token * rows, rows);
      }
    }
  }

  @Override
  public float dot(float[] a, int aAt, float[] b, int bAt, int length) {
    float sum = 0;
    for (int i = 0; i < length; i++) {
      sum += a[aAt + i] * b[bAt + i];
    }
    return sum;
  }

  @Override
  public void addScaled(float factor, float[] x, int xAt, float[] y, int yAt, int length) {
    for (int i = 0; i < length; i++) {
      y[yAt + i] += factor * x[xAt + i];
    }
  }
}
