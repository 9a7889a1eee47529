package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.BlockLayout;
import io.parq.grids.Granularity;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.UniformGrid;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A matrix on a uniform grid: {@code value = scale * field + bias}, where fields are signed. Three
 * bits are kept as two planes, {@code field = two + 4 * one}, both signed, which stand for the
 * field plus 2; five to seven bits take eight.
 */
final class UniformMatrix extends PackedMatrix {
  private static final QuantConfig ASYMMETRIC =
      new QuantConfig(UniformGrid.asymmetric(8), Granularity.perRow(), ScaleType.FP32);

  /** Codes -127 to 127, the scale being that of activations. */
  private static final QuantConfig SYMMETRIC =
      new QuantConfig(
          UniformGrid.clipped(8, UniformGrid.Clip.MAX, 1, 0), Granularity.perRow(), ScaleType.FP32);

  private final List<Plane> planes;
  private final float[] scales;
  private final float @Nullable [] biases;

  private UniformMatrix(
      Geometry geometry,
      MatrixKernels kernels,
      List<Plane> planes,
      float[] scales,
      float @Nullable [] biases) {
    super(geometry, kernels);
    this.planes = planes;
    this.scales = scales;
    this.biases = biases;
  }

  static UniformMatrix of(QuantizedTensor tensor, MatrixKernels kernels) {
    Lattice lattice = tensor.lattice();
    BlockLayout layout = lattice.layout();
    int columns = (int) layout.columns();
    int group = Math.min(layout.blockLength(), columns);
    Geometry geometry = new Geometry(layout.rows(), columns, group, kernels.lanes());
    int bits = lattice.grid().bits();
    List<Plane> planes =
        bits == 3
            ? List.of(Plane.allocate(2, 1, geometry), Plane.allocate(1, 4, geometry))
            : List.of(Plane.allocate(bits <= 2 ? bits : bits == 4 ? 4 : 8, 1, geometry));
    int centre = centre(lattice.grid().bits(), lattice.grid().minCode(), lattice.grid().maxCode());
    putCodes(tensor, geometry, planes, centre);
    float[] scales = geometry.perGroup();
    float[] biases = geometry.perGroup();
    boolean biased = false;
    for (int row = 0; row < geometry.rows(); row++) {
      for (int g = 0; g < geometry.groups(); g++) {
        int block = (int) (((long) row * columns + (long) g * group) / layout.blockLength());
        int at = geometry.perGroupAt(row, g);
        scales[at] = lattice.scales()[block];
        biases[at] = bias(lattice, block, centre);
        biased |= biases[at] != 0;
      }
    }
    return new UniformMatrix(geometry, kernels, planes, scales, biased ? biases : null);
  }

  /** What is subtracted from codes to get fields. */
  private static int centre(int bits, int minCode, int maxCode) {
    int half = 1 << (bits - 1);
    int signed = minCode >= -half && maxCode < half ? 0 : minCode + half;
    return bits == 3 ? signed + 2 : signed;
  }

  private static float bias(Lattice lattice, int block, int centre) {
    float[] zeroPoints = lattice.zeroPoints();
    float[] offsets = lattice.offsets();
    double zeroPoint =
        zeroPoints == null ? ((UniformGrid) lattice.grid()).zeroPoint() : zeroPoints[block];
    double offset = offsets == null ? 0 : offsets[block];
    return (float) (lattice.scales()[block] * (centre - zeroPoint) + offset);
  }

  private static void putCodes(
      QuantizedTensor tensor, Geometry geometry, List<Plane> planes, int centre) {
    java.util.stream.IntStream.range(0, geometry.tiles())
        .parallel()
        .forEach(
            tile -> {
              long first = (long) tile * geometry.tileRows();
              long last = Math.min(first + geometry.tileRows(), geometry.rows());
              for (long row = first; row < last; row++) {
                for (int column = 0; column < geometry.columns(); column++) {
                  long at = row * geometry.columns() + column;
                  int field = tensor.codes().get(ValueLayout.JAVA_BYTE, at) - centre;
                  put(planes, row, geometry.padded(column), field);
                }
              }
            });
  }

  private static void put(List<Plane> planes, long row, int padded, int field) {
    int rest = field;
    for (Plane plane : planes) {
      int part = rest / (int) plane.weight();
      int signed = part << (Integer.SIZE - plane.bits()) >> (Integer.SIZE - plane.bits());
      plane.put(row, padded, signed);
      rest -= signed * (int) plane.weight();
    }
  }

  @Override
  public long byteSize() {
    long bytes = 4L * scales.length + (biases == null ? 0 : 4L * biases.length);
    for (Plane plane : planes) {
      bytes += plane.words().byteSize();
    }
    return bytes;
  }

  @Override
  float value(int row, int column) {
    int padded = geometry.padded(column);
    int at = geometry.perGroupAt(row, column / geometry.group());
    float field = 0;
    for (Plane plane : planes) {
      field += plane.get(row, padded) * plane.weight();
    }
    return scales[at] * field + (biases == null ? 0 : biases[at]);
  }

