package io.parq.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** Splits plain loops between threads, for what the optimizers are compared to. */
final class Parallel implements AutoCloseable {
  private static final long CHUNK = 1 << 18;

  private final int threads;
  private final ExecutorService pool;

  /** A loop over a range. */
  interface Body {
    void run(long from, long to);
  }

  Parallel(int threads) {
    this.threads = threads;
    this.pool = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
  }

  /** Runs the body over all of a range, in pieces. */
  void run(long size, Body body) {
    AtomicLong next = new AtomicLong();
    Callable<Boolean> work =
        () -> {
          for (long from = next.getAndAdd(CHUNK); from < size; from = next.getAndAdd(CHUNK)) {
            body.run(from, Math.min(size, from + CHUNK));
          }
          return true;
        };
    List<Callable<Boolean>> tasks = new ArrayList<>();
    for (int i = 0; i < threads && i * CHUNK < size; i++) {
      tasks.add(work);
    }
    try {
      for (Future<Boolean> done : pool.invokeAll(tasks)) {
        done.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }
}
