package io.parq.samples.names;

import io.parq.export.PackedTensor;
import io.parq.export.ParqFile;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import io.parq.torch.CausalLm;
import io.parq.torch.TorchParameters;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A model's weights as they are stored.
 *
 * @param quantized codes and scales by name
 * @param others the other weights by name, in the model's own memory
 */
record PackedModel(Map<String, QuantizedTensor> quantized, Map<String, TensorData> others) {

  /** Joins a model's codes and the weights that have none. */
  static PackedModel of(CausalLm model, Map<String, QuantizedTensor> quantized) {
    Map<String, TensorData> others = new LinkedHashMap<>();
    for (Parameter parameter : TorchParameters.of(model).parameters()) {
      if (!quantized.containsKey(parameter.name())) {
        others.put(
            parameter.name(), new TensorData(DType.F32, parameter.shape(), parameter.weights()));
      }
    }
    return new PackedModel(quantized, others);
  }

  /** Rounds a model's weights in place, as quantization after training does. */
  static PackedModel round(CausalLm model, Map<ParameterFilter, QuantConfig> configs) {
    Map<String, QuantizedTensor> quantized = new LinkedHashMap<>();
    for (ParamGroup group : ParamGroup.assign(TorchParameters.of(model).parameters(), configs)) {
      QuantConfig config = group.config();
      if (config != null) {
        for (Parameter parameter : group.parameters()) {
          MemorySegment weights = parameter.weights();
          QuantizedTensor rounded = QuantizedTensor.quantize(config, weights, parameter.shape());
          rounded.dequantize(weights);
          quantized.put(parameter.name(), rounded);
        }
      }
    }
    return of(model, quantized);
  }

  /** {@return bytes of codes, scales and the other weights} */
  long bytes() {
    long bytes = 0;
    for (QuantizedTensor tensor : quantized.values()) {
      bytes += PackedTensor.pack(tensor).byteSize();
    }
    for (TensorData tensor : others.values()) {
      bytes += tensor.data().byteSize();
    }
    return bytes;
  }

  /** Writes a packed file; an existing one is replaced. */
  void write(Path file, Map<String, String> metadata) throws IOException {
    ParqFile.write(file, quantized, others, metadata);
  }

  /**
   * Reads a packed file anew and compares it with a model.
   *
   * @param file the file
   * @param model the model
   * @return the number of weights compared
   * @throws IllegalStateException if a weight differs in a single bit, or is missing or left over
   */
  static long verify(Path file, CausalLm model) throws IOException {
    try (ParqFile packed = ParqFile.open(file)) {
      Set<String> left = new HashSet<>(packed.quantizedNames());
      left.addAll(packed.otherNames());
      long compared = 0;
      for (Parameter parameter : TorchParameters.of(model).parameters()) {
        String name = parameter.name();
        if (!left.remove(name)) {
          throw new IllegalStateException("%s: no %s, expected it".formatted(file, name));
        }
        MemorySegment stored =
            packed.quantizedNames().contains(name)
                ? MemorySegment.ofArray(packed.quantized(name).dequantize())
                : packed.other(name).data();
        long mismatch = stored.mismatch(parameter.weights());
        if (mismatch >= 0) {
          throw new IllegalStateException(
              "%s: %s differs from the trained one from element %d on, expected the same bits"
                  .formatted(file, name, mismatch / Float.BYTES));
        }
        compared += parameter.size();
      }
      if (!left.isEmpty()) {
        throw new IllegalStateException(
            "%s: found %s, which the model lacks".formatted(file, left));
      }
      return compared;
    }
  }
}
