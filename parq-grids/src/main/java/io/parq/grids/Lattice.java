package io.parq.grids;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A grid with the fitted scales of one tensor: the very values that the deployed tensor may hold,
 * {@code value = scale * (code - zeroPoint) + offset} for a uniform grid. Scales are already
 * rounded to the scale type. A lattice is refitted in place; it is safe for concurrent use as long
 * as no two threads touch one block and no one fits the whole while others read.
 *
 * <p>The array methods work on a part of one block, or on whole blocks from the given one on, and
 * write only within the given range. Arrays must be long enough; the input may also be the output.
 * NaN gives NaN.
 */
public final class Lattice {
  /** The loops over values, chosen once. */
  static final BlockKernels KERNELS =
      Kernels.choose(
          MethodHandles.lookup(), BlockKernels.class, new ScalarKernels(), "VectorKernels");

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final QuantConfig config;
  private final BlockLayout layout;
  private final long[] shape;
  final float[] scales;
  private final float @Nullable [] zeroPoints;
  private final float @Nullable [] offsets;
  private float tensorScale = 1f;

  private Lattice(QuantConfig config, long[] shape) {
    this.config = config;
    this.shape = shape.clone();
    this.layout = BlockLayout.of(shape, config.granularity());
    int blocks = layout.blocks();
    this.scales = new float[Math.multiplyExact(blocks, config.grid().scalesPerBlock())];
    this.zeroPoints = config.grid().hasZeroPoint() ? new float[blocks] : null;
    this.offsets = config.grid().hasOffset() ? new float[blocks] : null;
    Arrays.fill(scales, config.scaleType().round(1f));
  }

  /**
   * A lattice whose scales are all 1, to be fitted or loaded.
   *
   * @param config grid, granularity, scale type
   * @param shape the tensor's dimensions, 1 to 4 of them; not modified
   * @return the lattice
   * @throws IllegalArgumentException if the granularity does not fit the shape
   */
  public static Lattice unfitted(QuantConfig config, long... shape) {
    return new Lattice(config, shape);
  }

  /** {@return grid, granularity and scale type} */
  public QuantConfig config() {
    return config;
  }

  /** {@return the grid} */
  public Grid grid() {
    return config.grid();
  }

  /** {@return what the scales are rounded to} */
  public ScaleType scaleType() {
    return config.scaleType();
  }

  /** {@return how blocks lie in the tensor} */
  public BlockLayout layout() {
    return layout;
  }

  /** {@return the tensor's dimensions, a copy} */
  public long[] shape() {
    return shape.clone();
  }

  /** {@return the scales, {@code blocks * scalesPerBlock}, block by block: the live array} */
  public float[] scales() {
    return scales;
  }

  /** {@return the zero points, one a block: the live array, or null if the grid has none} */
  public float @Nullable [] zeroPoints() {
    return zeroPoints;
  }

  /**
   * {@return what is added to values, one a block: the live array, or null if the grid has none}
   */
  public float @Nullable [] offsets() {
    return offsets;
  }

  /**
   * {@return the scale of the whole tensor that e4m3 block scales are multiples of; otherwise 1}
   */
  public float tensorScale() {
    return tensorScale;
  }

  float zeroPoint(int block) {
    return zeroPoints == null ? 0f : zeroPoints[block];
  }

  void zeroPoint(int block, float value) {
    if (zeroPoints != null) {
      zeroPoints[block] = value;
    }
  }

  float offset(int block) {
    return offsets == null ? 0f : offsets[block];
  }

  void offset(int block, float value) {
    if (offsets != null) {
      offsets[block] = value;
    }
  }

