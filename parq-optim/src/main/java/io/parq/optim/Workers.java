package io.parq.optim;

import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.RecursiveAction;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Runs independent tasks on several threads, each with a tile of its own. */
final class Workers {
  /** Elements for which waking another thread pays. */
  private static final long GRAIN = 1 << 14;

  private final int threads;
  private final ForkJoinPool pool;
  private final @Nullable Tile[] tiles;

  /** A task's body. */
  interface Body {
    void run(Tile tile, int task);
  }

  /** Threads as configured, from a pool that all optimizers share. */
  Workers() {
    this(Shared.THREADS, Shared.POOL);
  }

  /** A fixed number of threads, from a pool of their own. */
  Workers(int threads) {
    this(threads, new ForkJoinPool(threads));
  }

  private Workers(int threads, ForkJoinPool pool) {
    this.threads = threads;
    this.pool = pool;
    this.tiles = new Tile[threads];
  }

  private static final class Shared {
    static final int THREADS =
        (int)
            Checks.atLeast(
                "system property io.parq.threads",
                Integer.getInteger("io.parq.threads", Runtime.getRuntime().availableProcessors()),
                1);
    static final ForkJoinPool POOL = new ForkJoinPool(THREADS);
  }

  /** Runs the body on each chunk; a tile is long enough for its chunk. */
  void forEach(Batches batches, ChunkBody body) {
    run(
        batches.ends().size(),
        batches.elements(),
        (tile, batch) -> {
          tile.ensure(batches.longest());
          for (int i = batches.start(batch); i < batches.end(batch); i++) {
            body.run(tile, batches.chunks().get(i));
          }
        });
  }

  /** What is done with a chunk. */
  interface ChunkBody {
    void run(Tile tile, Chunk chunk);
  }

  /**
   * Runs all tasks, also on the calling thread, and rethrows what one of them threw first.
   *
   * @param tasks their number
   * @param elements floats that they touch together: few are not worth another thread
   * @param body what to do
   */
  void run(int tasks, long elements, Body body) {
    long others = Math.min(Math.min(threads, tasks) - 1, elements / GRAIN);
    Run run = new Run(tasks, body);
    Share[] shares = new Share[(int) Math.max(0, others)];
    for (int i = 0; i < shares.length; i++) {
      shares[i] = new Share(run, tile(i + 1));
      pool.execute(shares[i]);
    }
    run.drain(tile(0));
    for (Share share : shares) {
      share.quietlyJoin();
    }
    run.rethrow();
  }

  /**
   * What another thread does of a run. Not used again for the next one: who has done a share wakes
   * those who wait for it a moment after it counts as done, and would take the next run's for them.
   */
  private static final class Share extends RecursiveAction {
    private static final long serialVersionUID = 1L;

    private final transient Run run;
    private final transient Tile tile;

    Share(Run run, Tile tile) {
      this.run = run;
      this.tile = tile;
    }

    @Override
    protected void compute() {
      run.drain(tile);
    }
  }

  private Tile tile(int worker) {
    if (tiles[worker] == null) {
      tiles[worker] = new Tile();
    }
    return tiles[worker];
  }

  /** The tasks that are left, and the first failure, with which they end. */
  private static final class Run {
    private final int tasks;
    private final Body body;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Run(int tasks, Body body) {
      this.tasks = tasks;
      this.body = body;
    }

    void drain(Tile tile) {
      try {
        for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
          body.run(tile, task);
        }
      } catch (RuntimeException | Error e) {
        next.set(tasks);
        failure.compareAndSet(null, e);
      }
    }

    /** Not through the pool, which would lose the message. */
    void rethrow() {
      switch (failure.get()) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new AssertionError(e);
      }
    }
  }
}
