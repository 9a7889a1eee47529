package io.parq.optim;

import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * One trained tensor: its name and role, and the memory that holds its weights and its gradient.
 * The memory belongs to the caller (a heap array, native memory, a mapped file, a CPU tensor's own
 * storage); optimizers read the gradient and write the weights in place.
 *
 * <p>A tensor that the model uses under several names is one parameter with aliases; {@link
 * ParamGroup#assign} recognizes such tied parameters by their memory.
 */
public final class Parameter {
  /** What a parameter does in its model; filters choose by it. */
  public enum Kind {
    /** The matrix of a linear layer, one row for each output. */
    LINEAR,
    /** An embedding table, one row for each entry. */
    EMBEDDING,
    /** A convolution's filters; the first dimension counts output channels. */
    CONVOLUTION,
    /** Scale or shift of a normalization. */
    NORM,
    /** A bias. */
    BIAS,
    /** Anything else. */
    OTHER
  }

  private static final Thread ANY_THREAD = Thread.ofPlatform().unstarted(() -> {});

  private final String name;
  private final Kind kind;
  private final long[] shape;
  private final MemorySegment weights;
  private final MemorySegment gradient;
  private final List<String> aliases;

  /**
   * Describes a parameter over existing memory.
   *
   * @param name unique within an optimizer, not blank
   * @param kind its role
   * @param shape dimensions, each at least 1; none for a scalar; copied
   * @param weights exactly the shape's floats, row-major, native byte order, aligned to 4 bytes,
   *     writable, open to all threads; kept, written by optimizers
   * @param gradient as the weights; kept, read by optimizers and written by gradient clipping
   * @throws IllegalArgumentException if the name is blank, a dimension is below 1, or a segment has
   *     another size, is misaligned, confined to a thread or read-only; the message names the
   *     parameter
   */
  public Parameter(
      String name, Kind kind, long[] shape, MemorySegment weights, MemorySegment gradient) {
    this(name, kind, shape, weights, gradient, List.of());
  }

  private Parameter(
      String name,
      Kind kind,
      long[] shape,
      MemorySegment weights,
      MemorySegment gradient,
      List<String> aliases) {
    if (name.isBlank()) {
      throw new IllegalArgumentException("parameter name is blank");
    }
    this.name = name;
    this.kind = Objects.requireNonNull(kind);
    this.shape = shape.clone();
    this.weights = weights;
    this.gradient = gradient;
    this.aliases = List.copyOf(aliases);
    for (long dimension : shape) {
      if (dimension < 1) {
        throw new IllegalArgumentException(
            "%s: dimension %d in shape %s, expected at least 1"
                .formatted(name, dimension, Arrays.toString(shape)));
      }
    }
    check("weights", weights);
    check("gradient", gradient);
  }

  private void check(String what, MemorySegment memory) {
    long bytes = Math.multiplyExact(size(), 4L);
    if (memory.byteSize() != bytes) {
      throw new IllegalArgumentException(
          "%s: %s of %d bytes, expected %d for shape %s"
              .formatted(name, what, memory.byteSize(), bytes, Arrays.toString(shape)));
    }
    if (memory.maxByteAlignment() < 4) {
      throw new IllegalArgumentException(
          "%s: %s aligned to %d bytes, expected 4 or more"
              .formatted(name, what, memory.maxByteAlignment()));
    }
    if (!memory.isAccessibleBy(ANY_THREAD)) {
      throw new IllegalArgumentException(
          "%s: %s of a confined arena, expected memory that all threads may access"
              .formatted(name, what));
    }
    if (memory.isReadOnly()) {
      throw new IllegalArgumentException(
          "%s: %s are read-only, expected writable memory".formatted(name, what));
    }
  }

  /**
   * A parameter over heap arrays.
   *
   * @param name unique within an optimizer, not blank
   * @param kind its role
   * @param weights the elements, row-major; kept, written by optimizers
   * @param gradient the gradient's elements; kept
   * @param shape dimensions, each at least 1; copied
   * @return the parameter
   * @throws IllegalArgumentException as the constructor
   */
  public static Parameter of(
      String name, Kind kind, float[] weights, float[] gradient, long... shape) {
    return new Parameter(
        name, kind, shape, MemorySegment.ofArray(weights), MemorySegment.ofArray(gradient));
  }

  /** The same parameter, known under other names too. */
  Parameter withAliases(List<String> names) {
    return new Parameter(name, kind, shape, weights, gradient, names);
  }

  /** {@return the name} */
  public String name() {
    return name;
  }

  /** {@return the other names of a tied parameter, in the order in which they were met} */
  public List<String> aliases() {
    return aliases;
  }

  /** {@return the role} */
  public Kind kind() {
    return kind;
  }

  /** {@return the dimensions, a copy} */
  public long[] shape() {
    return shape.clone();
  }

  /** {@return the number of elements} */
  public long size() {
    return TensorData.elements(shape);
  }

  /** {@return the memory of the weights, not a copy} */
  public MemorySegment weights() {
    return weights;
  }

  /** {@return the memory of the gradient, not a copy} */
  public MemorySegment gradient() {
    return gradient;
  }

  /** Elements in a row of the matrix that the first dimension indexes; all of them below rank 2. */
  private long columns() {
    return shape.length < 2 ? size() : size() / shape[0];
  }

  /** {@return the row of a flat index} */
  long row(long index) {
    return index / columns();
  }

  /** {@return the column of a flat index} */
  long column(long index) {
    return index % columns();
  }

  @Override
  public String toString() {
    return name + Arrays.toString(shape);
  }
}
