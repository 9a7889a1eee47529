package io.parq.runtime;

import io.parq.grids.BlockLayout;
import io.parq.grids.Lattice;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.UniformGrid;
import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A matrix on a uniform grid: {@code value = scale * (field - centre) + bias}, where fields are not
 * negative. Five to seven bits take eight, and fill them: fields are multiples of 8, 4 or 2. All
 * weights are in the memory of a plane, of scales, and of biases where zero points differ from
 * group to group.
 */
final class UniformMatrix extends PackedMatrix {
  /** Columns whose fields are unpacked into bytes at a time: half of the first cache. */
  private static final int DOT_CHUNK = 128;

  private static final float[] NONE = {};

  private final Plane plane;
  private final float centre;
  private final Scales scales;
  private final @Nullable Scales biases;

  /** Made when they are first needed. */
  private volatile float @Nullable [] totals;

  private UniformMatrix(
      Geometry geometry,
      MatrixKernels kernels,
      Plane plane,
      float centre,
      Scales scales,
      @Nullable Scales biases) {
    super(geometry, kernels);
    this.plane = plane;
    this.centre = centre;
    this.scales = scales;
    this.biases = biases;
  }

  static UniformMatrix of(QuantizedTensor tensor, MatrixKernels kernels) {
    Lattice lattice = tensor.lattice();
    BlockLayout layout = lattice.layout();
    int columns = (int) layout.columns();
    int group = Math.min(layout.blockLength(), columns);
    Geometry geometry = new Geometry(layout.rows(), columns, group);
    int bits = lattice.grid().bits();
    Plane plane = Plane.allocate(bits > 4 ? 8 : bits, geometry);
    int first = lattice.grid().minCode();
    int step = 1 << (plane.bits() - bits);
    putCodes(tensor, geometry, plane, first, step);
    boolean varied = lattice.zeroPoints() != null || lattice.offsets() != null;
    float centre =
        varied
            ? 1 << (plane.bits() - 1)
            : (((UniformGrid) lattice.grid()).zeroPoint() - first) * step;
    Scales scales = Scales.allocate(isBrief(lattice.scales(), geometry), geometry);
    Scales biases = varied ? Scales.allocate(false, geometry) : null;
    for (int row = 0; row < geometry.rows(); row++) {
      for (int g = 0; g < geometry.groups(); g++) {
        int block = (int) (((long) row * columns + (long) g * group) / layout.blockLength());
        scales.set(row, g, lattice.scales()[block] / step);
        if (biases != null) {
          biases.set(row, g, bias(lattice, block, centre / step + first));
        }
      }
    }
    return new UniformMatrix(geometry, kernels, plane, centre, scales, biases);
  }

  static UniformMatrix of(MatrixImage image, MatrixKernels kernels) {
    Geometry geometry = image.geometry();
    List<MemorySegment> memory = image.memory();
    boolean brief = image.numbers().get(2) != 0;
    return new UniformMatrix(
        geometry,
        kernels,
        Plane.of(image.numbers().get(0), geometry, memory.get(0)),
        Float.intBitsToFloat(image.numbers().get(1)),
        Scales.of(brief, geometry, memory.get(1)),
        memory.size() == 2 ? null : Scales.of(false, geometry, memory.get(2)));
  }

  @Override
  MatrixImage image() {
    List<MemorySegment> memory = new ArrayList<>(List.of(plane.words(), scales.values()));
    if (biases != null) {
      memory.add(biases.values());
    }
    List<Integer> numbers =
        List.of(plane.bits(), Float.floatToRawIntBits(centre), scales.brief() ? 1 : 0);
    return new MatrixImage(MatrixImage.Kind.UNIFORM, geometry, numbers, memory);
  }

  /** Whether scales of groups are bfloat16 numbers. */
  private static boolean isBrief(float[] scales, Geometry geometry) {
    if (geometry.groups() == 1) {
      return false;
    }
    for (float scale : scales) {
      if ((Float.floatToRawIntBits(scale) & 0xFFFF) != 0) {
        return false;
      }
    }
    return true;
  }

  private static float bias(Lattice lattice, int block, float centre) {
    float[] zeroPoints = lattice.zeroPoints();
    float[] offsets = lattice.offsets();
    double zeroPoint =
        zeroPoints == null ? ((UniformGrid) lattice.grid()).zeroPoint() : zeroPoints[block];
    double offset = offsets == null ? 0 : offsets[block];
    return (float) (lattice.scales()[block] * (centre - zeroPoint) + offset);
  }

  @Override
  public long byteSize() {
    return plane.words().byteSize()
        + scales.values().byteSize()
        + (biases == null ? 0 : biases.values().byteSize());
  }

  @Override
  void unit(int row, int column, float[] values) {
    int group = column / geometry.groupPadded();
    int[] fields = Scratch.ofCaller().ints(Geometry.UNIT);
    plane.unit(row, column, fields);
    float scale = scales.get(row, group);
    float bias = biases == null ? 0 : biases.get(row, group);
    for (int i = 0; i < Geometry.UNIT; i++) {
      values[i] = scale * (fields[i] - centre) + bias;
    }
  }

