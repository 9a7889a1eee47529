package io.parq.benchmarks;

import io.parq.optim.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The shapes that optimizers step over. Matrices are linear layers, vectors are norms.
 *
 * @param name what it is called in tables
 * @param shapes of the tensors
 */
record Model(String name, List<Shape> shapes) {
  /** 2^25 weights in two matrices: more than any cache holds. */
  static final Model LARGE =
      new Model("large", List.of(Shape.of(4096, 4096), Shape.of(4096, 4096)));

  /** 3.3 million weights in 200 tensors, where the cost of a tensor counts. */
  static final Model SMALL = new Model("small", layers(25, 128));

  /** For tests. */
  static final Model TINY = new Model("tiny", layers(2, 128));

  /**
   * Dimensions.
   *
   * @param rows 1 for a vector
   * @param columns elements in a row
   * @param isVector whether it has one dimension only
   */
  record Shape(int rows, int columns, boolean isVector) {
    static Shape of(int rows, int columns) {
      return new Shape(rows, columns, false);
    }

    static Shape vector(int columns) {
      return new Shape(1, columns, true);
    }

    long size() {
      return Math.multiplyExact((long) rows, columns);
    }

    long[] dimensions() {
      return isVector ? new long[] {columns} : new long[] {rows, columns};
    }

    Parameter.Kind kind() {
      return isVector ? Parameter.Kind.NORM : Parameter.Kind.LINEAR;
    }
  }

  /** Decoder layers without biases, eight tensors each. */
  private static List<Shape> layers(int count, int width) {
    List<Shape> shapes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Stream.generate(() -> Shape.of(width, width)).limit(4).forEach(shapes::add);
      shapes.add(Shape.of(2 * width, width));
      shapes.add(Shape.of(width, 2 * width));
      shapes.add(Shape.vector(width));
      shapes.add(Shape.vector(width));
    }
    return List.copyOf(shapes);
  }

  /** {@return the number of weights} */
  long size() {
    return shapes.stream().mapToLong(Shape::size).sum();
  }

  /** {@return the number of weights in matrices, which are quantized} */
  long quantizedSize() {
    return shapes.stream().filter(shape -> !shape.isVector()).mapToLong(Shape::size).sum();
  }

  /**
   * {@return the model of a name}
   *
   * @param name large, small or tiny
   */
  static Model named(String name) {
    return Stream.of(LARGE, SMALL, TINY)
        .filter(model -> model.name.equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException("model " + name + ", expected large, small or tiny"));
  }
}
