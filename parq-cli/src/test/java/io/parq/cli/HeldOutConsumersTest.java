package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.ModelSource;
import io.parq.export.PackedSource;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import io.parq.torch.train.ChatTemplate;
import io.parq.torch.train.LanguageModel;
import io.parq.torch.train.Perplexity;
import io.parq.torch.train.TokenData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * One model trained for each target, on the names of the Unicode characters: the software that
 * loads the exported file measures the same bits per character on names that were held out, and
 * continues prompts with the same text.
 */
@Tag("consumers")
@ExtendWith(ConsumersSummary.class)
class HeldOutConsumersTest {
  private static final int WINDOW = 128;
  private static final int HELD_OUT = 200;
  private static final int SEED = 7;
  private static final int MORE = 48;
  private static final List<String> PROMPTS = List.of("LATIN SMALL LETTER ", "EGYPTIAN ", "\n");

  /** Of ONNX Runtime at accuracy level 0: sums in another order. */
  private static final double TOLERANCE = 1e-5;

  private static final String BASE =
      """
      model:
        new: {model_type: llama, vocab_size: 256, hidden_size: 256, num_hidden_layers: 2,
              num_attention_heads: 4, num_key_value_heads: 4, intermediate_size: 768,
              max_position_embeddings: 128, rms_norm_eps: 1e-6, rope_theta: 10000.0,
              initializer_range: 0.05, tie_word_embeddings: true}
        tokenizer: bytes
      data: {train: train.txt, sequence_length: 128}
      optimizer: {lr: 2e-3}
      train: {steps: 240, batch_size: 8, threads: 1, eval_every: 0, checkpoint_every: 0}
      output: base
      """;

  private static final String TUNED =
      """
      model: base/model
      data: {train: train.txt, sequence_length: 128}
      qat:
        linear: {%s}
        embedding: {bits: 4}
        quant_period: 1
      optimizer: {lr: 1e-3}
      train: {steps: 80, batch_size: 8, threads: 1, eval_every: 0, checkpoint_every: 0}
      target: %s
      output: %s
      """;

  private static Path home = Path.of("");
  private static Path heldOut = Path.of("");

  @BeforeAll
  static void trainBase() throws IOException {
    home = Artifacts.folder("held-out");
    List<String> names = new ArrayList<>();
    for (int point = 0; point < 0x20000; point++) {
      String name = Character.getName(point);
      if (name != null && !name.endsWith(Integer.toHexString(point).toUpperCase(Locale.ROOT))) {
        names.add(name);
      }
    }
    Collections.shuffle(names, new Random(SEED));
    heldOut = text("held-out.txt", names.subList(0, HELD_OUT));
    text("train.txt", names.subList(HELD_OUT, names.size()));
    Artifacts.parq("train", Files.writeString(home.resolve("base.yaml"), BASE));
  }

  private static Path text(String file, List<String> names) throws IOException {
    return Files.writeString(home.resolve(file), String.join("\n", names) + "\n");
  }

  /** The folder of a run that trained on from the base. */
  private static Path tuned(String target, String linear) throws IOException {
    String recipe = TUNED.formatted(linear, target, target);
    Artifacts.parq("train", Files.writeString(home.resolve(target + ".yaml"), recipe));
    return home.resolve(target);
  }

  /** What parq measures and generates, which its commands print. */
  private record Expected(TokenData data, double bits, List<String> texts) {
    static Expected of(Path run) throws IOException {
      Path model = run.resolve("model");
      try (LoadedModel loaded = LoadedModel.of(model)) {
        TokenData data = TokenData.read(heldOut, loaded.codec(), ChatTemplate.of(loaded.codec()));
        LanguageModel scored = loaded.model()::forward;
        double bits = Perplexity.of(scored, data, WINDOW, WINDOW, 8).bitsPerCharacter();
        String printed = Artifacts.parq("eval", model, "--text", heldOut, "--window", WINDOW);
        String line = String.format(Locale.ROOT, "%-20s %.4f%n", "bits per character", bits);
        assertTrue(printed.contains(line), printed);
        List<String> texts = new ArrayList<>();
        for (String prompt : PROMPTS) {
          String[] args = {"--temperature", "0", "--max-tokens", "" + MORE, "--prompt", prompt};
          String text =
              Artifacts.parq(
                  "generate", model, args[0], args[1], args[2], args[3], args[4], args[5]);
          texts.add(text.substring(prompt.length(), text.length() - 1));
        }
        return new Expected(data, bits, texts);
      }
    }

    ObjectNode json() {
      ObjectNode root = new ObjectMapper().createObjectNode();
      ArrayNode tokens = root.putArray("tokens");
      for (int i = 0; i < data.size(); i++) {
        tokens.add(data.id(i));
      }
      root.put("window", WINDOW).put("units", data.textSize().characters()).put("bits", bits);
      ArrayNode greedy = root.putArray("greedy");
      for (int i = 0; i < PROMPTS.size(); i++) {
        ObjectNode one = greedy.addObject();
        add(one.putArray("prompt"), PROMPTS.get(i));
        add(one.putArray("tokens"), texts.get(i));
      }
      return root;
    }

