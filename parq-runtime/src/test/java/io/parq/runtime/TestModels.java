package io.parq.runtime;

import io.parq.export.FolderSource;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Models to run: those of the golden data, and random ones that every encoding can hold. */
final class TestModels {
  static final Path GOLDEN =
      Path.of(System.getProperty("basedir", ""))
          .toAbsolutePath()
          .resolveSibling("parq-torch/src/test/resources/golden");

  static final int VOCABULARY = 320;
  private static final int HIDDEN = 256;
  private static final int INNER = 512;
  private static final int KEYS = 128;

  private static final String CONFIG =
      """
      {"model_type": "llama", "vocab_size": %d, "hidden_size": %d, "intermediate_size": %d,
       "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "max_position_embeddings": 512, "hidden_act": "silu", "rms_norm_eps": 1e-6,
       "rope_theta": 10000.0, "tie_word_embeddings": %s, "eos_token_id": 255}
      """;

  private TestModels() {}

  /** A llama of random weights in single precision, as a Hugging Face folder. */
  static Path random(Path folder, boolean tied) throws IOException {
    Files.createDirectories(folder);
    SplittableRandom random = new SplittableRandom(7);
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    put(tensors, random, "model.embed_tokens", VOCABULARY, HIDDEN);
    for (int layer = 0; layer < 2; layer++) {
      String name = "model.layers." + layer + ".";
      put(tensors, random, name + "self_attn.q_proj", HIDDEN, HIDDEN);
      put(tensors, random, name + "self_attn.k_proj", KEYS, HIDDEN);
      put(tensors, random, name + "self_attn.v_proj", KEYS, HIDDEN);
      put(tensors, random, name + "self_attn.o_proj", HIDDEN, HIDDEN);
      put(tensors, random, name + "mlp.gate_proj", INNER, HIDDEN);
      put(tensors, random, name + "mlp.up_proj", INNER, HIDDEN);
      put(tensors, random, name + "mlp.down_proj", HIDDEN, INNER);
      put(tensors, random, name + "input_layernorm", HIDDEN);
      put(tensors, random, name + "post_attention_layernorm", HIDDEN);
    }
    put(tensors, random, "model.norm", HIDDEN);
    if (!tied) {
      put(tensors, random, "lm_head", VOCABULARY, HIDDEN);
    }
    SafetensorsWriter.write(
        folder.resolve("model.safetensors"), new NamedTensors(tensors, Map.of()));
    Files.writeString(
        folder.resolve("config.json"), CONFIG.formatted(VOCABULARY, HIDDEN, INNER, tied));
    return folder;
  }

  private static void put(
      Map<String, TensorData> tensors, SplittableRandom random, String name, long... shape) {
    float[] values = new float[(int) TensorData.elements(shape)];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          shape.length == 1
              ? (float) random.nextDouble(0.5, 1.5)
              : (float) (0.08 * random.nextGaussian());
    }
    tensors.put(name + ".weight", TensorData.of(values, shape));
  }

  /** Writes a model as it is, or quantized; its embedding, if that differs, as named. */
  static Path write(Path folder, Path out, String target, String config, String embedding)
      throws IOException {
    try (ModelSource source =
        config.isEmpty()
            ? FolderSource.open(folder)
            : FolderSource.quantizing(
                folder, QuantConfig.parse(config), QuantConfig.parse(embedding), null)) {
      Formats.writer(target, WriteOptions.DEFAULT).write(source, out, ModelWriter.Progress.NONE);
    }
    return out;
  }

  static int[] ids(int count, int vocabulary) {
    return new SplittableRandom(3).ints(count, 0, vocabulary).toArray();
  }
}
