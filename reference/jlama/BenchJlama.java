import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.model.functions.Generator;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import com.github.tjake.jlama.safetensors.prompt.PromptContext;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.export.text.Generation;
import io.parq.grids.DType;
import io.parq.runtime.LanguageModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Times Jlama and parq-runtime on one model of random weights in the shape of Llama 3.2; bench.sh
 * runs it.
 *
 * <pre>
 * make FOLDER LAYERS                        a Hugging Face folder in bfloat16
 * jlama FOLDER OUT                          the same at Jlama's Q4
 * run native|java JLAMA PARQ PROMPT TOKENS ROUNDS
 * </pre>
 *
 * <p>The last one has a process for each library, whose rounds alternate, and prints tokens a
 * second of all rounds and of the shortest. Jlama takes its kernels in C or those in Java.
 */
final class BenchJlama {
  private static final int HIDDEN = 2048;
  private static final int INNER = 8192;
  private static final int HEADS = 32;
  private static final int KEYS = 8;
  private static final int HEAD = 64;
  private static final int VOCABULARY = 128_256;

  /** What Jlama's own launcher passes. */
  private static final List<String> JLAMA =
      List.of(
          "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0",
          "--add-opens=jdk.incubator.vector/jdk.incubator.vector=ALL-UNNAMED",
          "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
          "-XX:+UnlockDiagnosticVMOptions",
          "-XX:+AlignVector",
          "-XX:CompileCommand=quiet",
          "-XX:CompileCommand=inline,com.github.tjake.jlama.tensor.*::getVector*",
          "-XX:CompileCommand=inline,com.github.tjake.jlama.tensor.AbstractTensor::getOffset*",
          "-XX:CompileCommand=inline,"
              + "com.github.tjake.jlama.tensor.operations.PanamaTensorOperations*::*");

  private BenchJlama() {}

  public static void main(String[] args) throws IOException {
    switch (args[0]) {
      case "make" ->
          make(Path.of(args[1]), Integer.parseInt(args[2]));
      case "jlama" ->
          SafeTensorSupport.quantizeModel(
              Path.of(args[1]),
              com.github.tjake.jlama.safetensors.DType.Q4,
              new String[] {"norm"},
              null,
              Optional.of(Path.of(args[2])));
      case "run" ->
          run(args[1].equals("native"), args[2], args[3], args[4], args[5], args[6]);
      case "serve" ->
          serve(args[1], Path.of(args[2]), Integer.parseInt(args[3]), Integer.parseInt(args[4]));
      default -> throw new IllegalArgumentException(args[0] + ", expected make, jlama or run");
    }
  }

  // ---- the model ----

