package io.parq.samples.digits;

import io.parq.export.PackedTensor;
import io.parq.export.ParqFile;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A network whose weights lie on their levels, and the codes of those levels.
 *
 * @param model the network; its biases are in single precision
 * @param weights codes and scales of each layer's weights, by name
 */
record Quantized(Mlp model, Map<String, QuantizedTensor> weights) {
  Quantized {
    weights = Map.copyOf(weights);
  }

  /** Rounds a copy of a network. */
  static Quantized afterTraining(Mlp model, QuantConfig config) {
    Mlp copy = model.copy();
    Map<String, QuantizedTensor> weights = new LinkedHashMap<>();
    for (Mlp.Layer layer : copy.layers()) {
      MemorySegment memory = MemorySegment.ofArray(layer.weights());
      QuantizedTensor tensor =
          QuantizedTensor.quantize(config, memory, layer.outputs(), layer.inputs());
      tensor.dequantize(memory);
      weights.put(layer.name() + ".weight", tensor);
    }
    return new Quantized(copy, weights);
  }

  /** Reads a packed file anew: codes to levels, and no other source of weights. */
  static Quantized read(Path file, int... sizes) throws IOException {
    Mlp model = new Mlp(0, sizes);
    Map<String, QuantizedTensor> weights = new LinkedHashMap<>();
    try (ParqFile packed = ParqFile.open(file)) {
      for (Mlp.Layer layer : model.layers()) {
        QuantizedTensor tensor = packed.quantized(layer.name() + ".weight");
        tensor.dequantize(MemorySegment.ofArray(layer.weights()));
        weights.put(layer.name() + ".weight", tensor);
        packed.other(layer.name() + ".bias").toFloats(0, layer.bias(), 0, layer.outputs());
      }
    }
    return new Quantized(model, weights);
  }

  /** Writes a packed file; an existing one is replaced. */
  void write(Path file, Map<String, String> metadata) throws IOException {
    Map<String, QuantizedTensor> ordered = new LinkedHashMap<>();
    Map<String, TensorData> biases = new LinkedHashMap<>();
    for (Mlp.Layer layer : model.layers()) {
      ordered.put(layer.name() + ".weight", tensor(layer));
      biases.put(layer.name() + ".bias", TensorData.of(layer.bias(), layer.outputs()));
    }
    ParqFile.write(file, ordered, biases, metadata);
  }

  /** Writes a network in single precision; an existing file is replaced. */
  static void writeUnquantized(Mlp model, Path file, Map<String, String> metadata)
      throws IOException {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    for (Mlp.Layer layer : model.layers()) {
      tensors.put(
          layer.name() + ".weight",
          TensorData.of(layer.weights(), layer.outputs(), layer.inputs()));
      tensors.put(layer.name() + ".bias", TensorData.of(layer.bias(), layer.outputs()));
    }
    SafetensorsWriter.write(file, new NamedTensors(tensors, metadata));
  }

  /** Bytes of packed codes, scales and single-precision biases. */
  long bytes() {
    long bytes = 0;
    for (Mlp.Layer layer : model.layers()) {
      bytes += PackedTensor.pack(tensor(layer)).byteSize() + 4L * layer.bias().length;
    }
    return bytes;
  }

  /** Bytes of a network in single precision. */
  static long bytes(Mlp model) {
    long bytes = 0;
    for (Mlp.Layer layer : model.layers()) {
      bytes += 4L * layer.weights().length + 4L * layer.bias().length;
    }
    return bytes;
  }

  private QuantizedTensor tensor(Mlp.Layer layer) {
    QuantizedTensor tensor = weights.get(layer.name() + ".weight");
    if (tensor == null) {
      throw new IllegalStateException(layer.name() + ".weight is not quantized");
    }
    return tensor;
  }
}
