package io.parq.export;

import io.parq.export.ModelReader.Stored;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
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
  /** Elements that are compared at once, so few that caches hold them; more if a row is longer. */
  private static final long PIECE = 1 << 15;

  private static final String WRONG = "what was written differs: ";
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
   * Compares a written tensor with what was to be written.
   *
   * @param tensor name and shape
   * @param trained what was to be written
   * @param stored what the reader has, by name
   * @param written the reader
   * @throws IOException if they differ, or the tensor cannot be read
   */
  static void check(
      TensorInfo tensor, TensorValues trained, Map<String, Stored> stored, ModelReader written)
      throws IOException {
    String name = tensor.name();
    Rows rows = Rows.of(tensor.shape());
    Stored other = stored.get(name);
    if (other == null || !Arrays.equals(shape(other), tensor.shape())) {
      String expected = Arrays.toString(tensor.shape());
      throw new IOException(WRONG + new Difference(name, -1, -1, expected, describe(other)));
    }
    Difference difference =
        between(
            name,
            rows,
            (row, count, out) ->
                trained.toFloats(
                    row * rows.columns(), out, 0, Math.toIntExact(count * rows.columns())),
            reading(name, rows, written));
    if (difference != null) {
      throw new IOException(WRONG + difference);
    }
  }

  /** {@return what a reader has} */
  static Map<String, Stored> byName(ModelReader reader) {
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
    return between(
        other.name(),
        rows,
        reading(tensor.name(), rows, expected),
        reading(other.name(), rows, found));
  }

  /** Decodes some rows to the beginning of an array. */
  private interface Reading {
    void read(long row, long count, float[] out) throws IOException;
  }

  private static Reading reading(String name, Rows rows, ModelReader reader) {
    return (row, count, out) ->
        reader.read(
            name,
            row,
            count,
            MemorySegment.ofArray(out).asSlice(0, Float.BYTES * count * rows.columns()));
  }

  private static @Nullable Difference between(
      String name, Rows rows, Reading expected, Reading found) throws IOException {
    long step = Math.clamp(PIECE / Math.max(1, rows.columns()), 1, Math.max(1, rows.rows()));
    float[] left = new float[Math.toIntExact(step * rows.columns())];
    float[] right = new float[left.length];
    for (long row = 0; row < rows.rows() && rows.columns() > 0; row += step) {
      long count = Math.min(step, rows.rows() - row);
      expected.read(row, count, left);
      found.read(row, count, right);
      int index = mismatch(left, right, (int) (count * rows.columns()));
      if (index >= 0) {
        return new Difference(
            name,
            row + index / rows.columns(),
            index % rows.columns(),
            Float.toString(left[index]),
            Float.toString(right[index]));
      }
    }
    return null;
  }

  private static String describe(@Nullable Stored tensor) {
    return tensor == null ? "no such tensor" : tensor.shape().toString();
  }

  /** {@return the first index where values differ, or -1} */
  private static int mismatch(float[] a, float[] b, int length) {
    int i = 0;
    while (i < length) {
      int different = Arrays.mismatch(a, i, length, b, i, length);
      if (different < 0) {
        return -1;
      }
      i += different;
      if (a[i] != b[i] && !(Float.isNaN(a[i]) && Float.isNaN(b[i]))) {
        return i;
      }
      i++;
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
