package io.parq.export.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.parq.export.Configs;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import onnx.Onnx.TensorProto.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data beyond 2 GB, in a file that is mostly a hole. */
class LargeDataTest {
  private static final long FAR = 5_000_000_000L;

  @TempDir Path folder;

  @Test
  void weightsBeyondTwoGigabytesAreInTheirPlace() throws Exception {
    int rows = 8;
    int columns = 16;
    float[] weights = Configs.weights(rows * columns, 1);
    long place = DataFile.align(FAR, 4L * weights.length);
    try (DataFile data = new DataFile(folder.resolve("far.data"), 0)) {
      data.write(MemorySegment.ofArray(weights), place);
      data.force();
    }
    GraphBuilder graph = new GraphBuilder("far");
    graph.initializer(
        GraphBuilder.external(
            "w", DataType.FLOAT, "far.data", place, 4L * weights.length, rows, columns));
    String x = graph.input("input", DataType.FLOAT, "batch", "token", columns);
    String w =
        graph.add("Transpose", List.of("w"), GraphBuilder.attribute("perm", new long[] {1, 0}));
    String y = graph.add("MatMul", List.of(x, w));
    graph.output("output", y, DataType.FLOAT, "batch", "token", rows);
    Files.write(folder.resolve(OnnxWriter.GRAPH), graph.model().toByteArray());
    assertArrayEquals(weights, read(rows, columns));
    assertArrayEquals(weights, OrtLayers.readLinear(folder, rows, columns));
  }

  private float[] read(int rows, int columns) throws IOException {
    float[] read = new float[rows * columns];
    try (OnnxReader reader = OnnxReader.open(folder)) {
      reader.read("w", 0, rows, MemorySegment.ofArray(read));
    }
    return read;
  }
}
