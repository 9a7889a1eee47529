package io.parq.torch.train;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import io.parq.optim.Optimizer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * What a checkpoint holds: the optimizer's state, weights included, under {@code optimizer/}; the
 * step, the position in the data and LibTorch's random state; and what the data and batches were,
 * which must be the same when training goes on.
 */
final class RunState {
  static final String OPTIMIZER = "optimizer/";
  static final String STEP = "train/step";
  private static final String POSITION = "train/position";
  private static final String RANDOM = "train/random";

  private RunState() {}

  static NamedTensors of(long step, Batches batches, int accumulation, Optimizer optimizer) {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    Map<String, String> values = settings(batches, accumulation);
    values.put(STEP, Long.toString(step));
    values.put(POSITION, Long.toString(batches.position()));
    byte[] random = randomState();
    tensors.put(
        RANDOM,
        new TensorData(DType.U8, new long[] {random.length}, MemorySegment.ofArray(random)));
    NamedTensors state = optimizer.state();
    state.tensors().forEach((name, tensor) -> tensors.put(OPTIMIZER + name, tensor));
    state.values().forEach((name, value) -> values.put(OPTIMIZER + name, value));
    return new NamedTensors(tensors, values);
  }

  private static Map<String, String> settings(Batches batches, int accumulation) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("train/data", batches.data().size() + " tokens " + batches.data().checksum());
    settings.put("train/sequence_length", Integer.toString(batches.sequenceLength()));
    settings.put("train/batch_size", Integer.toString(batches.batchSize()));
    settings.put("train/accumulation", Integer.toString(accumulation));
    settings.put("train/seed", Long.toString(batches.seed()));
    return settings;
  }

  /** Restores everything; {@return the step} Nothing has changed if the file does not fit. */
  static long load(Path file, Batches batches, int accumulation, Optimizer optimizer)
      throws IOException {
    try (SafetensorsReader reader = SafetensorsReader.open(file)) {
      Map<String, String> values = reader.metadata();
      for (Map.Entry<String, String> setting : settings(batches, accumulation).entrySet()) {
        String found = values.get(setting.getKey());
        if (!setting.getValue().equals(found)) {
          throw wrong(file, setting.getKey(), found, setting.getValue());
        }
      }
      long step = count(file, values, STEP);
      long position = count(file, values, POSITION);
      TensorInfo random = reader.find(RANDOM);
      if (random == null) {
        throw wrong(file, RANDOM, null, "a tensor");
      }
      loadOptimizer(file, optimizer, optimizerState(reader));
      batches.seek(position);
      randomState(reader.bytes(RANDOM).toArray(ValueLayout.JAVA_BYTE));
      return step;
    }
  }

  private static void loadOptimizer(Path file, Optimizer optimizer, NamedTensors state) {
    try {
      optimizer.load(state);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  private static NamedTensors optimizerState(SafetensorsReader reader) throws IOException {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    for (TensorInfo info : reader.tensors()) {
      if (info.name().startsWith(OPTIMIZER)) {
        tensors.put(info.name().substring(OPTIMIZER.length()), reader.tensor(info.name()));
      }
    }
    Map<String, String> values = new LinkedHashMap<>();
    reader
        .metadata()
        .forEach(
            (name, value) -> {
              if (name.startsWith(OPTIMIZER)) {
                values.put(name.substring(OPTIMIZER.length()), value);
              }
            });
    return new NamedTensors(tensors, values);
  }

  private static long count(Path file, Map<String, String> values, String name) {
    String found = values.get(name);
    if (found == null || !found.matches("\\d{1,18}")) {
      throw wrong(file, name, found, "a count");
    }
    return Long.parseLong(found);
  }

  private static IllegalArgumentException wrong(
      Path file, String name, @Nullable String found, String expected) {
    return new IllegalArgumentException(
        "%s: %s is %s, expected %s"
            .formatted(file, name, found == null ? "missing" : found, expected));
  }

  private static byte[] randomState() {
    try (PointerScope _ = new PointerScope()) {
      ByteBuffer buffer = torch.getDefaultCPUGenerator().get_state().createBuffer();
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(bytes);
      return bytes;
    }
  }

  private static void randomState(byte[] bytes) {
    try (PointerScope _ = new PointerScope()) {
      torch.getDefaultCPUGenerator().set_state(Tensor.create(bytes, false));
    }
  }
}
