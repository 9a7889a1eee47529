package io.parq.samples.names;

import io.parq.samples.Progress;
import io.parq.torch.CausalLm;
import io.parq.torch.TorchQuantOptimizer;
import io.parq.torch.train.TextCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;

/**
 * All models: the base, then from it, each loaded anew, the control, the rounded ones, and those
 * that are trained on with quantization, over the same batches for as many steps. At any time one
 * model is in memory.
 */
final class Study {
  /** Of weights and batches. */
  static final long SEED = 1;

  private final NamesDemo.Options options;
  private final UnicodeNames names;
  private final Lab lab;
  private final List<Score> scores = new ArrayList<>();
  private final Map<String, List<String>> generated = new LinkedHashMap<>();
  private final List<String> verified = new ArrayList<>();

  Study(NamesDemo.Options options, UnicodeNames names, Progress progress) {
    this.options = options;
    this.names = names;
    this.lab = new Lab(options.size(), names, progress);
  }

  /** {@return training steps of all models together} */
  static long steps(NamesDemo.Options options) {
    Size size = options.size();
    return size.baseSteps() + (1L + Width.of(options.full()).size()) * size.tuneSteps();
  }

  /** {@return pieces of work, for a progress bar} */
  static long work(NamesDemo.Options options) {
    return steps(options) + (2L + 5L * Width.of(options.full()).size()) * Lab.SCORING;
  }

  Findings run() throws IOException {
    Path base = options.output().resolve("base");
    Path control = options.output().resolve("control");
    base(base);
    control(base, control);
    for (Width width : Width.of(options.full())) {
      round(base, width, Method.NEAREST_OF_BASE);
      round(base, width, Method.OPTIMAL_OF_BASE);
      round(control, width, Method.NEAREST_OF_CONTROL);
      round(control, width, Method.OPTIMAL_OF_CONTROL);
      quantized(base, width);
    }
    return new Findings(
        options,
        names,
        new Results(scores),
        generated,
        speeds(control),
        verified,
        lab.stepsPerSecond());
  }

  private void base(Path folder) throws IOException {
    try (PointerScope _ = new PointerScope();
        CausalLm model = CausalLm.create(options.size().model(), SEED);
        TextCodec codec = TextCodec.bytes()) {
      lab.train(Training.ofBase(options.size()), model, Map.of(), SEED);
      model.save(folder);
      codec.tokenizer().save(folder);
      score(null, Method.BASE, model, PackedModel.of(model, Map.of()).bytes());
      generated.put("base", Runs.names(folder, folder));
    }
  }

  private void control(Path base, Path folder) throws IOException {
    try (PointerScope _ = new PointerScope();
        CausalLm model = CausalLm.load(base)) {
      lab.train(Training.onward(options.size()), model, Map.of(), ~SEED);
      model.save(folder);
      score(null, Method.CONTROL, model, PackedModel.of(model, Map.of()).bytes());
      generated.put("control", Runs.names(folder, folder));
    }
  }

  private void round(Path folder, Width width, Method method) throws IOException {
    try (PointerScope _ = new PointerScope();
        CausalLm model = CausalLm.load(folder)) {
      PackedModel packed = PackedModel.round(model, width.configs(method));
      score(width, method, model, packed.bytes());
      if (method == Method.OPTIMAL_OF_CONTROL) {
        Path file = Files.createTempFile(options.output(), "ptq", ".safetensors");
        packed.write(file, metadata(width));
        generated.put(width.label() + ", PTQ of control", Runs.names(file, folder));
        Files.delete(file);
      }
    }
  }

  private void quantized(Path base, Width width) throws IOException {
    try (PointerScope _ = new PointerScope();
        CausalLm model = CausalLm.load(base)) {
      TorchQuantOptimizer optimizer =
          lab.train(Training.onward(options.size()), model, width.configs(Method.QAT), ~SEED);
      PackedModel packed = PackedModel.of(model, optimizer.quantized());
      score(width, Method.QAT, model, packed.bytes());
      Path folder = options.output().resolve("qat-" + width.fileName());
      model.save(folder);
      Path file = packed(width);
      packed.write(file, metadata(width));
      generated.put(width.label() + ", QAT", Runs.names(file, folder));
      long compared = PackedModel.verify(file, model);
      verified.add(
          "%s, reloaded: all %,d weights the same bits as in %s".formatted(file, compared, folder));
    }
  }

  private void score(@Nullable Width width, Method method, CausalLm model, long bytes) {
    scores.add(new Score(width, method, lab.bits(model), bytes));
  }

  /** The control in single precision beside the packed models. */
  private List<Speed> speeds(Path control) throws IOException {
    Results results = new Results(scores);
    List<Runs.Candidate> candidates = new ArrayList<>();
    candidates.add(new Runs.Candidate("fp32", results.bits(null, Method.CONTROL), control));
    for (Width width : Width.of(options.full())) {
      double bits = results.bits(width, Method.QAT);
      candidates.add(new Runs.Candidate(width.label(), bits, packed(width)));
    }
    return Runs.speeds(candidates, control);
  }

  private Path packed(Width width) {
    return options.output().resolve("names-" + width.fileName() + ".safetensors");
  }

  private Map<String, String> metadata(Width width) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("model", "names, byte-level decoder");
    values.put("weights", width.label());
    values.put("names", names.count() + ", SHA-256 " + names.digest());
    return values;
  }
}