  @Override
  void decode(int tile, int column, int count, float[] out) {
    int rows = geometry.tileRows();
    int at = (tile * geometry.groups() + column / geometry.groupPadded()) * rows;
    for (int i = 0; i < planes.size(); i++) {
      Plane plane = planes.get(i);
      int perWord = Integer.SIZE / plane.bits();
      int words = count / perWord;
      kernels.decode(plane, tile, column / perWord, words, scales, at, plane.weight(), i > 0, out);
    }
    if (biases != null) {
      for (int i = 0; i < count; i++) {
        kernels.addScaled(1, biases, at, out, i * rows, rows);
      }
    }
  }

  @Override
  Term product(float[] x, @Nullable ActivationQuantization activations) {
    boolean whole =
        activations == ActivationQuantization.INT8_ASYM_PER_TOKEN
            || activations == ActivationQuantization.INT8_SYM_PER_TOKEN;
    List<Term> terms = new ArrayList<>();
    float[] values;
    if (whole && planes.getFirst().bits() < 8) {
      boolean symmetric = activations == ActivationQuantization.INT8_SYM_PER_TOKEN;
      Lattice lattice = Lattice.unfitted(symmetric ? SYMMETRIC : ASYMMETRIC, 1, x.length);
      lattice.fit(MemorySegment.ofArray(x));
      byte[] codes = new byte[x.length];
      lattice.codes(0, x, 0, x.length, codes, 0);
      float[] zeroPoints = lattice.zeroPoints();
      float zeroPoint = zeroPoints == null ? 0 : zeroPoints[0];
      values = new float[x.length];
      for (int i = 0; i < x.length; i++) {
        values[i] = codes[i] - zeroPoint;
      }
      values = geometry.pad(values, 1);
      float scale = lattice.scales()[0];
      short[] numbers = new short[values.length];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = (short) values[i];
        values[i] *= scale;
      }
      planes.forEach(plane -> terms.add(wholeTerm(plane, numbers, scale * plane.weight())));
    } else {
      values = geometry.pad(quantized(x, 1, activations), 1);
      float[] floats = values;
      planes.forEach(plane -> terms.add(floatTerm(plane, floats)));
    }
    if (biases != null) {
      terms.add(biasTerm(values, biases));
    }
    return (tile, y) -> terms.forEach(term -> term.add(tile, y));
  }

  private int wordsOfGroup(Plane plane) {
    return geometry.groupPadded() * plane.bits() / Integer.SIZE;
  }

  private boolean hasTables(Plane plane) {
    return kernels.hasTables() && plane.bits() <= 2;
  }

  private Term floatTerm(Plane plane, float[] x) {
    int words = wordsOfGroup(plane);
    int groups = geometry.groups();
    float weight = plane.weight();
    if (!hasTables(plane)) {
      return (tile, y) -> kernels.fields(plane, tile, scales, groups, words, weight, x, y);
    }
    int columns = 4 / plane.bits();
    float[] tables = new float[x.length / columns * MatrixKernels.TABLE];
    for (int i = 0; i < x.length / columns; i++) {
      plane.fillTable(x, i * columns, tables, i * MatrixKernels.TABLE);
    }
    return (tile, y) -> kernels.tables(plane, tile, scales, groups, words, weight, tables, y);
  }

  private Term wholeTerm(Plane plane, short[] x, float factor) {
    int words = wordsOfGroup(plane);
    int groups = geometry.groups();
    int half = Short.SIZE / plane.bits();
    int halves = x.length / half / 2;
    if (!hasTables(plane)) {
      int[] pairs = new int[halves * half];
      for (int i = 0; i < pairs.length; i++) {
        int column = i / half * 2 * half + i % half;
        pairs[i] = x[column] << Short.SIZE | Short.toUnsignedInt(x[column + half]);
      }
      return (tile, y) -> kernels.shortFields(plane, tile, scales, groups, words, factor, pairs, y);
    }
    int columns = 4 / plane.bits();
    short[] tables = new short[halves * 8 * MatrixKernels.TABLE];
    for (int word = 0; word < halves; word++) {
      for (int f = 0; f < 4; f++) {
        int to = (word * 4 + f) * 2 * MatrixKernels.TABLE;
        int column = word * 2 * half + f * columns;
        plane.fillTable(x, column + half, tables, to);
        plane.fillTable(x, column, tables, to + MatrixKernels.TABLE);
      }
    }
    return (tile, y) -> kernels.shortTables(plane, tile, scales, groups, words, factor, tables, y);
  }

  private Term biasTerm(float[] x, float[] biases) {
    int rows = geometry.tileRows();
    float[] sums = new float[geometry.groups()];
    for (int g = 0; g < sums.length; g++) {
      double sum = 0;
      for (int i = g * geometry.groupPadded(); i < (g + 1) * geometry.groupPadded(); i++) {
        sum += x[i];
      }
      sums[g] = (float) sum;
    }
    return (tile, y) -> {
      for (int g = 0; g < sums.length; g++) {
        kernels.addScaled(sums[g], biases, (tile * sums.length + g) * rows, y, 0, rows);
      }
    };
  }
}
