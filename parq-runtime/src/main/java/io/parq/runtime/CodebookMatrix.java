package io.parq.runtime;

import io.parq.grids.BlockLayout;
import io.parq.grids.Granularity;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.TableGrid;
import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A matrix whose codes are looked up: in the grid's one table, times the scale of a group (NF4,
 * FP4), or in the levels of each group (LSBQ), which are unpacked for every product.
 */
final class CodebookMatrix extends PackedMatrix {
  private static final int TABLE = 16;

  private final Plane plane;

  /** Levels of a row's group; of a shared table the first and only ones, padded with zeros. */
  private final float[] levels;

  /** Levels of a group. */
  private final int count;

  private final @Nullable Scales scales;

  private CodebookMatrix(
      Geometry geometry,
      MatrixKernels kernels,
      Plane plane,
      float[] levels,
      int count,
      @Nullable Scales scales) {
    super(geometry, kernels);
    this.plane = plane;
    this.levels = levels;
    this.count = count;
    this.scales = scales;
  }

  static CodebookMatrix of(QuantizedTensor tensor, MatrixKernels kernels) {
    Lattice lattice = tensor.lattice();
    BlockLayout layout = lattice.layout();
    int columns = (int) layout.columns();
    int group = Math.min(layout.blockLength(), columns);
    Geometry geometry = new Geometry(layout.rows(), columns, group);
    int bits = lattice.grid().bits();
    Plane plane = Plane.allocate(bits > 4 ? 8 : bits, geometry);
    boolean shared = lattice.grid() instanceof TableGrid;
    Scales scales = shared ? Scales.allocate(false, geometry) : null;
    int count = Math.max(1 << plane.bits(), TABLE);
    float[] levels =
        new float[shared ? count : Math.toIntExact(Math.multiplyExact(geometry.perGroup(), count))];
    if (shared) {
      QuantConfig unscaled = new QuantConfig(lattice.grid(), Granularity.perRow(), ScaleType.FP32);
      // The scale of a lattice that was never fitted is 1.
      float[] table = Lattice.unfitted(unscaled, 1, 1).levels(0);
      System.arraycopy(table, 0, levels, 0, table.length);
    }
    putCodes(tensor, geometry, plane, 0, 1);
    for (int row = 0; row < geometry.rows(); row++) {
      for (int g = 0; g < geometry.groups(); g++) {
        int block = (int) (((long) row * columns + (long) g * group) / layout.blockLength());
        if (scales != null) {
          scales.set(row, g, lattice.scales()[block]);
        } else {
          float[] own = lattice.levels(block);
          int to = (int) geometry.perGroupAt(row, g) * count;
          System.arraycopy(own, 0, levels, to, own.length);
        }
      }
    }
    return new CodebookMatrix(geometry, kernels, plane, levels, count, scales);
  }

  static CodebookMatrix of(MatrixImage image, MatrixKernels kernels) {
    Geometry geometry = image.geometry();
    List<MemorySegment> memory = image.memory();
    int bits = image.numbers().get(0);
    int count = image.numbers().get(1);
    boolean shared = memory.size() == 3;
    long size = (shared ? 1 : geometry.perGroup()) * count * Float.BYTES;
    if (memory.get(1).byteSize() != size || count < 1 << bits) {
      throw new IllegalArgumentException(
          "levels of %d bytes, expected %d".formatted(memory.get(1).byteSize(), size));
    }
    return new CodebookMatrix(
        geometry,
        kernels,
        Plane.of(bits, geometry, memory.get(0)),
        memory.get(1).toArray(ValueLayout.JAVA_FLOAT),
        count,
        shared ? Scales.of(false, geometry, memory.get(2)) : null);
  }

  @Override
  MatrixImage image() {
    List<MemorySegment> memory =
        new ArrayList<>(List.of(plane.words(), MemorySegment.ofArray(levels)));
    if (scales != null) {
      memory.add(scales.values());
    }
    return new MatrixImage(
        MatrixImage.Kind.CODEBOOK, geometry, List.of(plane.bits(), count), memory);
  }

  @Override
  public long byteSize() {
    return plane.words().byteSize()
        + (long) levels.length * Float.BYTES
        + (scales == null ? 0 : scales.values().byteSize());
  }

  @Override
  void unit(int row, int column, float[] values) {
    decode(row, column, Scratch.ofCaller().ints(Geometry.UNIT), values);
  }

  /** Reads a unit of columns of a row by way of its fields. */
  private void decode(long row, int column, int[] fields, float[] values) {
    int group = column / geometry.groupPadded();
    float scale = scales == null ? 1 : scales.get(row, group);
    int first = scales == null ? (int) geometry.perGroupAt(row, group) * count : 0;
    plane.unit(row, column, fields);
    for (int i = 0; i < Geometry.UNIT; i++) {
      values[i] = levels[first + fields[i]] * scale;
    }
  }

  @Override
  Term product(Input x, int token) {
    if (scales == null || !kernels.knows(plane.bits(), true)) {
      return floatTerm(x, token);
    }
    float[] padded = geometry.pad(x.values(), token);
    int units = geometry.groupPadded() / Geometry.UNIT;
    Kind kind = new Kind(plane.bits(), geometry.groups(), units, 0);
    Operand operand = kernels.prepare(kind, levels, padded, 0, Float.NaN);
    Scales factors = scales;
    return (tile, y, yAt) -> kernels.multiply(plane, tile, factors, operand, y, yAt);
  }

  @Override
  void unpack(int tile, int column, int count, float[] out) {
    Scratch scratch = Scratch.ofTask();
    int[] fields = scratch.ints(Geometry.UNIT);
    float[] values = scratch.floats(Geometry.UNIT);
    for (int row = 0; row < Geometry.TILE; row++) {
      for (int unit = 0; unit < count; unit += Geometry.UNIT) {
        decode((long) tile * Geometry.TILE + row, column + unit, fields, values);
        for (int i = 0; i < Geometry.UNIT; i++) {
          out[(unit + i) * Geometry.TILE + row] = values[i];
        }
      }
    }
  }
}