  /** Rounds and stores a scale; e4m3 scales are rounded later, once the tensor's scale is known. */
  float setScale(int index, float raw) {
    if (!(raw < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("scale " + index + " is " + raw + ", expected finite");
    }
    float scale = scaleType() == ScaleType.E4M3 ? raw : scaleType().round(raw);
    scales[index] = scale;
    return scale;
  }

  /**
   * {@return whether one block can be fitted without the others} Not so if the tensor is a single
   * block, or if its scales are multiples of one tensor scale (e4m3).
   */
  public boolean fitsByBlock() {
    return layout.blocks() > 1 && scaleType() != ScaleType.E4M3;
  }

  /**
   * Fits all blocks.
   *
   * @param values the tensor's floats, row-major, native byte order; not modified
   * @throws IllegalArgumentException if the size differs from the layout's or a value is not
   *     finite; the message names its index, and the lattice is then unusable until fitted again
   */
  public void fit(MemorySegment values) {
    fit(values, null);
  }

  /**
   * Fits all blocks, weighting each column's squared error where the grid's fit minimizes one.
   *
   * @param values the tensor's floats, row-major, native byte order; not modified
   * @param importance a non-negative weight for each column, or null for equal ones; not modified
   * @throws IllegalArgumentException as the unweighted fit, or if the importance has another length
   *     than a row, or a grid is fitted by another rule than least squared error
   */
  public void fit(MemorySegment values, float @Nullable [] importance) {
    checkSize(values);
    ErrorOptimalScale.checkImportance(importance, grid(), layout.columns());
    int length = layout.blockLength();
    float[] x = new float[length];
    float[] weights = importance == null ? null : new float[length];
    float largest = 0f;
    for (int block = 0; block < layout.blocks(); block++) {
      long start = layout.start(block);
      MemorySegment.copy(values, FLOAT, 4 * start, x, 0, length);
      float own = checkFinite(x, 0, length, start);
      largest = Math.max(largest, own);
      if (importance != null && weights != null) {
        for (int i = 0; i < length; i++) {
          weights[i] = importance[(int) ((start + i) % layout.columns())];
        }
      }
      grid().fit(x, 0, length, own, weights, this, block);
    }
    if (scaleType() == ScaleType.E4M3) {
      roundTwoLevel(largest);
    }
  }

  private void roundTwoLevel(float largestValue) {
    float scale = grid().tensorScale(KERNELS.max(scales, 0, scales.length), largestValue);
    tensorScale = Math.max(scale, Float.MIN_NORMAL);
    for (int i = 0; i < scales.length; i++) {
      scales[i] = tensorScale * ScaleType.E4M3.round(scales[i] / tensorScale);
    }
  }

  /**
   * Fits whole blocks.
   *
   * @param block the first of them
   * @param x holds the blocks' values from {@code from}; not modified
   * @param from index of the first
   * @param length number of values, a multiple of the block length
   * @throws IllegalArgumentException if a value is not finite
   * @throws IllegalStateException unless {@link #fitsByBlock()}
   */
  public void fitBlocks(int block, float[] x, int from, int length) {
    if (!fitsByBlock()) {
      throw new IllegalStateException(config + " is fitted to the whole tensor only");
    }
    int size = layout.blockLength();
    if (grid() instanceof UniformGrid uniform && uniform.fitsMagnitudes()) {
      MagnitudeFit.fit(uniform, this, block, x, from, length / size);
      return;
    }
    for (int done = 0, b = block; done < length; done += size, b++) {
      float largest = checkFinite(x, from + done, size, layout.start(b));
      grid().fit(x, from + done, size, largest, null, this, b);
    }
  }

  /**
   * Rounds values to the nearest level.
   *
   * @param block the block that the first belongs to
   * @param x values
   * @param from index of the first
   * @param length number of values
   * @param q receives the levels as floats, fastest into native memory; modified. May be x's array
   * @param at index of the first level
   */
  public void nearest(int block, float[] x, int from, int length, MemorySegment q, long at) {
    grid().nearest(this, block, x, from, length, q, at);
  }

  /**
   * Finds the levels around values: {@code lower < x <= upper}, or twice the end level outside the
   * range (and at the lowest level).
   *
   * @param block the block that the first belongs to
   * @param x values; not modified
   * @param from index of the first
   * @param length number of values
   * @param lower receives the lower levels; modified
   * @param upper receives the upper levels; modified
   * @param at index of the first level, in both arrays
   */
  public void interval(
      int block, float[] x, int from, int length, float[] lower, float[] upper, int at) {
    grid().interval(this, block, x, from, length, lower, upper, at);
  }

  /**
   * Moves values away from the middle of the levels around them, until they reach one: {@code q =
   * clamp(centre + (x - centre) / inverseSlope, lower, upper)} with {@link #interval}'s levels and
   * {@code centre = (lower + upper) / 2}.
   *
   * @param block the block that the first belongs to
   * @param x values; not modified
   * @param from index of the first
   * @param length number of values
   * @param inverseSlope above 0, at most 1
   * @param q receives what they become as floats, fastest into native memory; modified
   * @param at index of the first of these
   * @param lower overwritten from index 0
   * @param upper overwritten from index 0
   */
  public void piecewise(
      int block,
      float[] x,
      int from,
      int length,
      float inverseSlope,
      MemorySegment q,
      long at,
      float[] lower,
      float[] upper) {
    if (grid() instanceof UniformGrid uniform && uniform.isPiecewise(inverseSlope)) {
      KERNELS.piecewise(uniform, this, block, x, from, length, inverseSlope, q, at);
    } else {
      interval(block, x, from, length, lower, upper, 0);
      KERNELS.piecewise(x, from, length, inverseSlope, lower, upper, 0);
      MemorySegment.copy(upper, 0, q, ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * at, length);
    }
  }

  /**
   * Rounds values to the codes of their nearest levels.
   *
   * @param block the block that the first belongs to
   * @param x values; not modified
   * @param from index of the first
   * @param length number of values
   * @param codes receives the codes; modified
   * @param codesFrom index of the first
   */
  public void codes(int block, float[] x, int from, int length, byte[] codes, int codesFrom) {
    grid().codes(this, block, x, from, length, codes, codesFrom);
  }

  /**
   * Looks up the values of codes.
   *
   * @param block the block that the first belongs to
   * @param codes codes between the grid's smallest and largest; not modified
   * @param codesFrom index of the first
   * @param length number of codes
   * @param out receives the values; modified
   * @param from index of the first
   */
  public void values(int block, byte[] codes, int codesFrom, int length, float[] out, int from) {
    grid().values(this, block, codes, codesFrom, length, out, from);
  }

  /**
   * {@return the levels of a block, ascending, a new array}
   *
   * @param block the block
   */
  public float[] levels(int block) {
    float[] levels = new float[grid().levelCount()];
    grid().levels(this, block, levels);
    return levels;
  }

  /** {@return everything fitted, as F32 tensors that are views of it, and the configuration} */
  public NamedTensors state() {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    tensors.put("scales", TensorData.of(scales, scales.length));
    if (zeroPoints != null) {
      tensors.put("zero_points", TensorData.of(zeroPoints, zeroPoints.length));
    }
    if (offsets != null) {
      tensors.put("offsets", TensorData.of(offsets, offsets.length));
    }
    tensors.put("tensor_scale", TensorData.of(new float[] {tensorScale}, 1));
    return new NamedTensors(tensors, Map.of("config", config.toString()));
  }

  /**
   * Takes over what {@link #state} gave. Nothing changes if it is refused.
   *
   * @param state tensors scales, zero_points, offsets (as far as the grid has them), tensor_scale
   * @throws IllegalArgumentException if the configuration differs, or a tensor is missing or has
   *     another size
   */
  public void load(NamedTensors state) {
    String found = state.values().get("config");
    if (!config.toString().equals(found)) {
      throw new IllegalArgumentException("lattice of " + found + ", expected " + config);
    }
    float[] newScales = tensor(state, "scales", scales.length);
    float[] newZeroPoints =
        zeroPoints == null ? null : tensor(state, "zero_points", zeroPoints.length);
    float[] newOffsets = offsets == null ? null : tensor(state, "offsets", offsets.length);
    tensorScale = tensor(state, "tensor_scale", 1)[0];
    System.arraycopy(newScales, 0, scales, 0, scales.length);
    if (zeroPoints != null && newZeroPoints != null) {
      System.arraycopy(newZeroPoints, 0, zeroPoints, 0, zeroPoints.length);
    }
    if (offsets != null && newOffsets != null) {
      System.arraycopy(newOffsets, 0, offsets, 0, offsets.length);
    }
  }

  private static float[] tensor(NamedTensors state, String name, int length) {
    TensorData tensor = state.tensors().get(name);
    if (tensor == null || tensor.elements() != length) {
      throw new IllegalArgumentException(
          "lattice state '%s': found %s, expected %d floats".formatted(name, tensor, length));
    }
    return tensor.toFloats();
  }

  void checkSize(MemorySegment values) {
    if (values.byteSize() != Math.multiplyExact(layout.size(), 4L)) {
      throw new IllegalArgumentException(
          "%d bytes of floats for shape %s, expected %d"
              .formatted(values.byteSize(), Arrays.toString(shape), 4 * layout.size()));
    }
  }

  /** Returns the largest magnitude. */
  static float checkFinite(float[] x, int from, int length, long start) {
    float largest = KERNELS.absMax(x, from, length, 0f);
    if (!(largest < Float.POSITIVE_INFINITY)) {
      int i = from;
      while (Float.isFinite(x[i])) {
        i++;
      }
      throw new IllegalArgumentException(
          "value at index %d is %s, expected finite".formatted(start + i - from, x[i]));
    }
    return largest;
  }
}
