package io.parq.export;

import io.parq.export.ModelReader.Stored;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Where two models differ. Values are compared bit for bit, but zeros may have either sign.
 *
 * @param tensor the name of the tensor
 * @param row the row, or -1 if the tensor as a whole is another or missing
 * @param column the column, or -1 as the row
 * @param expected the value, or what the tensor is
 * @param found the value, or what the tensor is
 */
public record Difference(String tensor, long row, long column, String expected, String found) {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final long PIECE = 1 << 20;
  private static final String HEAD = "lm_head.weight";
  private static final String EMBEDDING = "model.embed_tokens.weight";

  /**
   * Compares all tensors. A head that only one of the two models has is compared with the other's
   * embedding, to which it is tied.
   *
   * @param expected what should be there
   * @param found what is there, in any order
   * @param progress told of each tensor; bytes count as single precision
   * @return the first difference in the order of {@code expected}, or null if there is none
   * @throws IOException if a tensor cannot be read
   */
  public static @Nullable Difference first(
      ModelReader expected, ModelReader found, ModelWriter.Progress progress) throws IOException {
    List<Pair> pairs = pairs(byName(expected), byName(found));
    AtomicReferenceArray<Difference> differences = new AtomicReferenceArray<>(pairs.size());
    AtomicInteger first = new AtomicInteger(pairs.size());
    TensorWork.forEach(
        IntStream.range(0, pairs.size()).boxed().toList(),
        index -> pairs.get(index).name(),
        index -> pairs.get(index).bytes(),
        progress,
        index -> {
          if (index < first.get()) {
            Difference difference = between(pairs.get(index), expected, found);
            if (difference != null) {
              differences.set(index, difference);
              first.accumulateAndGet(index, Math::min);
            }
          }
        });
    long total = pairs.stream().mapToLong(Pair::bytes).sum();
    progress.at(total, total, "");
    return first.get() < pairs.size() ? differences.get(first.get()) : null;
  }

  /** Tensors to be compared; null for one that is missing. */
  private record Pair(@Nullable Stored wanted, @Nullable Stored other) {
    private Stored any() {
      return wanted == null ? Objects.requireNonNull(other) : wanted;
    }

    String name() {
      return any().name();
    }

    long bytes() {
      return 4 * TensorData.elements(shape(any()));
    }
  }

  private static List<Pair> pairs(Map<String, Stored> wanted, Map<String, Stored> found) {
    List<Pair> pairs = new ArrayList<>();
    Map<String, Stored> others = new LinkedHashMap<>(found);
    for (Stored tensor : wanted.values()) {
      Stored other = others.remove(tensor.name());
      boolean tied = other == null && tensor.name().equals(HEAD);
      pairs.add(new Pair(tensor, tied ? found.get(EMBEDDING) : other));
    }
    for (Stored extra : others.values()) {
      pairs.add(new Pair(extra.name().equals(HEAD) ? wanted.get(EMBEDDING) : null, extra));
    }
    return pairs;
  }

  /**
   * Compares a written model with what was to be written.
   *
   * @param model what was to be written; not closed
   * @param written what was written
   * @param progress told of each tensor
   * @throws IOException if they differ, or a tensor cannot be read
   */
  @SuppressWarnings("resource") // the model is the caller's
  public static void check(ModelSource model, ModelReader written, ModelWriter.Progress progress)
      throws IOException {
    Difference difference = first(new SourceReader(model), written, progress);
    if (difference != null) {
      throw new IOException("what was written differs: " + difference);
    }
  }

  private static Map<String, Stored> byName(ModelReader reader) {
    Map<String, Stored> tensors = new LinkedHashMap<>();
    reader.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    return tensors;
  }

  private static long[] shape(Stored tensor) {
    return tensor.shape().stream().mapToLong(Long::longValue).toArray();
  }

  private static @Nullable Difference between(Pair pair, ModelReader expected, ModelReader found)
      throws IOException {
    Stored tensor = pair.wanted();
    Stored other = pair.other();
    if (tensor == null || other == null || !other.shape().equals(tensor.shape())) {
      return new Difference(pair.name(), -1, -1, describe(tensor), describe(other));
    }
    Rows rows = Rows.of(shape(tensor));
    long step = Math.clamp(PIECE / Math.max(1, rows.columns()), 1, Math.max(1, rows.rows()));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment left = arena.allocate(4 * step * rows.columns(), Long.BYTES);
      MemorySegment right = arena.allocate(4 * step * rows.columns(), Long.BYTES);
      for (long row = 0; row < rows.rows() && rows.columns() > 0; row += step) {
        long count = Math.min(step, rows.rows() - row);
        MemorySegment a = left.asSlice(0, 4 * count * rows.columns());
        MemorySegment b = right.asSlice(0, a.byteSize());
        expected.read(tensor.name(), row, count, a);
        found.read(other.name(), row, count, b);
        long index = mismatch(a, b);
        if (index >= 0) {
          return new Difference(
              other.name(),
              row + index / rows.columns(),
              index % rows.columns(),
              Float.toString(a.getAtIndex(FLOAT, index)),
              Float.toString(b.getAtIndex(FLOAT, index)));
        }
      }
    }
    return null;
  }

  private static String describe(@Nullable Stored tensor) {
    return tensor == null ? "no such tensor" : tensor.shape().toString();
  }

  /** {@return the first index where values differ, or -1} */
  private static long mismatch(MemorySegment a, MemorySegment b) {
    long end = a.byteSize();
    long offset = 0;
    while (offset < end) {
      long different = MemorySegment.mismatch(a, offset, end, b, offset, end);
      if (different < 0) {
        return -1;
      }
      offset += different - different % 4;
      float left = a.get(FLOAT, offset);
      float right = b.get(FLOAT, offset);
      if (left != right && !(Float.isNaN(left) && Float.isNaN(right))) {
        return offset / 4;
      }
      offset += 4;
    }
    return -1;
  }

  /** {@return tensor, row, column and both values, as a sentence} */
  @Override
  public String toString() {
    return row < 0
        ? "%s: found %s, expected %s".formatted(tensor, found, expected)
        : "%s, row %d, column %d: found %s, expected %s"
            .formatted(tensor, row, column, found, expected);
  }
}
