package io.parq.benchmarks;

import io.parq.export.ModelSource;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A llama of random codes, or of normally distributed bfloat16 weights, made when they are asked
 * for: large without taking memory.
 */
final class RandomModel implements ModelSource {
  private static final long SEED = 1;
  private static final int VOCABULARY = 256;
  private static final double DEVIATION = 0.03;

  private static final int HEAD = 64;

  private final Path folder;
  private final @Nullable QuantConfig config;
  private final Map<String, long[]> shapes = new LinkedHashMap<>();

  /**
   * Describes a model.
   *
   * @param folder existing; gets the configuration
   * @param config of all matrices, or null if they are bfloat16
   * @param width of the model, a multiple of 64
   * @param layers how many, of 12.25 times the width's square of weights each
   */
  RandomModel(Path folder, @Nullable QuantConfig config, int width, int layers) throws IOException {
    int feedForward = width / 4 * 11;
    this.folder = folder;
    this.config = config;
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "llama", "vocab_size": %d, "hidden_size": %d, "intermediate_size": %d,
         "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d,
         "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
         "tie_word_embeddings": true, "eos_token_id": 255, "torch_dtype": "float32"}
        """
            .formatted(VOCABULARY, width, feedForward, layers, width / HEAD, width / HEAD));
    shapes.put("model.embed_tokens.weight", new long[] {VOCABULARY, width});
    for (int layer = 0; layer < layers; layer++) {
      String prefix = "model.layers." + layer;
      shapes.put(prefix + ".input_layernorm.weight", new long[] {width});
      for (String name : List.of("q", "k", "v", "o")) {
        shapes.put(prefix + ".self_attn." + name + "_proj.weight", new long[] {width, width});
      }
      shapes.put(prefix + ".post_attention_layernorm.weight", new long[] {width});
      shapes.put(prefix + ".mlp.gate_proj.weight", new long[] {feedForward, width});
      shapes.put(prefix + ".mlp.up_proj.weight", new long[] {feedForward, width});
      shapes.put(prefix + ".mlp.down_proj.weight", new long[] {width, feedForward});
    }
    shapes.put("model.norm.weight", new long[] {width});
  }

  long weights() {
    return shapes.values().stream().mapToLong(TensorData::elements).sum();
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public List<TensorInfo> tensors() {
    return shapes.entrySet().stream()
        .map(tensor -> TensorInfo.of(tensor.getKey(), type(tensor.getValue()), tensor.getValue()))
        .toList();
  }

  private DType type(long[] shape) {
    return config == null && shape.length == 2 ? DType.BF16 : DType.F32;
  }

  private long[] shape(String name) {
    long[] shape = shapes.get(name);
    if (shape == null) {
      throw new IllegalArgumentException(name + ": not a tensor of this model");
    }
    return shape;
  }

  @Override
  public @Nullable QuantConfig config(String name) {
    return shape(name).length == 2 ? config : null;
  }

  @Override
  public QuantizedTensor quantized(String name) {
    Lattice lattice = Lattice.unfitted(Objects.requireNonNull(config(name)), shape(name));
    SplittableRandom random = new SplittableRandom(SEED + name.hashCode());
    float[] scales = lattice.scales();
    for (int i = 0; i < scales.length; i++) {
      scales[i] = ScaleType.BF16.round((float) random.nextDouble(0.01, 0.1));
    }
    byte[] codes = new byte[Math.toIntExact(lattice.layout().size())];
    random.nextBytes(codes);
    int levels = lattice.grid().levelCount();
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (byte) (lattice.grid().minCode() + (codes[i] & 0xff) % levels);
    }
    return new QuantizedTensor(lattice, MemorySegment.ofArray(codes));
  }

  @Override
  public TensorData plain(String name) {
    long[] shape = shape(name);
    int elements = Math.toIntExact(TensorData.elements(shape));
    if (type(shape) == DType.F32) {
      float[] ones = new float[elements];
      Arrays.fill(ones, 1f);
      return TensorData.of(ones, shape);
    }
    SplittableRandom random = new SplittableRandom(SEED + name.hashCode());
    short[] weights = new short[elements];
    for (int i = 0; i < elements; i++) {
      weights[i] = SmallFloat.toBf16((float) random.nextGaussian(0, DEVIATION));
    }
    return new TensorData(DType.BF16, shape, MemorySegment.ofArray(weights));
  }

  @Override
  public void close() {}
}