    private static void add(ArrayNode array, String text) {
      for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
        array.add(b & 0xff);
      }
    }
  }

  /** The quantized file, with 8-bit activations emulated, and one in single precision. */
  @Test
  void llamaCpp() throws Exception {
    Path run = tuned("gguf", "bits: 2");
    Expected expected = Expected.of(run);
    Path folder = Files.createDirectories(home.resolve("llama"));
    Files.copy(run.resolve("model.gguf"), folder.resolve("trained.gguf"));
    ObjectNode quantized = describe(expected, run, folder, "trained");
    quantized.putObject("emulate").put("heads", 4).put("kv_heads", 4).put("eps", 1e-6);
    Files.writeString(folder.resolve("trained.json"), quantized.toString());
    Path floats = folder.resolve("floats");
    Artifacts.parq("export", run, "--target", "safetensors", "--out", floats);
    Path single = folder.resolve("single.gguf");
    Artifacts.parq("export", floats, "--target", "gguf", "--out", single);
    ObjectNode exact = describe(expected, run, folder, "single");
    Files.writeString(folder.resolve("single.json"), exact.toString());
    PythonVenv.check("check_gguf.py", folder);
  }

  /** As check_gguf.py reads it. */
  private static ObjectNode describe(Expected expected, Path run, Path folder, String name)
      throws IOException {
    Map<String, TensorData> values = new LinkedHashMap<>();
    try (ModelSource source = PackedSource.open(run)) {
      for (TensorInfo info : source.tensors()) {
        float[] floats =
            source.config(info.name()) == null
                ? source.plain(info.name()).toFloats()
                : source.quantized(info.name()).dequantize();
        values.put(info.name(), TensorData.of(floats, info.shape()));
      }
    }
    SafetensorsWriter.write(
        folder.resolve(name + ".safetensors"), new NamedTensors(values, Map.of()));
    ObjectNode root = new ObjectMapper().createObjectNode();
    root.put("weights", name + ".safetensors").put("head_dim", 64).put("n_ctx", 256);
    root.put("tolerance", 0).putArray("sequences");
    root.set("held_out", expected.json());
    return root;
  }

  @Test
  void transformers() throws Exception {
    Path run = tuned("torchao", "grid: ternary");
    Expected expected = Expected.of(run);
    for (String target : List.of("torchao", "safetensors")) {
      Path checked = Files.createDirectories(home.resolve("transformers-" + target));
      Path folder = Files.createDirectories(checked.resolve("trained"));
      Path model = folder.resolve("model");
      if (target.equals("torchao")) {
        Files.move(run.resolve("torchao"), model);
      } else {
        Artifacts.parq("export", run, "--target", target, "--out", model);
      }
      try (ModelSource source = PackedSource.open(run)) {
        Artifacts.expect(source, folder.resolve("expected.safetensors"), true);
      }
      Files.writeString(folder.resolve("held_out.json"), expected.json().toString());
      PythonVenv.check("check_" + target + ".py", checked);
    }
  }

  @Test
  void onnxRuntime() throws Exception {
    Path run = tuned("onnx", "bits: 3, granularity: \"group:32\"");
    Expected expected = Expected.of(run);
    long start = System.nanoTime();
    try (OnnxDecoder decoder = new OnnxDecoder(run.resolve("onnx"))) {
      double bits = bits(decoder, expected.data());
      String found =
          "ONNX Runtime %s: %.6f bits per character (parq %.6f)"
              .formatted(OrtEnvironment.getEnvironment().getVersion(), bits, expected.bits());
      ConsumersSummary.add("held-out, onnx", found, System.nanoTime() - start);
      assertEquals(expected.bits(), bits, TOLERANCE, found);
      for (int i = 0; i < PROMPTS.size(); i++) {
        assertEquals(expected.texts().get(i), greedy(decoder, PROMPTS.get(i)));
      }
    }
  }

  /** Bits per character in windows as those of Perplexity. */
  private static double bits(OnnxDecoder decoder, TokenData data) throws OrtException {
    int targets = data.size() - 1;
    double nats = 0;
    for (int scored = 0; scored < targets; ) {
      int begin = Math.min(scored, targets - WINDOW);
      long[][] ids = new long[1][WINDOW];
      for (int i = 0; i < WINDOW; i++) {
        ids[0][i] = data.id(begin + i);
      }
      decoder.forget();
      float[] logits = decoder.logits(ids, 0);
      int vocabulary = logits.length / WINDOW;
      for (int i = scored - begin; i < WINDOW; i++) {
        double sum = 0;
        for (int j = 0; j < vocabulary; j++) {
          sum += Math.exp(logits[i * vocabulary + j]);
        }
        nats += Math.log(sum) - logits[i * vocabulary + data.id(begin + i + 1)];
      }
      scored = begin + WINDOW;
    }
    return nats / Math.log(2) / data.textSize().characters();
  }

  private static String greedy(OnnxDecoder decoder, String prompt) throws OrtException {
    byte[] start = prompt.getBytes(StandardCharsets.UTF_8);
    long[][] ids = new long[1][start.length];
    for (int i = 0; i < start.length; i++) {
      ids[0][i] = start[i];
    }
    decoder.forget();
    float[] logits = decoder.logits(ids, 0);
    int vocabulary = logits.length / start.length;
    byte[] text = new byte[MORE];
    for (int i = 0; i < MORE; i++) {
      int from = logits.length - vocabulary;
      int best = 0;
      for (int j = 1; j < vocabulary; j++) {
        best = logits[from + j] > logits[from + best] ? j : best;
      }
      text[i] = (byte) best;
      logits = decoder.logits(new long[][] {{best}}, start.length + i);
    }
    return new String(text, StandardCharsets.UTF_8);
  }
}
