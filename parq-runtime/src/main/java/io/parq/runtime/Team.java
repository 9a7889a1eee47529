package io.parq.runtime;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The threads that products run on: the caller's and some of its own. A token takes hundreds of
 * products of a tenth of a millisecond, so handing one out must take less than a microsecond: who
 * has nothing to do looks for work for a while, in turns, before it sleeps. The number of threads
 * is the system property {@code io.parq.threads}, by default one for each processor.
 *
 * <p>One run at a time is shared; a caller that finds the others busy does all its tasks itself, as
 * one within a task does.
 */
final class Team {
  /** Nanoseconds without work after which a thread sleeps. */
  private static final long PATIENCE = 200_000;

  private static final int LOOKS = 64;

  /**
   * Nanoseconds that a caller sleeps when the others take long, for they may need its processor.
   */
  private static final long NAP = 10_000;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long WORTH_THREADS = 1 << 16;

  private final Helper[] helpers;
  private final ReentrantLock busy = new ReentrantLock();
  private volatile @Nullable Run current;

  /** A task's body. */
  interface Body {
    void run(int task);
  }

  private static final class Shared {
    static final Team TEAM = new Team(threads());

    private static int threads() {
      int threads =
          Integer.getInteger("io.parq.threads", Runtime.getRuntime().availableProcessors());
      if (threads < 1) {
        throw new IllegalArgumentException(
            "system property io.parq.threads is %d, expected at least 1".formatted(threads));
      }
      return threads;
    }
  }

  /**
   * Starts threads, which end with the program.
   *
   * @param threads that work on a run, the caller's included
   */
  Team(int threads) {
    helpers = new Helper[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = new Helper();
      helpers[i].thread.start();
    }
  }

  /** The team of all models. */
  static Team shared() {
    return Shared.TEAM;
  }

  /**
   * Runs tasks on the team of all models, or on the caller's thread if they are small.
   *
   * @param products multiplications of all tasks together
   */
  static void run(long products, int tasks, Body body) {
    if (products >= WORTH_THREADS) {
      shared().run(tasks, body);
    } else {
      for (int task = 0; task < tasks; task++) {
        body.run(task);
      }
    }
  }

  /** Runs tasks 0 to {@code tasks} less one, and rethrows what one of them threw first. */
  void run(int tasks, Body body) {
    if (tasks < 2 || helpers.length == 0 || busy.isHeldByCurrentThread() || !busy.tryLock()) {
      for (int task = 0; task < tasks; task++) {
        body.run(task);
      }
      return;
    }
    try {
      Run run = new Run(tasks, 2 * (helpers.length + 1), body);
      current = run;
      for (Helper helper : helpers) {
        helper.wake();
      }
      run.drain();
      run.await();
      current = null;
    } finally {
      busy.unlock();
    }
  }

  /** One of the threads besides the caller's. */
  private final class Helper implements Runnable {
    final Thread thread = Thread.ofPlatform().daemon().name("parq-runtime").unstarted(this);
    private volatile boolean asleep;

    void wake() {
      if (asleep) {
        LockSupport.unpark(thread);
      }
    }

    @Override
    public void run() {
      Run last = null;
      while (true) {
        last = next(last);
        last.drain();
      }
    }

    /** Waits for another run. */
    private Run next(@Nullable Run last) {
      long start = System.nanoTime();
      while (true) {
        for (int look = 0; look < LOOKS; look++) {
          Run run = current;
          if (run != null && run != last) {
            return run;
          }
          Thread.onSpinWait();
        }
        if (System.nanoTime() - start > PATIENCE) {
          asleep = true;
          Run run = current;
          if (run == null || run == last) {
            LockSupport.park(Team.this);
          }
          asleep = false;
          start = System.nanoTime();
        }
      }
    }
  }

  /**
   * Tasks that are handed out some neighbours at a time, and one by one in the end: what one reads
   * follows what the one before has read. Who comes too late finds none left.
   */
  private static final class Run {
    private final int tasks;
    private final int share;
    private final Body body;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private volatile @Nullable Throwable failure;

    Run(int tasks, int share, Body body) {
      this.tasks = tasks;
      this.share = share;
      this.body = body;
    }

    void drain() {
      int from = next.get();
      while (from < tasks) {
        int to = from + Math.max(1, (tasks - from) / share);
        int found = next.compareAndExchange(from, to);
        if (found != from) {
          from = found;
          continue;
        }
        for (int task = from; task < to; task++) {
          run(task);
        }
        from = next.get();
      }
    }

    private void run(int task) {
      try {
        if (failure == null) {
          body.run(task);
        }
      } catch (RuntimeException | Error e) {
        failure = e;
      } finally {
        done.getAndIncrement();
      }
    }

    void await() {
      for (int look = 0; done.get() < tasks; look++) {
        if (look % 1024 == 1023) {
          LockSupport.parkNanos(this, NAP);
        } else {
          Thread.onSpinWait();
        }
      }
      switch (failure) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new AssertionError(e);
      }
    }
  }
}