  private Kind kind() {
    int units = geometry.groupPadded() / Geometry.UNIT;
    return new Kind(plane.bits(), geometry.groups(), units, centre);
  }

  @Override
  Term product(Input x, int token) {
    if (!kernels.knows(plane.bits(), false)) {
      return floatTerm(x, token);
    }
    Operand operand = x.operand(kernels, geometry, kind(), token);
    float[][] sums = biasSums(x, token, 1);
    float excess = operand.excess();
    float[] totals = excess == 0 ? NONE : totals();
    return (tile, y, yAt) -> {
      kernels.multiply(plane, tile, scales, operand, y, yAt);
      if (excess != 0) {
        kernels.addScaled(-excess, totals, tile * Geometry.TILE, y, yAt, Geometry.TILE);
      }
      addBiases(tile, sums, y, yAt);
    };
  }

  /** The sum of a row's weights without biases, with padding, for each row of all tiles. */
  private float[] totals() {
    float[] known = totals;
    if (known == null) {
      Scratch scratch = Scratch.ofCaller();
      int mark = scratch.mark();
      float[] ones = scratch.floats(geometry.columnsPadded());
      Arrays.fill(ones, 1f);
      Operand operand = kernels.prepare(kind(), NONE, ones, 1, 0);
      float[] made = new float[geometry.tiles() * Geometry.TILE];
      forEachTile(
          1, tile -> kernels.multiply(plane, tile, scales, operand, made, tile * Geometry.TILE));
      scratch.release(mark);
      totals = made;
      known = made;
    }
    return known;
  }

  /** What biases are multiplied with for each token; nothing if there are none. */
  private float[][] biasSums(Input x, int first, int tokens) {
    float[][] sums = new float[biases == null ? 0 : tokens][];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = sums(x, first + i);
    }
    return sums;
  }

  /** The sum of each group of x. */
  private float[] sums(Input x, int token) {
    float[] values = x.values();
    float[] sums = Scratch.ofCaller().floats(geometry.groups());
    for (int g = 0; g < sums.length; g++) {
      double sum = 0;
      int from = token * geometry.columns() + g * geometry.group();
      for (int i = from; i < from + geometry.group(); i++) {
        sum += values[i];
      }
      sums[g] = (float) sum;
    }
    return sums;
  }

  /** Whether products with such vectors are those of bytes. */
  private boolean hasDots(Input x) {
    return x.isWhole() && kernels.hasDots();
  }

  @Override
  int batchFrom(Input x) {
    return hasDots(x) ? 2 : super.batchFrom(x);
  }

  @Override
  Batch batch(Input x) {
    if (!hasDots(x)) {
      return floatBatch(x);
    }
    float[][] sums = biasSums(x, 0, x.tokens());
    Bytes bytes = x.bytes(geometry, kind(), chunk(DOT_CHUNK));
    return (tile, y, from, stride) -> {
      int length = Math.multiplyExact(x.tokens(), Geometry.TILE);
      float[] results = Scratch.ofTask().floats(length);
      multiplyBytes(tile, bytes, results);
      addBiases(tile, sums, results, 0);
      store(tile, results, x.tokens(), y, from, stride);
    };
  }

  private void multiplyBytes(int tile, Bytes x, float[] results) {
    int rows = Geometry.TILE;
    MemorySegment sums = Scratch.ofTask().memory(results.length * Float.BYTES);
    sums.fill((byte) 0);
    kernels.dots(plane, tile, scales, geometry.groupPadded(), x, sums);
    MemorySegment.copy(sums, ValueLayout.JAVA_FLOAT, 0, results, 0, results.length);
    for (int token = 0; token < x.tokens(); token++) {
      float factor = x.factors()[token];
      for (int row = token * rows; row < (token + 1) * rows; row++) {
        results[row] *= factor;
      }
    }
  }

  private void addBiases(int tile, float[][] sums, float[] y, int yAt) {
    if (biases == null) {
      return;
    }
    int rows = Geometry.TILE;
    float[] added = Scratch.ofTask().floats(rows);
    for (int g = 0; g < geometry.groups(); g++) {
      biases.copy(tile, g, added);
      for (int token = 0; token < sums.length; token++) {
        kernels.addScaled(sums[token][g], added, 0, y, yAt + token * rows, rows);
      }
    }
  }

  @Override
  void unpack(int tile, int column, int count, float[] out) {
    int group = column / geometry.groupPadded();
    Scratch scratch = Scratch.ofTask();
    float[] factors = scratch.floats(Geometry.TILE);
    float[] added = scratch.floats(Geometry.TILE);
    scales.copy(tile, group, factors);
    if (biases == null) {
      Arrays.fill(added, 0f);
    } else {
      biases.copy(tile, group, added);
    }
    for (int i = 0; i < added.length; i++) {
      added[i] -= factors[i] * centre;
    }
    kernels.unpack(plane, tile, column, count, factors, added, out);
  }
}