  private static void make(Path folder, int layers) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("README.md"), "Random weights.\n");
    Files.writeString(folder.resolve("config.json"), config(layers));
    Files.writeString(folder.resolve("tokenizer.json"), tokenizer());
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"bos_token\": \"<bos>\", \"eos_token\": \"<eos>\"}\n");
    List<TensorInfo> tensors = new ArrayList<>();
    tensors.add(matrix("model.embed_tokens", VOCABULARY, HIDDEN));
    for (int i = 0; i < layers; i++) {
      String layer = "model.layers." + i;
      tensors.add(matrix(layer + ".self_attn.q_proj", HEADS * HEAD, HIDDEN));
      tensors.add(matrix(layer + ".self_attn.k_proj", KEYS * HEAD, HIDDEN));
      tensors.add(matrix(layer + ".self_attn.v_proj", KEYS * HEAD, HIDDEN));
      tensors.add(matrix(layer + ".self_attn.o_proj", HIDDEN, HEADS * HEAD));
      tensors.add(matrix(layer + ".mlp.gate_proj", INNER, HIDDEN));
      tensors.add(matrix(layer + ".mlp.up_proj", INNER, HIDDEN));
      tensors.add(matrix(layer + ".mlp.down_proj", HIDDEN, INNER));
      tensors.add(norm(layer + ".input_layernorm"));
      tensors.add(norm(layer + ".post_attention_layernorm"));
    }
    tensors.add(norm("model.norm"));
    Path file = folder.resolve("model.safetensors");
    SplittableRandom random = new SplittableRandom(1);
    try (SafetensorsWriter writer = SafetensorsWriter.open(file, tensors, Map.of())) {
      for (TensorInfo tensor : tensors) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment data = arena.allocate(tensor.byteSize());
          boolean ones = tensor.shape().length == 1;
          for (long i = 0; i < tensor.elements(); i++) {
            float value = ones ? 1 : (float) (random.nextGaussian() / Math.sqrt(HIDDEN));
            data.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(value) >> 16));
          }
          writer.put(tensor.name(), data);
        }
      }
      writer.commit();
    }
  }

  private static TensorInfo matrix(String name, long rows, long columns) {
    return TensorInfo.of(name + ".weight", DType.BF16, rows, columns);
  }

  private static TensorInfo norm(String name) {
    return TensorInfo.of(name + ".weight", DType.BF16, HIDDEN);
  }

  /** Jlama quantizes the inputs of layers to 8 bits, and so do we. */
  private static String config(int layers) {
    return """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
         "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
         "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d, "vocab_size": %d,
         "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
         "hidden_act": "silu", "tie_word_embeddings": true,
         "bos_token_id": 0, "eos_token_id": 1,
         "parq": {"activations": "int8-sym-per-token"}}
        """
        .formatted(HIDDEN, INNER, layers, HEADS, KEYS, HEAD, VOCABULARY);
  }

  /** Letters are tokens; nothing is merged. */
  private static String tokenizer() {
    String words =
        IntStream.range(2, VOCABULARY)
            .mapToObj(i -> "\"%s\": %d".formatted(i < 28 ? (char) ('a' + i - 2) : "w" + i, i))
            .collect(Collectors.joining(", "));
    return """
        {"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
         "added_tokens": [
          {"id": 0, "content": "<bos>", "single_word": false, "lstrip": false, "rstrip": false,
           "normalized": false, "special": true},
          {"id": 1, "content": "<eos>", "single_word": false, "lstrip": false, "rstrip": false,
           "normalized": false, "special": true}],
         "pre_tokenizer": null,
         "post_processor": {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}},
                     {"Sequence": {"id": "A", "type_id": 0}}],
          "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
          "special_tokens": {"<bos>": {"id": "<bos>", "ids": [0], "tokens": ["<bos>"]}}},
         "decoder": null,
         "model": {"type": "BPE", "dropout": null, "unk_token": "a",
          "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
          "byte_fallback": false, "vocab": {"<bos>": 0, "<eos>": 1, %s}, "merges": []}}
        """
        .formatted(words);
  }

  // ---- times ----

  /** Tokens a second. */
  private record Rates(double prefill, double decode) {
    Rates best(Rates other) {
      return new Rates(Math.max(prefill, other.prefill), Math.max(decode, other.decode));
    }

    Rates over(Rates other) {
      return new Rates(prefill / other.prefill, decode / other.decode);
    }

    void print(String who) {
      System.out.printf(Locale.ROOT, "%-16s prefill %8.2f  decode %8.2f%n", who, prefill, decode);
    }
  }

  /** A process that holds a model and runs a round whenever it is told to. */
  private record Runner(String name, Process process, BufferedReader in) {
    static Runner start(String name, List<String> options, String... arguments)
        throws IOException {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
      command.add("--enable-native-access=ALL-UNNAMED");
      command.addAll(options);
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.add(BenchJlama.class.getName());
      command.addAll(List.of(arguments));
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      return new Runner(name, process, process.inputReader());
    }

    Rates round() throws IOException {
      process.outputWriter().write("\n");
      process.outputWriter().flush();
      String line = in.readLine();
      if (line == null) {
        throw new IOException(name + " ended");
      }
      double[] rates = Arrays.stream(line.split(" ")).mapToDouble(Double::parseDouble).toArray();
      Rates result = new Rates(rates[0], rates[1]);
      result.print(name);
      return result;
    }
  }

  private static void run(
      boolean isNative, String jlama, String parq, String prompt, String tokens, String rounds)
      throws IOException {
    List<String> options = new ArrayList<>(JLAMA);
    options.add("-Djlama.force_panama_tensor_operations=" + !isNative);
    Runner theirs = Runner.start("Jlama", options, "serve", "jlama", jlama, prompt, tokens);
    Runner ours = Runner.start("parq", List.of(), "serve", "parq", parq, prompt, tokens);
    try {
      Rates theirBest = new Rates(0, 0);
      Rates ourBest = theirBest;
      for (int round = 0; round < Integer.parseInt(rounds); round++) {
        theirBest = theirBest.best(theirs.round());
        ourBest = ourBest.best(ours.round());
      }
      theirBest.print(isNative ? "Jlama, native" : "Jlama, Java");
      ourBest.print("parq");
      ourBest.over(theirBest).print("ratio");
    } finally {
      theirs.process().destroy();
      ours.process().destroy();
    }
  }

  /** Runs a round for each line. */
  private static void serve(String engine, Path model, int prompt, int tokens)
      throws IOException {
    String text =
        new SplittableRandom(2)
            .ints(prompt - 1, 'a', 'z' + 1)
            .mapToObj(Character::toString)
            .collect(Collectors.joining());
    Supplier<Rates> round =
        engine.equals("jlama") ? jlama(model, text, tokens) : parq(model, text, tokens);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    while (in.readLine() != null) {
      Rates rates = round.get();
      System.out.println(rates.prefill + " " + rates.decode);
    }
  }

  private static Supplier<Rates> jlama(Path folder, String text, int tokens) {
    AbstractModel model =
        ModelSupport.loadModel(
            folder.toFile(),
            null,
            com.github.tjake.jlama.safetensors.DType.F32,
            com.github.tjake.jlama.safetensors.DType.I8,
            Optional.empty(),
            Optional.of(Runtime.getRuntime().availableProcessors()));
    int prompt = text.length() + 1;
    return () -> {
      Generator.Response response =
          model.generate(
              UUID.randomUUID(), PromptContext.of(text), 0, prompt + tokens, (word, millis) -> {});
      check(response.generatedTokens, tokens);
      return new Rates(
          prompt * 1e3 / response.promptTimeMs, tokens * 1e3 / response.generateTimeMs);
    };
  }

  private static Supplier<Rates> parq(Path file, String text, int tokens) throws IOException {
    LanguageModel model = LanguageModel.load(file);
    return () -> {
      Generation.Result result = model.generate(text, Generation.greedy(tokens + 1), piece -> {});
      check(result.tokens(), tokens + 1);
      return new Rates(result.prefillRate(), result.decodeRate());
    };
  }

  private static void check(int found, int expected) {
    if (found != expected) {
      throw new IllegalStateException("%d tokens, expected %d".formatted(found, expected));
    }
  }
}
