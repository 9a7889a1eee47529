package io.parq.cli;

import io.parq.export.ParqFile;
import io.parq.grids.DType;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.torch.CausalLm;
import io.parq.torch.TorchQuantOptimizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes a trained model packed: codes and scales where it is quantized, floats elsewhere. */
final class PackedModel {
  private PackedModel() {}

  static void write(Path file, TorchQuantOptimizer optimizer, CausalLm model) throws IOException {
    Map<String, QuantizedTensor> quantized = optimizer.quantized();
    Map<String, TensorData> others = new LinkedHashMap<>();
    for (ParamGroup group : optimizer.groups()) {
      for (Parameter parameter : group.parameters()) {
        if (!quantized.containsKey(parameter.name())) {
          others.put(
              parameter.name(), new TensorData(DType.F32, parameter.shape(), parameter.weights()));
        }
      }
    }
    ParqFile.write(file, quantized, others, Map.of("config.json", model.config().json()));
  }
}
