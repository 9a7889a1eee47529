package io.parq.cli;

import io.parq.export.ModelSource;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A llama of 2.3 GB, whose matrices are different parts of some 50 MB of random numbers. */
final class LargeModel implements ModelSource {
  static final int VOCABULARY = 256;
  static final int HEAD = 64;
  static final String LAST = "model.layers.10.";

  private static final int WIDTH = 2048;
  private static final int FEED_FORWARD = 5632;
  private static final int LAYERS = 11;
  private static final int STEP = 1009;
  private static final float DEVIATION = 0.03f;

  private final Path folder;
  private final Map<String, long[]> shapes = new LinkedHashMap<>();
  private final Map<String, Integer> offsets = new LinkedHashMap<>();
  private final float[] pool = new float[WIDTH * FEED_FORWARD + STEP * 128];

  LargeModel(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "llama", "vocab_size": %d, "hidden_size": %d, "intermediate_size": %d,
         "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d,
         "max_position_embeddings": 256, "hidden_act": "silu", "rms_norm_eps": 1e-6,
         "rope_theta": 10000.0, "tie_word_embeddings": true, "eos_token_id": 255,
         "torch_dtype": "float32"}
        """
            .formatted(VOCABULARY, WIDTH, FEED_FORWARD, LAYERS, WIDTH / HEAD, WIDTH / HEAD));
    Random random = new Random(3);
    for (int i = 0; i < pool.length; i++) {
      pool[i] = (float) (random.nextGaussian() * DEVIATION);
    }
    add("model.embed_tokens.weight", VOCABULARY, WIDTH);
    for (int layer = 0; layer < LAYERS; layer++) {
      String prefix = "model.layers." + layer + ".";
      add(prefix + "input_layernorm.weight", WIDTH);
      for (String name : List.of("q", "k", "v", "o")) {
        add(prefix + "self_attn." + name + "_proj.weight", WIDTH, WIDTH);
      }
      add(prefix + "post_attention_layernorm.weight", WIDTH);
      add(prefix + "mlp.gate_proj.weight", FEED_FORWARD, WIDTH);
      add(prefix + "mlp.up_proj.weight", FEED_FORWARD, WIDTH);
      add(prefix + "mlp.down_proj.weight", WIDTH, FEED_FORWARD);
    }
    add("model.norm.weight", WIDTH);
  }

  private void add(String name, long... shape) {
    shapes.put(name, shape);
    offsets.put(name, STEP * offsets.size());
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    return shapes.entrySet().stream()
        .map(tensor -> TensorInfo.of(tensor.getKey(), DType.F32, tensor.getValue()))
        .toList();
  }

  @Override
  public @Nullable QuantConfig config(String name) {
    return null;
  }

  @Override
  public QuantizedTensor quantized(String name) {
    throw new IllegalStateException(name + " is not quantized");
  }

  @Override
  public TensorData plain(String name) {
    long[] shape = shapes.get(name);
    if (shape.length == 1) {
      float[] ones = new float[(int) shape[0]];
      Arrays.fill(ones, 1f);
      return TensorData.of(ones, shape);
    }
    MemorySegment part =
        MemorySegment.ofArray(pool).asSlice(4L * offsets.get(name), 4 * TensorData.elements(shape));
    return new TensorData(DType.F32, shape, part);
  }

  @Override
  public void close() {}
}
