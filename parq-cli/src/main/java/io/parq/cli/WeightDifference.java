package io.parq.cli;

import io.parq.export.ModelReader;
import io.parq.export.ModelReader.Stored;
import io.parq.export.ModelWriter;
import io.parq.export.Rows;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How far two tensors of one name are apart.
 *
 * @param name of the tensor
 * @param problem why there are no numbers, or null
 * @param changed elements that are not the same number
 * @param elements all elements
 * @param largest the largest difference
 * @param relative root of the sum of squared differences, divided by that of the first's squares
 */
record WeightDifference(
    String name,
    @Nullable String problem,
    long changed,
    long elements,
    double largest,
    double relative) {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final long PIECE = 1 << 20;

  boolean isEqual() {
    return problem == null && changed == 0;
  }

  /** Compares all tensors of both models, a piece at a time. */
  static List<WeightDifference> of(ModelReader a, ModelReader b, ModelWriter.Progress progress)
      throws IOException {
    Map<String, Stored> others = new LinkedHashMap<>();
    b.tensors().forEach(tensor -> others.put(tensor.name(), tensor));
    List<WeightDifference> differences = new ArrayList<>();
    long total = a.tensors().stream().mapToLong(Stored::bytes).sum();
    long done = 0;
    for (Stored tensor : a.tensors()) {
      progress.at(done, total, tensor.name());
      Stored other = others.remove(tensor.name());
      String name = tensor.name();
      if (other == null) {
        differences.add(without(name, "only in A"));
      } else if (!other.shape().equals(tensor.shape())) {
        differences.add(without(name, "shapes %s and %s".formatted(tensor.shape(), other.shape())));
      } else {
        differences.add(between(tensor, a, b));
      }
      done += tensor.bytes();
    }
    others.keySet().forEach(name -> differences.add(without(name, "only in B")));
    return differences;
  }

  private static WeightDifference without(String name, String problem) {
    return new WeightDifference(name, problem, 0, 0, 0, 0);
  }

  private static WeightDifference between(Stored tensor, ModelReader a, ModelReader b)
      throws IOException {
    Rows rows = Rows.of(tensor.shape().stream().mapToLong(Long::longValue).toArray());
    long step = Math.clamp(PIECE / Math.max(1, rows.columns()), 1, Math.max(1, rows.rows()));
    long changed = 0;
    double largest = 0;
    double squares = 0;
    double norm = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment left = arena.allocate(4 * step * rows.columns(), Long.BYTES);
      MemorySegment right = arena.allocate(4 * step * rows.columns(), Long.BYTES);
      for (long row = 0; row < rows.rows(); row += step) {
        long count = Math.min(step, rows.rows() - row);
        long elements = count * rows.columns();
        a.read(tensor.name(), row, count, left.asSlice(0, 4 * elements));
        b.read(tensor.name(), row, count, right.asSlice(0, 4 * elements));
        for (long i = 0; i < elements; i++) {
          double x = left.getAtIndex(FLOAT, i);
          double difference = x - right.getAtIndex(FLOAT, i);
          changed += difference == 0 ? 0 : 1;
          largest = Math.max(largest, Math.abs(difference));
          squares += difference * difference;
          norm += x * x;
        }
      }
    }
    double relative = squares == 0 ? 0 : Math.sqrt(squares / norm);
    long elements = rows.rows() * rows.columns();
    return new WeightDifference(tensor.name(), null, changed, elements, largest, relative);
  }

  @Override
  public String toString() {
    if (problem != null) {
      return problem;
    }
    return changed == 0
        ? "equal"
        : String.format(
            Locale.ROOT,
            "%5.1f %% differ, by %.3g at most, %.3g relative",
            100.0 * changed / elements,
            largest,
            relative);
  }
}
