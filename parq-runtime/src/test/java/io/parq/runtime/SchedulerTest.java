package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.text.Generation;
import io.parq.export.text.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
class SchedulerTest {
  private static LanguageModel model;

  @BeforeAll
  static void load() throws IOException {
    model = LanguageModel.load(Golden.CHAT);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static Generation generation(int seed, int tokens) {
    Sampling sampling = seed % 3 == 0 ? Sampling.GREEDY : new Sampling(1.2, 50, 0.95, 0, 1.1, seed);
    return new Generation(tokens, sampling, List.of());
  }

  private static String prompt(int seed) {
    return "LATIN SMALL LETTER ".repeat(1 + seed * 7 % 23) + seed;
  }

  @Test
  void textsTogetherAreThoseAlone() {
    List<StringBuilder> streamed = new ArrayList<>();
    List<CompletableFuture<Generation.Result>> together = new ArrayList<>();
    int count = 40;
    try (Scheduler scheduler = new Scheduler(model, 9, count, 1024)) {
      for (int seed = 0; seed < count; seed++) {
        StringBuilder stream = new StringBuilder();
        streamed.add(stream);
        Generation generation = generation(seed, 20 + seed % 5 * 17);
        together.add(scheduler.submit(model.prompt(prompt(seed)), generation, stream::append));
        assertTrue(scheduler.active() <= 9);
      }
      for (int seed = 0; seed < count; seed++) {
        Generation.Result result = together.get(seed).join();
        Generation.Result alone =
            model.generate(prompt(seed), generation(seed, 20 + seed % 5 * 17), _ -> {});
        assertEquals(alone.text(), result.text(), prompt(seed));
        assertEquals(alone.text(), streamed.get(seed).toString());
        assertEquals(alone.tokens(), result.tokens());
        assertEquals(alone.end(), result.end());
      }
      assertEquals(0, scheduler.waiting());
    }
  }

  /** Different lengths, some prompts in parts, others a token at a time, some across a limit. */
  @ParameterizedTest
  @ValueSource(
      strings = {"llama3", "qwen2-yarn", "qwen3", "phi3", "phi3-longrope-beyond", "gemma3"})
  void logitsTogetherAreThoseAlone(String family) throws IOException {
    Path folder =
        Path.of(System.getProperty("basedir", ""))
            .toAbsolutePath()
            .resolveSibling("parq-torch/src/test/resources/golden")
            .resolve(family);
    try (LanguageModel other = LanguageModel.load(folder)) {
      Decoder decoder = other.decoder();
      SplittableRandom random = new SplittableRandom(17);
      List<int[]> texts = new ArrayList<>();
      List<KeyValueCache> caches = new ArrayList<>();
      for (int i = 0; i < 7; i++) {
        texts.add(random.ints(64, 0, other.config().vocabSize()).toArray());
        caches.add(decoder.newCache());
      }
      for (int step = 0; step < 30; step++) {
        List<Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
          int length = 3 + 4 * i + step;
          decoder.refresh(caches.get(i), length);
          int to = Math.min(length, caches.get(i).length() + 5);
          float[] logits = new float[other.config().vocabSize()];
          chunks.add(new Chunk(texts.get(i), to, length, caches.get(i), logits));
        }
        decoder.step(chunks);
        for (int i = 0; i < texts.size(); i++) {
          Chunk chunk = chunks.get(i);
          if (chunk.isLast()) {
            float[] alone = decoder.read(texts.get(i), chunk.length(), decoder.newCache(), false);
            assertArrayEquals(alone, chunk.logits(), 1e-4f, "text %d, step %d".formatted(i, step));
          }
        }
      }
    }
  }

  @Test
  void whatIsTooMuchIsRefused() throws InterruptedException {
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    try (Scheduler scheduler = new Scheduler(model, 1, 1, 80)) {
      assertEquals(80, scheduler.positions());
      CompletableFuture<Generation.Result> first =
          scheduler.submit(
              model.prompt("a"),
              generation(0, 1000),
              _ -> {
                started.countDown();
                await(release);
              });
      started.await();
      CompletableFuture<Generation.Result> second =
          scheduler.submit(model.prompt("b"), generation(0, 5), _ -> {});
      assertThrows(
          RejectedExecutionException.class,
          () -> scheduler.submit(model.prompt("c"), generation(0, 5), _ -> {}));
      assertEquals(1, scheduler.waiting());
      second.cancel(false);
      CompletableFuture<Generation.Result> third =
          scheduler.submit(model.prompt("c"), generation(0, 5), _ -> {});
      release.countDown();
      assertEquals(80, first.join().promptTokens() + first.join().tokens());
      assertEquals(5, third.join().tokens());
      assertThrows(
          IllegalArgumentException.class,
          () -> scheduler.submit(new int[81], generation(0, 5), _ -> {}));
      assertThrows(
          IllegalArgumentException.class,
          () -> scheduler.submit(new int[0], generation(0, 5), _ -> {}));
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void cancelledAndFailedTextsDoNotHinderOthers() {
    try (Scheduler scheduler = new Scheduler(model, 4, 4, 1024)) {
      CompletableFuture<Generation.Result> failing =
          scheduler.submit(
              model.prompt("a"),
              generation(0, 100),
              _ -> {
                throw new IllegalStateException("full");
              });
      CompletableFuture<Generation.Result> cancelled =
          scheduler.submit(model.prompt("b"), generation(0, 900), _ -> {});
      CompletableFuture<Generation.Result> wrong =
          scheduler.submit(new int[] {1, 5000}, generation(0, 5), _ -> {});
      cancelled.cancel(false);
      CompletableFuture<Generation.Result> good =
          scheduler.submit(model.prompt("c"), generation(0, 60), _ -> {});
      assertEquals(
          "full", assertThrows(CompletionException.class, failing::join).getCause().getMessage());
      assertThrows(CompletionException.class, wrong::join);
      assertThrows(CancellationException.class, cancelled::join);
      assertEquals(60, good.join().tokens());
    }
  }

  @Test
  void closingFinishesOrCancels() throws InterruptedException {
    Scheduler patient = new Scheduler(model, 2, 2, 1024);
    List<CompletableFuture<Generation.Result>> texts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      texts.add(patient.submit(model.prompt("a"), generation(i, 50), _ -> {}));
    }
    patient.drain(Duration.ofSeconds(30));
    texts.forEach(text -> assertEquals(50, text.join().tokens()));
    assertThrows(
        RejectedExecutionException.class,
        () -> patient.submit(model.prompt("a"), generation(0, 5), _ -> {}));

    Scheduler impatient = new Scheduler(model, 1, 1, 1024);
    CountDownLatch never = new CountDownLatch(1);
    CompletableFuture<Generation.Result> text =
        impatient.submit(
            model.prompt("a"),
            generation(0, 900),
            _ -> {
              try {
                assertFalse(never.await(20, TimeUnit.MILLISECONDS));
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    impatient.drain(Duration.ofMillis(50));
    assertThrows(CancellationException.class, text::join);
    impatient.close();
  }
}
