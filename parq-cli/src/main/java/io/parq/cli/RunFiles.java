package io.parq.cli;

import io.parq.cli.recipe.Recipe;
import io.parq.export.ModelSource;
import io.parq.export.PackedSource;
import io.parq.export.ParqFile;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.export.model.ActivationConfig;
import io.parq.grids.DType;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.torch.CausalLm;
import io.parq.torch.TorchQuantOptimizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run of {@code parq train} leaves: the model as a Hugging Face folder of floats, packed
 * (codes and scales) where weights are quantized, and in the format of the recipe's target.
 */
final class RunFiles {
  private RunFiles() {}

  static void write(
      Recipe recipe, LoadedModel loaded, TorchQuantOptimizer optimizer, PrintWriter out)
      throws IOException {
    Path output = recipe.output();
    Path folder = output.resolve("model");
    loaded.model().save(folder);
    loaded.codec().tokenizer().save(folder);
    out.println("wrote " + folder);
    if (recipe.qat().quantizesWeights()) {
      Path packed = output.resolve(PackedSource.FILE);
      pack(packed, optimizer, loaded.model());
      out.println("wrote " + packed);
    }
    Path exported =
        switch (recipe.target()) {
          case SAFETENSORS, PARQ -> null; // written already
          case GGUF -> output.resolve("model.gguf");
          case ONNX, TORCHAO -> output.resolve(recipe.target().toString());
        };
    if (exported != null) {
      export(recipe, loaded.model(), exported);
      out.println("wrote " + exported);
    }
  }

  private static void export(Recipe recipe, CausalLm model, Path file) throws IOException {
    ActivationConfig activations = model.config().activations();
    WriteOptions options =
        WriteOptions.DEFAULT.withActivations(
            activations == null ? null : activations.quantization());
    try (ModelSource source = Formats.source(recipe.output())) {
      Exporting.write(source, Formats.writer(recipe.target().toString(), options), file);
    }
  }

  private static void pack(Path file, TorchQuantOptimizer optimizer, CausalLm model)
      throws IOException {
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
