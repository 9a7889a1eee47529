package io.parq.export.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.Difference;
import io.parq.export.FolderSource;
import io.parq.export.ModelReader;
import io.parq.export.ModelReader.Stored;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.SourceReader;
import io.parq.export.TestModels;
import io.parq.grids.DType;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target.Exact;
import io.parq.grids.Target.Refused;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** What a target says it holds comes back bit for bit, and what it refuses is not written. */
class RoundTripPropertyTest {
  /** Scales that half precision holds exactly, halved or not, if they are bf16. */
  private static final float LEAST_SCALE = 0x1p-13f;

  private static final float MOST_SCALE = 65504;

  record Case(
      String target,
      QuantConfig config,
      int rows,
      int columns,
      long seed,
      DType dtype,
      int spread) {}

  @Provide
  Arbitrary<Case> cases() {
    Arbitrary<String> grids =
        Arbitraries.of("symmetric", "stretched", "asymmetric", "asymmetric-uniform", "clipped")
            .flatMap(
                name ->
                    Arbitraries.integers()
                        .between(2, 8)
                        .map(
                            bits ->
                                name.equals("clipped")
                                    ? "clipped:%d:max:1.0:0.0".formatted(bits)
                                    : name + ":" + bits));
    Arbitrary<String> others =
        Arbitraries.of(
            "ternary", "stretched:1", "tinygemm", "nf4", "fp4", "lsbq-greedy:2", "ternary+centred");
    Arbitrary<QuantConfig> configs =
        Combinators.combine(
                Arbitraries.frequencyOf(
                    net.jqwik.api.Tuple.of(3, grids), net.jqwik.api.Tuple.of(1, others)),
                Arbitraries.of("per-tensor", "per-row", "group:8", "group:32"),
                Arbitraries.of(ScaleType.FP32, ScaleType.BF16, ScaleType.FP16, ScaleType.E8M0))
            .as(
                (grid, what, type) ->
                    new QuantConfig(Grid.parse(grid), Granularity.parse(what), type));
    return Combinators.combine(
            Arbitraries.of(Formats.names()),
            configs,
            Arbitraries.integers().between(1, 20),
            Arbitraries.of(32, 64, 96, 256),
            Arbitraries.longs(),
            Arbitraries.of(DType.F32, DType.BF16),
            Arbitraries.integers().between(-20, 20))
        .as(Case::new);
  }

  @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
  void whatIsHeldComesBack(@ForAll("cases") Case c) throws IOException {
    Path folder = Files.createTempDirectory("parq-formats");
    try {
      Path input = decoder(folder.resolve("in"), c);
      WriteOptions options = WriteOptions.DEFAULT.withDtype(c.dtype()).withMaxShardBytes(1000);
      ModelWriter writer = Formats.writer(c.target(), options);
      Path out = folder.resolve("out");
      try (ModelSource source = FolderSource.quantizing(input, c.config(), null, TestModels.UP)) {
        switch (writer.target().holding(c.config(), c.rows(), c.columns())) {
          case Exact(String encoding, double bits) -> {
            try {
              writer.write(source, out, ModelWriter.Progress.NONE);
            } catch (IllegalArgumentException e) {
              assertTrue(c.target().equals("gguf") && isBeyondHalf(source), e.getMessage());
              assertRefused(writer, source, out, "half precision");
              return;
            }
            check(source, out, encoding, bits, c);
          }
          case Refused(String reason) -> assertRefused(writer, source, out, reason);
        }
      }
    } finally {
      delete(folder);
    }
  }

  private static void assertRefused(
      ModelWriter writer, ModelSource source, Path out, String reason) {
    Exception e =
        assertThrows(
            IllegalArgumentException.class,
            () -> writer.write(source, out, ModelWriter.Progress.NONE));
    assertTrue(e.getMessage().contains(TestModels.UP), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    assertFalse(Files.exists(out));
  }

  /** What no configuration tells: a bf16 or e8m0 scale may be any number. */
  private static boolean isBeyondHalf(ModelSource source) throws IOException {
    for (float scale : source.quantized(TestModels.UP).lattice().scales()) {
      if (scale < LEAST_SCALE || scale > MOST_SCALE) {
        return true;
      }
    }
    return false;
  }

  /** A whole llama of one layer, as gguf and onnx want it, with one weight of the case's shape. */
  static Path decoder(Path folder, Case c) throws IOException {
    long columns = c.columns();
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    tensors.put(TestModels.EMBEDDING, ones(256, columns));
    String layer = "model.layers.0.";
    tensors.put(layer + "input_layernorm.weight", ones(columns));
    for (String name : List.of("q", "k", "v", "o")) {
      tensors.put(layer + "self_attn." + name + "_proj.weight", ones(columns, columns));
    }
    tensors.put(layer + "post_attention_layernorm.weight", ones(columns));
    tensors.put(layer + "mlp.gate_proj.weight", ones(c.rows(), columns));
    tensors.put(TestModels.UP, weights(c));
    tensors.put(layer + "mlp.down_proj.weight", ones(columns, c.rows()));
    tensors.put(TestModels.NORM, ones(columns));
    TestModels.write(folder, tensors);
    Files.delete(folder.resolve("tokenizer.json"));
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "llama", "vocab_size": 256, "hidden_size": %d, "intermediate_size": %d,
         "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
         "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
         "hidden_act": "silu", "tie_word_embeddings": true, "eos_token_id": 255}
        """
            .formatted(columns, c.rows()));
    return folder;
  }

  private static TensorData ones(long... shape) {
    float[] values = new float[(int) TensorData.elements(shape)];
    Arrays.fill(values, 1f);
    return TensorData.of(values, shape);
  }

  private static void check(ModelSource source, Path out, String encoding, double bits, Case c)
      throws IOException {
    try (ModelReader found = Formats.open(out);
        ModelReader expected = new SourceReader(source)) {
      assertNull(Difference.first(expected, found, ModelWriter.Progress.NONE));
      Stored stored =
          found.tensors().stream()
              .filter(tensor -> tensor.name().equals(TestModels.UP))
              .findFirst()
              .orElseThrow();
      assertEquals(List.of((long) c.rows(), (long) c.columns()), stored.shape());
      assertEquals(bits, 8.0 * stored.bytes() / (c.rows() * c.columns()), 1e-9);
      if (!c.target().equals("parq")) {
        assertEquals(encoding, stored.encoding());
      }
      assertNotNull(source.config(stored.name()));
    }
  }

  private static TensorData weights(Case c) {
    Random random = new Random(c.seed());
    float[] values = new float[c.rows() * c.columns()];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.scalb((float) random.nextGaussian(), c.spread());
    }
    return TensorData.of(values, c.rows(), c.columns());
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
