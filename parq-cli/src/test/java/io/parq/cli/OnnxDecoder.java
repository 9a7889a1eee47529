package io.parq.cli;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Runs an exported decoder in ONNX Runtime, keeping keys and values between calls. */
final class OnnxDecoder implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private OrtSession.Result last;

  OnnxDecoder(Path folder) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      session = environment.createSession(folder.resolve("model.onnx").toString(), options);
    }
  }

  /** Of all inputs and outputs. */
  Set<String> names() {
    Set<String> names = new HashSet<>(session.getInputNames());
    names.addAll(session.getOutputNames());
    return names;
  }

  void forget() {
    if (last != null) {
      last.close();
      last = null;
    }
  }

  /** Logits [batch, token, vocabulary] of new tokens that follow those of earlier calls. */
  float[] logits(long[][] ids, int past) throws OrtException {
    long[][] mask = new long[ids.length][past + ids[0].length];
    Arrays.stream(mask).forEach(row -> Arrays.fill(row, 1));
    return logits(ids, mask, past);
  }

  /** The same with padding on the left, where the mask is 0. */
  float[] logits(long[][] ids, long[][] mask, int past) throws OrtException {
    int batch = ids.length;
    int tokens = ids[0].length;
    long[][] positions = new long[batch][tokens];
    for (int row = 0; row < batch; row++) {
      long position = 0;
      for (int i = 0; i < past + tokens; i++) {
        if (i >= past) {
          positions[row][i - past] = position;
        }
        position += mask[row][i];
      }
    }
    List<OnnxTensor> made = new ArrayList<>();
    Map<String, OnnxTensor> inputs = new HashMap<>();
    inputs.put("input_ids", integers(ids, made));
    inputs.put("attention_mask", integers(mask, made));
    inputs.put("position_ids", integers(positions, made));
    for (String name : session.getInputNames()) {
      if (name.startsWith("past_key_values.")) {
        inputs.put(name, past(name, batch, made));
      }
    }
    OrtSession.Result result = session.run(inputs);
    made.forEach(OnnxTensor::close);
    forget();
    last = result;
    FloatBuffer logits = ((OnnxTensor) result.get("logits").orElseThrow()).getFloatBuffer();
    float[] values = new float[logits.remaining()];
    logits.get(values);
    return values;
  }

  private OnnxTensor past(String name, int batch, List<OnnxTensor> made) throws OrtException {
    if (last != null) {
      return (OnnxTensor) last.get(name.replace("past_key_values", "present")).orElseThrow();
    }
    long[] shape = ((TensorInfo) session.getInputInfo().get(name).getInfo()).getShape();
    long[] empty = {batch, shape[1], 0, shape[3]};
    OnnxTensor tensor = OnnxTensor.createTensor(environment, FloatBuffer.wrap(new float[0]), empty);
    made.add(tensor);
    return tensor;
  }

  private OnnxTensor integers(long[][] values, List<OnnxTensor> made) throws OrtException {
    long[] flat = Arrays.stream(values).flatMapToLong(Arrays::stream).toArray();
    OnnxTensor tensor =
        OnnxTensor.createTensor(
            environment, LongBuffer.wrap(flat), new long[] {values.length, values[0].length});
    made.add(tensor);
    return tensor;
  }

  @Override
  public void close() throws OrtException {
    forget();
    session.close();
  }
}
