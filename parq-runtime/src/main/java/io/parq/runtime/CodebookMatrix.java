package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.BlockLayout;
import io.parq.grids.Granularity;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.TableGrid;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * A matrix whose codes are looked up: in the grid's one table, times the scale of a group (NF4,
 * FP4), or in the levels of each group (LSBQ). It is decoded for every product.
 */
final class CodebookMatrix extends PackedMatrix {
  private final Plane plane;

  /** Subtracted from indices so that they are signed. */
  private final int centre;

  /** {@code [level]}, or {@code [level]} for every group. */
  private final float[][] levels;

  private final float @Nullable [] scales;

  private CodebookMatrix(
      Geometry geometry,
      MatrixKernels kernels,
      Plane plane,
      int centre,
      float[][] levels,
      float @Nullable [] scales) {
    super(geometry, kernels);
    this.plane = plane;
    this.centre = centre;
    this.levels = levels;
    this.scales = scales;
  }

  static CodebookMatrix of(QuantizedTensor tensor, MatrixKernels kernels) {
    Lattice lattice = tensor.lattice();
    BlockLayout layout = lattice.layout();
    int columns = (int) layout.columns();
    int group = Math.min(layout.blockLength(), columns);
    Geometry geometry = new Geometry(layout.rows(), columns, group, kernels.lanes());
    int bits = lattice.grid().bits();
    Plane plane = Plane.allocate(bits == 3 ? 4 : bits > 4 ? 8 : bits, 1, geometry);
    int centre = 1 << (plane.bits() - 1);
    boolean shared = lattice.grid() instanceof TableGrid;
    float[] scales = shared ? geometry.perGroup() : null;
    float[][] levels = new float[shared ? 1 : geometry.perGroup().length][];
    if (shared) {
      QuantConfig unscaled = new QuantConfig(lattice.grid(), Granularity.perRow(), ScaleType.FP32);
      // The scale of a lattice that was never fitted is 1.
      levels[0] = Lattice.unfitted(unscaled, 1, 1).levels(0);
    }
    for (int row = 0; row < geometry.rows(); row++) {
      for (int g = 0; g < geometry.groups(); g++) {
        int block = (int) (((long) row * columns + (long) g * group) / layout.blockLength());
        if (scales != null) {
          scales[geometry.perGroupAt(row, g)] = lattice.scales()[block];
        } else {
          levels[geometry.perGroupAt(row, g)] = lattice.levels(block);
        }
      }
      for (int column = 0; column < columns; column++) {
        byte code = tensor.codes().get(ValueLayout.JAVA_BYTE, (long) row * columns + column);
        plane.put(row, geometry.padded(column), code - centre);
      }
    }
    return new CodebookMatrix(geometry, kernels, plane, centre, levels, scales);
  }

  @Override
  public long byteSize() {
    long bytes = plane.words().byteSize() + (scales == null ? 0 : 4L * scales.length);
    for (float[] some : levels) {
      bytes += some == null ? 0 : 4L * some.length;
    }
    return bytes;
  }

  @Override
  float value(int row, int column) {
    return level(
        plane.get(row, geometry.padded(column)),
        geometry.perGroupAt(row, column / geometry.group()));
  }

  private float level(int field, int at) {
    return scales == null ? levels[at][field + centre] : levels[0][field + centre] * scales[at];
  }

  @Override
  Term product(float[] x, @Nullable ActivationQuantization activations) {
    return decodedProduct(quantized(x, 1, activations));
  }

  @Override
  void decode(int tile, int column, int count, float[] out) {
    int rows = geometry.tileRows();
    int bits = plane.bits();
    int perWord = Integer.SIZE / bits;
    int at = (tile * geometry.groups() + column / geometry.groupPadded()) * rows;
    int used = Math.min(rows, rows() - tile * rows);
    java.util.Arrays.fill(out, 0, count * rows, 0f);
    for (int row = 0; row < used; row++) {
      long block = (long) tile * MatrixKernels.BLOCKS + row / plane.lanes();
      for (int i = 0; i < count / perWord; i++) {
        long from = plane.address(block, column / perWord + i) + 4L * (row % plane.lanes());
        int word = plane.words().get(ValueLayout.JAVA_INT, from);
        // What pads a group may have no level; it is multiplied by zeros.
        int inGroup = column % geometry.groupPadded() + i * perWord;
        int real = Math.min(perWord, geometry.group() - inGroup);
        for (int f = 0; f < real; f++) {
          out[(i * perWord + f) * rows + row] = level(word >> (Integer.SIZE - bits), at + row);
          word <<= bits;
        }
      }
    }
  }
}
