package io.parq.export.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Map;

/** Reads layers out with ONNX Runtime. */
final class OrtLayers {
  private OrtLayers() {}

  /** What a linear layer makes of each unit vector: its weight, row by row. */
  static float[] readLinear(Path folder, int rows, int columns) throws OrtException {
    float[] identity = new float[columns * columns];
    for (int i = 0; i < columns; i++) {
      identity[i * columns + i] = 1;
    }
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    float[] weight = new float[rows * columns];
    try (OrtSession session = session(folder);
        OnnxTensor input =
            OnnxTensor.createTensor(
                environment, FloatBuffer.wrap(identity), new long[] {1, columns, columns});
        OrtSession.Result result = session.run(Map.of("input", input))) {
      float[] transposed = floats(result, "output");
      for (int column = 0; column < columns; column++) {
        for (int row = 0; row < rows; row++) {
          weight[row * columns + column] = transposed[column * rows + row];
        }
      }
    }
    return weight;
  }

  /** The rows of an embedding. */
  static float[] readEmbedding(Path folder, int rows) throws OrtException {
    long[] ids = new long[rows];
    for (int i = 0; i < rows; i++) {
      ids[i] = i;
    }
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OrtSession session = session(folder);
        OnnxTensor input =
            OnnxTensor.createTensor(environment, LongBuffer.wrap(ids), new long[] {1, rows});
        OrtSession.Result result = session.run(Map.of("ids", input))) {
      return floats(result, "output");
    }
  }

  static OrtSession session(Path folder) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      return OrtEnvironment.getEnvironment()
          .createSession(folder.resolve(OnnxWriter.GRAPH).toString(), options);
    }
  }

  static float[] floats(OrtSession.Result result, String name) {
    FloatBuffer buffer = ((OnnxTensor) result.get(name).orElseThrow()).getFloatBuffer();
    float[] values = new float[buffer.remaining()];
    buffer.get(values);
    return values;
  }
}
