package io.parq.export;

import io.parq.export.ModelReader.Stored;
import io.parq.export.ModelWriter.Progress;
import io.parq.export.safetensors.TensorInfo;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * Works on a few tensors at a time: as many as the system property {@code io.parq.threads} says,
 * one for each processor by default, and at most eight, for each is in memory meanwhile.
 */
public final class TensorWork {
  private static final int MOST = 8;

  /**
   * What is done with a tensor.
   *
   * @param <T> what stands for a tensor
   */
  @FunctionalInterface
  public interface Work<T> {
    /**
     * Does it; other threads do it with other tensors.
     *
     * @param tensor the tensor
     * @throws IOException if it fails
     */
    void run(T tensor) throws IOException;
  }

  /**
   * What writes a tensor.
   *
   * @param <T> what stands for a tensor
   */
  @FunctionalInterface
  public interface Writing<T> {
    /**
     * Writes it; other threads write other tensors.
     *
     * @param tensor the tensor
     * @return the values that must be read back
     * @throws IOException if it fails
     */
    TensorValues run(T tensor) throws IOException;
  }

  private interface Step<T> {
    void run(T tensor, TensorWork state) throws IOException;
  }

  private final Progress progress;
  private final long total;
  private long done;
  private final AtomicInteger firstFailed = new AtomicInteger(Integer.MAX_VALUE);

  private TensorWork(Progress progress, long total) {
    this.progress = progress;
    this.total = total;
  }

  /**
   * Does something with all tensors; they are begun in their order.
   *
   * @param tensors what stands for them
   * @param name of a tensor
   * @param bytes how much of the progress a tensor is
   * @param progress told of each tensor, by one thread at a time
   * @param work what is done
   * @param <T> what stands for a tensor
   * @throws IOException what the work threw; of several tensors that fail the first one counts, and
   *     no further ones are begun
   */
  public static <T> void forEach(
      List<T> tensors,
      Function<T, String> name,
      ToLongFunction<T> bytes,
      Progress progress,
      Work<T> work)
      throws IOException {
    run(tensors, name, bytes, progress, (tensor, _) -> work.run(tensor));
  }

  /**
   * Writes all tensors; they are begun in their order. Each is read back as soon as it is written,
   * and compared.
   *
   * @param tensors what stands for them
   * @param info of a tensor
   * @param progress told of each tensor when it is begun and when it is read back, by one thread at
   *     a time, and of the end
   * @param written reads what was written
   * @param writing writes a tensor
   * @param <T> what stands for a tensor
   * @throws IOException what the writing threw, or which value is not what was to be written; of
   *     several tensors that fail the first one counts, and no further ones are begun
   */
  public static <T> void write(
      List<T> tensors,
      Function<T, TensorInfo> info,
      Progress progress,
      ModelReader written,
      Writing<T> writing)
      throws IOException {
    Map<String, Stored> stored = Difference.byName(written);
    run(
        tensors,
        tensor -> info.apply(tensor).name(),
        tensor -> info.apply(tensor).byteSize(),
        progress,
        (tensor, state) -> {
          TensorInfo own = info.apply(tensor);
          TensorValues trained = writing.run(tensor);
          state.begin(own.name());
          Difference.check(own, trained, stored, written);
        });
    long total = tensors.stream().mapToLong(tensor -> info.apply(tensor).byteSize()).sum();
    progress.at(total, total, "");
  }

  private static <T> void run(
      List<T> tensors,
      Function<T, String> name,
      ToLongFunction<T> bytes,
      Progress progress,
      Step<T> step)
      throws IOException {
    TensorWork state = new TensorWork(progress, tensors.stream().mapToLong(bytes).sum());
    List<Future<?>> results = new ArrayList<>();
    try (ExecutorService pool =
        Executors.newFixedThreadPool(threads(), Thread.ofPlatform().daemon().factory())) {
      for (int i = 0; i < tensors.size(); i++) {
        int index = i;
        T tensor = tensors.get(i);
        results.add(
            pool.submit(
                () -> {
                  state.run(index, name.apply(tensor), tensor, step);
                  state.end(bytes.applyAsLong(tensor));
                  return tensor;
                }));
      }
      for (Future<?> result : results) {
        await(result);
      }
    }
  }

  private static int threads() {
    int threads = Integer.getInteger("io.parq.threads", Runtime.getRuntime().availableProcessors());
    return Math.clamp(threads, 1, MOST);
  }

  private <T> void run(int index, String name, T tensor, Step<T> step) throws IOException {
    if (firstFailed.get() < index) {
      return;
    }
    try {
      begin(name);
      step.run(tensor, this);
    } catch (IOException | RuntimeException | Error e) {
      firstFailed.accumulateAndGet(index, Math::min);
      throw e;
    }
  }

  private synchronized void begin(String name) {
    progress.at(done, total, name);
  }

  private synchronized void end(long bytes) {
    done += bytes;
  }

  private static void await(Future<?> result) throws IOException {
    try {
      result.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException runtime -> throw runtime;
        case Error error -> throw error;
        case null, default -> throw new IllegalStateException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while tensors were worked on");
    }
  }
}
