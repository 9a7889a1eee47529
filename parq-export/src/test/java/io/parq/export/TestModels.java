package io.parq.export;

import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Small Hugging Face folders. */
public final class TestModels {
  public static final String EMBEDDING = "model.embed_tokens.weight";
  public static final String UP = "model.layers.0.mlp.up_proj.weight";
  public static final String NORM = "model.norm.weight";
  public static final String HEAD = "lm_head.weight";

  private TestModels() {}

  /** A folder with an embedding, a tied copy of it, a linear layer, a norm and a tokenizer. */
  public static Path write(Path folder, long seed) throws IOException {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    float[] embedding = Configs.weights(24 * 32, seed);
    tensors.put(EMBEDDING, TensorData.of(embedding, 24, 32));
    tensors.put(UP, bf16(Configs.weights(12 * 32, seed + 1), 12, 32));
    tensors.put(NORM, bf16(Configs.weights(32, seed + 2), 32));
    tensors.put(HEAD, TensorData.of(embedding.clone(), 24, 32));
    return write(folder, tensors);
  }

  /** A folder with given tensors and a tied head. */
  public static Path write(Path folder, Map<String, TensorData> tensors) throws IOException {
    Files.createDirectories(folder);
    SafetensorsWriter.write(
        folder.resolve("model.safetensors"), new NamedTensors(tensors, Map.of("format", "pt")));
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "llama", "tie_word_embeddings": true, "torch_dtype": "bfloat16"}
        """);
    Files.writeString(folder.resolve("tokenizer.json"), "{}");
    Files.writeString(folder.resolve("README.md"), "not copied");
    return folder;
  }

  static TensorData bf16(float[] values, long... shape) {
    short[] bits = new short[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = SmallFloat.toBf16(values[i]);
    }
    return new TensorData(DType.BF16, shape, MemorySegment.ofArray(bits));
  }
}
