package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.NamedTensors;
import io.parq.optim.AdamW;
import io.parq.optim.LrSchedule;
import io.parq.torch.TorchQuantOptimizer;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The training loop: repeatable, resumable, stoppable, and flat in memory. */
class TrainerTest {
  private static final TokenData DATA = TinyModel.data(2000, 1);

  @TempDir private Path folder;

  /** A model with its optimizer and batches. */
  private static final class Run {
    final TinyModel model = new TinyModel(7);
    final TorchQuantOptimizer optimizer = model.optimizer();
    final Batches batches = new Batches(DATA, 32, 4, 5);
    final List<Progress> progress = new ArrayList<>();

    Trainer trainer(TrainConfig config) {
      return new Trainer(
          model,
          optimizer,
          batches,
          config,
          new TrainListener() {
            @Override
            public void stepped(Progress stepped) {
              progress.add(stepped);
            }
          });
    }

    List<Double> losses() {
      return progress.stream().map(Progress::loss).toList();
    }
  }

  @BeforeAll
  static void oneThread() {
    torch.set_num_threads(1);
  }

  private static void assertSame(NamedTensors expected, NamedTensors actual) {
    assertEquals(expected.values(), actual.values());
    assertEquals(expected.tensors().keySet(), actual.tensors().keySet());
    expected
        .tensors()
        .forEach(
            (name, tensor) ->
                assertArrayEquals(
                    tensor.data().toArray(ValueLayout.JAVA_BYTE),
                    actual.tensors().get(name).data().toArray(ValueLayout.JAVA_BYTE),
                    name));
  }

  @Test
  void learns() throws IOException {
    Run run = new Run();
    Trainer.Result result = run.trainer(TrainConfig.of(120)).run();
    assertEquals(120, result.steps());
    assertFalse(result.stopped());
    assertEquals(run.progress.getLast().loss(), result.loss());
    assertTrue(run.progress.getFirst().loss() > 4, () -> "" + run.losses());
    assertTrue(result.loss() < 3, () -> "" + run.losses());
    assertEquals(
        64 * 16 + 32 * 32 + 32 * 64,
        run.optimizer.quantized().values().stream()
            .mapToLong(tensor -> tensor.codes().byteSize())
            .sum());
  }

  @Test
  void sameSeedSameBits() throws IOException {
    Run first = new Run();
    Run second = new Run();
    first.trainer(TrainConfig.of(20)).run();
    second.trainer(TrainConfig.of(20)).run();
    assertEquals(first.losses(), second.losses());
    assertSame(first.optimizer.state(), second.optimizer.state());
  }

  @Test
  void resumesBitForBit() throws IOException {
    TrainConfig config = TrainConfig.of(20).withAccumulation(2);
    Run straight = new Run();
    straight.trainer(config).run();

    Run first = new Run();
    Trainer stopping = stoppingAt(10, first, config.withCheckpoints(folder, 0, 1));
    Trainer.Result halted = stopping.run();
    assertEquals(new Trainer.Result(10, true, first.progress.getLast().loss()), halted);
    assertTrue(first.optimizer.inverseSlope() > 0 && first.optimizer.inverseSlope() < 1);

    torch.manual_seed(99);
    Run second = new Run();
    new Trainer(
            second.model, second.optimizer, second.batches, TrainConfig.of(1), TrainListener.NONE)
        .run();
    Trainer resumed = second.trainer(config);
    resumed.resume(Checkpoints.latest(folder));
    resumed.run();

    List<Double> losses = new ArrayList<>(first.losses());
    losses.addAll(second.losses());
    assertEquals(straight.losses(), losses);
    assertSame(straight.optimizer.state(), second.optimizer.state());
  }

  @Test
  void keepsTheLastCheckpoints() throws IOException {
    Run run = new Run();
    List<Path> saved = new ArrayList<>();
    TrainConfig config = TrainConfig.of(9).withCheckpoints(folder.resolve("new"), 2, 3);
    new Trainer(run.model, run.optimizer, run.batches, config, collecting(saved)).run();
    assertEquals(List.of(2L, 4L, 6L, 8L, 9L), saved.stream().map(Checkpoints::step).toList());
    assertEquals(saved.subList(2, 5), Checkpoints.list(folder.resolve("new")));
    assertEquals(saved.getLast(), Checkpoints.latest(folder.resolve("new")));
    assertNull(Checkpoints.latest(folder.resolve("none")));

    // Going on from an older one does not touch what lies ahead of it.
    Run second = new Run();
    Trainer trainer =
        new Trainer(
            second.model,
            second.optimizer,
            second.batches,
            TrainConfig.of(7).withCheckpoints(folder.resolve("new"), 0, 1),
            collecting(saved));
    trainer.resume(saved.get(2)).run();
    assertEquals(
        List.of(7L, 8L, 9L),
        Checkpoints.list(folder.resolve("new")).stream().map(Checkpoints::step).toList());
  }

  private static TrainListener collecting(List<Path> saved) {
    return new TrainListener() {
      @Override
      public void saved(long step, Path file) {
        assertEquals(step, Checkpoints.step(file));
        saved.add(file);
      }
    };
  }

