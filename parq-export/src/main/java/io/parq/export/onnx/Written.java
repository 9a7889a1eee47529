package io.parq.export.onnx;

import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter.Progress;
import io.parq.export.TensorWork;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Writes the weights of a model, and compares what a reader makes of them with the source. */
final class Written {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /** Values that are compared at a time. */
  private static final int CHUNK = 1 << 18;

  private final ModelSource model;
  private final List<GraphWeights.Placed> placed;
  private final Progress progress;

  Written(ModelSource model, List<GraphWeights.Placed> placed, Progress progress) {
    this.model = model;
    this.placed = placed;
    this.progress = progress;
  }

  private void forEach(Progress half, TensorWork.Work<GraphWeights.Placed> work)
      throws IOException {
    TensorWork.forEach(
        placed, weight -> weight.info().name(), weight -> weight.info().byteSize(), half, work);
  }

  void write(DataFile file) throws IOException {
    forEach(TensorWork.firstHalf(progress), weight -> write(weight, file));
  }

  private void write(GraphWeights.Placed weight, DataFile file) throws IOException {
    Encoding encoding = weight.encoding();
    if (encoding == null) {
      file.write(model.plain(weight.info().name()).data(), weight.codes());
      return;
    }
    WeightBytes bytes = new WeightBytes(encoding, model.quantized(weight.info().name()));
    bytes.writeCodes(file, weight.codes());
    bytes.writeScales(file, weight.scales());
    if (encoding.zeroPoints()) {
      bytes.writeZeroPoints(file, weight.zeroPoints());
    }
  }

  /** Some of a tensor's values, in order. */
  private interface Values {
    void read(long start, float[] out, int from, int length);
  }

  /** Fails at the first value that differs from the source. */
  void check(ModelReader reader) throws IOException {
    forEach(
        TensorWork.secondHalf(
            progress, placed.stream().mapToLong(weight -> weight.info().byteSize()).sum()),
        weight -> {
          String name = weight.info().name();
          compare(
              weight,
              weight.encoding() == null
                  ? model.plain(name)::toFloats
                  : model.quantized(name)::toFloats,
              reader);
        });
  }

  private void compare(GraphWeights.Placed weight, Values expected, ModelReader reader)
      throws IOException {
    long[] shape = weight.info().shape();
    long rows = shape.length == 1 ? 1 : shape[0];
    long columns = shape[shape.length - 1];
    long step = Math.clamp(CHUNK / columns, 1, rows);
    float[] values = new float[(int) Math.min(CHUNK, step * columns)];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment decoded = arena.allocate(step * columns * Float.BYTES, Long.BYTES);
      for (long row = 0; row < rows; row += step) {
        long count = Math.min(step, rows - row);
        reader.read(weight.info().name(), row, count, decoded);
        for (long i = 0; i < count * columns; i += values.length) {
          int length = (int) Math.min(values.length, count * columns - i);
          expected.read(row * columns + i, values, 0, length);
          MemorySegment part = decoded.asSlice(i * Float.BYTES, (long) length * Float.BYTES);
          MemorySegment same =
              MemorySegment.ofArray(values).asSlice(0, (long) length * Float.BYTES);
          long difference = part.mismatch(same);
          if (difference >= 0) {
            long at = difference / Float.BYTES;
            long element = row * columns + i + at;
            throw new IOException(
                "%s: row %d, column %d: trained %s, the file holds %s"
                    .formatted(
                        weight.info().name(),
                        element / columns,
                        element % columns,
                        values[(int) at],
                        part.getAtIndex(FLOAT, at)));
          }
        }
      }
    }
  }
}
