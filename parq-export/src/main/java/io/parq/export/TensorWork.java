package io.parq.export;

import io.parq.export.ModelWriter.Progress;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
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
                  state.run(index, name.apply(tensor), tensor, work);
                  state.end(bytes.applyAsLong(tensor));
                  return tensor;
                }));
      }
      for (Future<?> result : results) {
        await(result);
      }
    }
  }

  /**
   * {@return the progress of the first of two passes over the same tensors}
   *
   * @param whole of both passes
   */
  public static Progress firstHalf(Progress whole) {
    return (done, total, tensor) -> whole.at(done / 2, total, tensor);
  }

  /**
   * {@return the progress of the second of two passes over the same tensors}
   *
   * @param whole of both passes
   * @param total of the first pass; the second one may count otherwise
   */
  public static Progress secondHalf(Progress whole, long total) {
    return (done, all, tensor) ->
        whole.at(
            (total + (all == 0 ? 0 : (long) ((double) done / all * total))) / 2, total, tensor);
  }

  private static int threads() {
    int threads = Integer.getInteger("io.parq.threads", Runtime.getRuntime().availableProcessors());
    return Math.clamp(threads, 1, MOST);
  }

  private <T> void run(int index, String name, T tensor, Work<T> work) throws IOException {
    if (firstFailed.get() < index) {
      return;
    }
    try {
      begin(name);
      work.run(tensor);
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