  @Test
  void refusesOtherCheckpoints() throws IOException {
    Run run = new Run();
    run.trainer(TrainConfig.of(3).withCheckpoints(folder, 0, 1)).run();
    Path file = Checkpoints.latest(folder);
    Run other = new Run();
    NamedTensors before = other.optimizer.state().copy();
    Trainer accumulating = other.trainer(TrainConfig.of(3).withAccumulation(2));
    assertEquals(
        file + ": train/accumulation is 1, expected 2",
        assertThrows(IllegalArgumentException.class, () -> accumulating.resume(file)).getMessage());
    Trainer otherData =
        new Trainer(
            other.model,
            other.optimizer,
            new Batches(TinyModel.data(2000, 2), 32, 4, 5),
            TrainConfig.of(3),
            TrainListener.NONE);
    String message =
        assertThrows(IllegalArgumentException.class, () -> otherData.resume(file)).getMessage();
    assertTrue(message.matches(".*: train/data is 2000 tokens \\w{8}, expected 2000 .*"), message);
    Trainer otherSettings =
        new Trainer(
            other.model,
            TorchQuantOptimizer.builder(other.model)
                .base(groups -> new AdamW(groups, 1e-2))
                .build(),
            new Batches(DATA, 32, 4, 5),
            TrainConfig.of(3),
            TrainListener.NONE);
    message =
        assertThrows(IllegalArgumentException.class, () -> otherSettings.resume(file)).getMessage();
    assertTrue(message.startsWith(file + ": state, "), message);
    assertSame(before, other.optimizer.state());
    assertEquals(0, other.batches.position());
  }

  @Test
  void accumulationIsTheMeanOverAllTargets() throws IOException {
    Run whole = new Run();
    Run parts = new Run();
    new Trainer(
            whole.model,
            whole.optimizer,
            new Batches(DATA, 32, 4, 5),
            TrainConfig.of(2),
            TrainListener.NONE)
        .run();
    Trainer accumulating =
        new Trainer(
            parts.model,
            parts.optimizer,
            new Batches(DATA, 32, 1, 5),
            TrainConfig.of(2).withAccumulation(4),
            TrainListener.NONE);
    accumulating.run();
    float[] expected = whole.optimizer.state().tensors().get("weight/up.weight").toFloats();
    float[] actual = parts.optimizer.state().tensors().get("weight/up.weight").toFloats();
    assertArrayEquals(expected, actual, 1e-5f);
  }

  @Test
  void evaluatesEveryFewStepsAndAtTheEnd() throws IOException {
    Run run = new Run();
    List<Long> steps = new ArrayList<>();
    List<Perplexity> results = new ArrayList<>();
    TrainListener listener =
        new TrainListener() {
          @Override
          public void evaluated(long step, Perplexity result) {
            steps.add(step);
            results.add(result);
          }
        };
    TokenData heldOut = TinyModel.data(300, 2);
    TrainConfig config = TrainConfig.of(50).withEvalEvery(20);
    new Trainer(run.model, run.optimizer, run.batches, config, listener).evaluateOn(heldOut).run();
    assertEquals(List.of(20L, 40L, 50L), steps);
    assertEquals(299, results.getFirst().tokens());
    assertTrue(results.getLast().loss() < results.getFirst().loss(), results::toString);
    assertEquals(Perplexity.of(run.model, heldOut, 32, 32, 4), results.getLast());
  }

  @Test
  void reportsProgress() throws IOException {
    Run run = new Run();
    run.trainer(TrainConfig.of(20).withAccumulation(2)).run();
    Progress last = run.progress.getLast();
    assertEquals(20, last.step());
    assertEquals(20 * 2 * 4 * 32, last.tokens());
    assertTrue(last.tokensPerSecond() > 0);
    assertEquals(Duration.ZERO, last.timeLeft());
    assertEquals(1e-2, run.progress.getFirst().learningRate());
    assertEquals(1e-2 * LrSchedule.cosine(20, 0.1).factor(19), last.learningRate(), 1e-12);
    assertTrue(last.gradientNorm() > 0);
    assertEquals(1, run.progress.getFirst().inverseSlope());
    assertEquals(0, last.inverseSlope());
    assertTrue(run.progress.getFirst().timeLeft().compareTo(Duration.ZERO) > 0);
  }

  @Test
  void nativeMemoryIsFlat() throws IOException {
    Run run = new Run();
    run.trainer(TrainConfig.of(300)).run();
    System.gc();
    long before = Pointer.physicalBytes();
    run.trainer(TrainConfig.of(1000)).run();
    System.gc();
    long growth = Pointer.physicalBytes() - before;
    // A leak of the logits alone would be 32 MB.
    assertTrue(growth < 16 << 20, () -> "grew by " + growth + " bytes over 1000 steps");
  }

  private static Trainer stoppingAt(long step, Run run, TrainConfig config) {
    Trainer[] trainer = new Trainer[1];
    trainer[0] =
        new Trainer(
            run.model,
            run.optimizer,
            run.batches,
            config,
            new TrainListener() {
              @Override
              public void stepped(Progress progress) {
                run.progress.add(progress);
                if (progress.step() == step) {
                  trainer[0].stop();
                }
              }
            });
    return trainer[0];
  }
}
