package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.model.ModelFormatException;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SaveTest {
  static List<String> models() {
    return Golden.MODELS;
  }

  @ParameterizedTest
  @MethodSource("models")
  void whatIsSavedComesBackBitForBit(String name, @TempDir Path folder) throws IOException {
    try (CausalLm model = CausalLm.load(Golden.folder(name))) {
      model.save(folder.resolve("single"));
      model.save(folder.resolve("sharded"), 20_000);
      float[] logits = Golden.logits(model, Golden.expected(name));
      for (String copy : List.of("single", "sharded")) {
        try (CausalLm read = CausalLm.load(folder.resolve(copy))) {
          assertEquals(model.config().json(), read.config().json());
          Golden.assertSameWeights(model, read);
          Golden.assertSameBits(logits, Golden.logits(read, Golden.expected(name)));
        }
      }
    }
    assertTrue(Files.exists(folder.resolve("sharded/model.safetensors.index.json")));
  }

  @Test
  void weightsAreSinglePrecisionWithoutTheTiedHead(@TempDir Path folder) throws IOException {
    try (CausalLm model = CausalLm.load(Golden.folder("qwen2"))) {
      model.save(folder);
    }
    try (SafetensorsReader reader = SafetensorsReader.open(folder)) {
      assertNull(reader.find("lm_head.weight"));
      assertEquals("pt", reader.metadata().get("format"));
      Set<DType> types =
          reader.tensors().stream().map(TensorInfo::dtype).collect(Collectors.toSet());
      assertEquals(Set.of(DType.F32), types);
    }
    assertTrue(Files.readString(folder.resolve("config.json")).contains("\"dtype\" : \"float32\""));
  }

  @Test
  void savingReplacesWeightsOfTheOtherLayout(@TempDir Path folder) throws IOException {
    try (CausalLm model = CausalLm.load(Golden.folder("llama"))) {
      model.save(folder, 20_000);
      Files.writeString(folder.resolve("notes.txt"), "kept");
      model.save(folder);
      assertEquals(Set.of("config.json", "model.safetensors", "notes.txt"), names(folder));
      model.save(folder, 40_000);
      assertFalse(Files.exists(folder.resolve("model.safetensors")));
      model.save(folder, 20_000);
      try (CausalLm read = CausalLm.load(folder);
          SafetensorsReader reader = SafetensorsReader.open(folder)) {
        Golden.assertSameWeights(model, read);
        assertEquals(reader.files().size() + 2, names(folder).size());
      }
    }
  }

  @Test
  void aFolderCanBeSavedOverItself(@TempDir Path folder) throws IOException {
    Path copy = folder.resolve("llama3");
    Golden.copy(Golden.folder("llama3"), copy);
    Golden.copy(Golden.folder("tokenizer"), copy);
    try (CausalLm model = CausalLm.load(copy)) {
      model.save(copy);
      model.save(folder.resolve("other"));
      try (CausalLm read = CausalLm.load(copy)) {
        Golden.assertSameWeights(model, read);
      }
    }
    assertEquals(
        Set.of("config.json", "model.safetensors", "tokenizer.json"),
        names(folder.resolve("other")));
  }

  @Test
  void misfitsAreNamedAllAtOnce(@TempDir Path folder) throws IOException {
    Golden.copy(Golden.folder("llama"), folder.resolve("m"));
    Path file = folder.resolve("m/config.json");
    String json =
        Files.readString(file)
            .replace("\"intermediate_size\": 48", "\"intermediate_size\": 40")
            .replace("\"attention_bias\": false", "\"attention_bias\": true")
            .replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true")
            .replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    Files.writeString(file, json);
    ModelFormatException error =
        assertThrows(ModelFormatException.class, () -> CausalLm.load(folder.resolve("m")));
    String message = error.getMessage();
    for (String part :
        List.of(
            "16 tensors are not what config.json asks for",
            "model.layers.0.mlp.gate_proj.weight: shape [48, 32], expected [40, 32]",
            "model.layers.0.self_attn.q_proj.bias: missing, expected shape [32]",
            "model.layers.1.mlp.down_proj.weight: not a part of this model")) {
      assertTrue(message.contains(part), message);
    }
    assertFalse(message.contains("lm_head"), message);
  }

  @Test
  void modelsOutliveTheScopeTheyWereMadeIn() throws IOException {
    CausalLm model;
    try (PointerScope _ = new PointerScope()) {
      model = CausalLm.load(Golden.folder("gemma3"));
    }
    assertTrue(Golden.difference(model, "gemma3") < 1e-4);
    model.close();
    model.close();
    assertTrue(model.isNull());
  }

  private static Set<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }
}
