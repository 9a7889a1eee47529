package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.text.Generation;
import io.parq.export.text.Sampling;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import io.parq.grids.TensorData;
import io.parq.optim.AdamW;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.torch.CausalLm;
import io.parq.torch.Torch;
import io.parq.torch.TorchQuantOptimizer;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small decoder under the training loop: from text to a generated text. */
class DecoderTrainingTest {
  private static final String TEXT =
      "one two three four five six seven eight nine ten. ".repeat(60);

  @TempDir private Path folder;

  /** A model with all that trains it. */
  private static final class Run implements AutoCloseable {
    final CausalLm model = CausalLm.create(SmallModels.config(2, 32, 64, 4, 2, 256, true), 3);
    final TorchQuantOptimizer optimizer =
        TorchQuantOptimizer.builder(model)
            .base(groups -> new AdamW(groups, 1e-2))
            .quantize(ParameterFilter.linear(), QuantConfig.of(3))
            .quantize(ParameterFilter.embedding(), QuantConfig.of(4))
            .prox(ProxMap.parq(5, 15))
            .quantPeriod(3)
            .build();
    final Batches batches = new Batches(TokenData.ofText(TEXT, TextCodec.bytes()), 16, 4, 5);
    final List<Double> losses = new ArrayList<>();

    Run withActivations() {
      model.quantizeActivations(ActivationQuantization.INT8_ASYM_PER_TOKEN, optimizer.groups());
      return this;
    }

    Trainer trainer(TrainConfig config) {
      TrainListener listener =
          new TrainListener() {
            @Override
            public void stepped(Progress progress) {
              losses.add(progress.loss());
            }
          };
      return new Trainer(model::forward, optimizer, batches, config, listener);
    }

    /** The bytes of weights, latents, moments and scales. */
    Map<String, TensorData> tensors() {
      return optimizer.state().tensors();
    }

    @Override
    public void close() {
      model.close();
    }
  }

  private static void assertSame(Map<String, TensorData> expected, Map<String, TensorData> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (name, tensor) ->
            assertArrayEquals(
                tensor.data().toArray(ValueLayout.JAVA_BYTE),
                actual.get(name).data().toArray(ValueLayout.JAVA_BYTE),
                name));
  }

  @Test
  void resumesBitForBitOnOneAndTwoThreads() throws IOException {
    for (int threads = 1; threads <= 2; threads++) {
      Path checkpoints = folder.resolve("on" + threads);
      TrainConfig config = TrainConfig.of(20).withThreads(threads);
      try (Run straight = new Run();
          Run first = new Run();
          Run second = new Run()) {
        straight.trainer(config).run();
        first
            .trainer(TrainConfig.of(10).withThreads(threads).withCheckpoints(checkpoints, 0, 1))
            .run();
        assertTrue(first.optimizer.inverseSlope() > 0 && first.optimizer.inverseSlope() < 1);
        Path checkpoint = Checkpoints.latest(checkpoints);
        assertNotNull(checkpoint);
        second.trainer(config).resume(checkpoint).run();
        List<Double> losses = Stream.concat(first.losses.stream(), second.losses.stream()).toList();
        assertEquals(straight.losses, losses);
        assertSame(straight.tensors(), second.tensors());
      }
    }
  }

  private TrainConfig saving(int steps) {
    return TrainConfig.of(steps).withEvalEvery(100).withCheckpoints(folder.resolve("saved"), 20, 1);
  }

  @Test
  void quantizedActivationsTrainAndResumeBitForBit() throws IOException {
    Torch.setThreads(1);
    TrainConfig config = TrainConfig.of(60).withThreads(1);
    TrainConfig half = TrainConfig.of(30).withThreads(1).withCheckpoints(folder, 0, 1);
    try (Run plain = new Run();
        Run straight = new Run().withActivations();
        Run first = new Run().withActivations();
        Run second = new Run().withActivations()) {
      plain.trainer(config).run();
      straight.trainer(config).run();
      assertNotEquals(plain.losses, straight.losses);
      double start = straight.losses.getFirst();
      double end = straight.losses.getLast();
      assertTrue(end < start - 2, () -> "from %s to %s".formatted(start, end));
      assertEquals(plain.losses.getLast(), end, 0.2);

      first.trainer(half).run();
      Path checkpoint = Checkpoints.latest(folder);
      assertNotNull(checkpoint);
      second.trainer(config).resume(checkpoint).run();
      assertEquals(
          straight.losses, Stream.concat(first.losses.stream(), second.losses.stream()).toList());
      assertSame(straight.tensors(), second.tensors());
    }
  }

  @Test
  void nativeMemoryIsFlatAndTheTextIsLearnt() throws IOException {
    Torch.setThreads(1);
    try (Run run = new Run()) {
      TokenData text = TokenData.ofText(TEXT, TextCodec.bytes());
      run.trainer(saving(200)).evaluateOn(text).run();
      System.gc();
      long before = Pointer.physicalBytes();
      run.trainer(saving(1000)).evaluateOn(text).run();
      System.gc();
      long growth = Pointer.physicalBytes() - before;
      assertFalse(growth > 24 << 20, () -> "grew by " + growth + " bytes over 1000 steps");

      Perplexity quantized = Perplexity.of(Scorer.of(run.model::forward), text, 16, 8, 8);
      assertTrue(quantized.bitsPerCharacter() < 1, quantized::toString);
      Generator generator = new Generator(run.model::forward, TextCodec.bytes(), 16);
      Generation greedy = new Generation(40, Sampling.GREEDY, List.of(" five"));
      Generation.Result result = generator.generate("one two", greedy, piece -> {});
      assertEquals(" three four", result.text());
      assertEquals(16, result.tokens());
      assertEquals(Generation.End.STOP_STRING, result.end());

      // What is saved is what was trained.
      run.model.save(folder.resolve("model"));
      try (CausalLm saved = CausalLm.load(folder.resolve("model"))) {
        assertEquals(quantized, Perplexity.of(Scorer.of(saved::forward), text, 16, 8, 8));
      }
    }
  }
}
