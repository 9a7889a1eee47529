package io.parq.runtime;

import io.parq.export.text.Generation;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Generates several texts together (continuous batching). All go on by a token in each step, in
 * which weights are read from memory once for all of them; new ones join as soon as there is room,
 * in the order in which they came, and their prompts are read in parts beside the others' tokens.
 * Thread-safe. The model is the caller's, and stays open.
 */
public final class Scheduler implements AutoCloseable {
  /** Tokens of prompts that are read in a step: more would hold up the texts under way. */
  private static final int PROMPT_TOKENS = 128;

  private final LanguageModel model;
  private final int concurrent;
  private final int queued;
  private final int positions;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Job> waiting = new ArrayDeque<>();

  /** Changed by the one thread that generates, under the lock. */
  private final List<Job> active = new ArrayList<>();

  private final Thread thread = new Thread(this::run, "parq-scheduler");
  private boolean closing;

  /** A text, and whom it is for. */
  private record Job(Sequence sequence, CompletableFuture<Generation.Result> result) {
    void finish() {
      try {
        result.complete(sequence.result());
      } catch (RuntimeException | Error e) {
        result.completeExceptionally(e);
      }
    }
  }

  /**
   * Starts with nothing to do.
   *
   * @param model what generates
   * @param concurrent most texts at a time, at least 1; each takes memory for keys and values
   * @param queued most texts that wait for room, at least 0
   * @param positions most tokens of a text with its prompt, at least 1; no more than the model has
   *     count
   */
  public Scheduler(LanguageModel model, int concurrent, int queued, int positions) {
    if (concurrent < 1 || queued < 0 || positions < 1) {
      throw new IllegalArgumentException(
          "%d texts at a time, %d waiting, %d positions, expected at least 1, 0 and 1"
              .formatted(concurrent, queued, positions));
    }
    this.model = model;
    this.concurrent = concurrent;
    this.queued = queued;
    this.positions = Math.min(positions, model.config().maxPositions());
    thread.setDaemon(true);
    thread.start();
  }

  /** {@return most tokens of a text with its prompt} */
  public int positions() {
    return positions;
  }

  /** {@return the number of texts under way} */
  public int active() {
    lock.lock();
    try {
      return active.size();
    } finally {
      lock.unlock();
    }
  }

  /** {@return the number of texts that wait for room} */
  public int waiting() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Continues a prompt when its turn comes. The text is that which {@link LanguageModel#generate}
   * gives, up to the rounding of sums, which may depend on how many tokens are multiplied together.
   *
   * @param prompt the tokens, as {@link LanguageModel#prompt} gives them; not modified
   * @param generation what to do
   * @param stream is given the text in pieces as {@link LanguageModel#generate} does, by one thread
   *     at a time; it holds up the other texts, so it should only pass them on
   * @return the text; cancelling it ends the work
   * @throws IllegalArgumentException if there are no tokens, or more than positions
   * @throws RejectedExecutionException if too many texts wait already, or after {@link #close}
   */
  public CompletableFuture<Generation.Result> submit(
      int[] prompt, Generation generation, Consumer<String> stream) {
    Sequence sequence =
        model.sequence(prompt, generation, model.decoder().newCache(), positions, stream);
    Job job = new Job(sequence, new CompletableFuture<>());
    lock.lock();
    try {
      if (closing) {
        throw new RejectedExecutionException("closed");
      }
      waiting.removeIf(other -> other.result().isDone());
      if (active.size() + waiting.size() >= concurrent + queued) {
        throw new RejectedExecutionException(
            "%d texts under way and %d waiting, expected at most %d and %d"
                .formatted(active.size(), waiting.size(), concurrent, queued));
      }
      waiting.add(job);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    return job.result();
  }

  private void run() {
    while (admit()) {
      List<Job> jobs = List.copyOf(active);
      try {
        step(jobs);
      } catch (RuntimeException e) {
        jobs.forEach(this::stepAlone); // one may be at fault
      } catch (Error e) {
        jobs.forEach(job -> job.result().completeExceptionally(e));
      }
    }
  }

  private void stepAlone(Job job) {
    try {
      step(List.of(job));
    } catch (RuntimeException | Error e) {
      job.result().completeExceptionally(e);
    }
  }

  /** Waits for something to do; false after the last text when closed. */
  private boolean admit() {
    lock.lock();
    try {
      while (true) {
        if (active.removeIf(job -> job.result().isDone())) {
          changed.signalAll();
        }
        while (active.size() < concurrent && !waiting.isEmpty()) {
          Job job = waiting.remove();
          if (!job.result().isDone()) {
            active.add(job);
          }
        }
        if (!active.isEmpty()) {
          return true;
        }
        if (closing) {
          return false;
        }
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Reads the next token of each text that is under way, and parts of the others' prompts. */
  private void step(List<Job> jobs) {
    List<Job> read = new ArrayList<>();
    List<Chunk> chunks = new ArrayList<>();
    int left = PROMPT_TOKENS;
    for (Job job : jobs) {
      Sequence sequence = job.sequence();
      model.decoder().refresh(sequence.cache(), sequence.length());
      int tokens = sequence.unread() == 1 ? 1 : Math.min(left, sequence.unread());
      if (tokens > 0) {
        left -= sequence.unread() == 1 ? 0 : tokens;
        read.add(job);
        chunks.add(sequence.next(tokens));
      }
    }
    int[] before = chunks.stream().mapToInt(chunk -> chunk.cache().length()).toArray();
    try {
      model.decoder().step(chunks);
    } catch (RuntimeException e) {
      for (int i = 0; i < before.length; i++) {
        chunks.get(i).cache().length(before[i]); // nothing was read
      }
      throw e;
    }
    IntStream.range(0, read.size())
        .parallel()
        .filter(i -> chunks.get(i).isLast())
        .forEach(i -> add(read.get(i)));
  }

  private static void add(Job job) {
    try {
      if (!job.sequence().add()) {
        job.finish();
      }
    } catch (RuntimeException | Error e) {
      job.result().completeExceptionally(e);
    }
  }

  /**
   * Takes no more texts, and waits until those that were taken are done.
   *
   * @param patience how long to wait; what has not ended then is cancelled
   * @throws InterruptedException if the thread is interrupted while it waits; {@link #close} ends
   *     the rest
   */
  public void drain(Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    lock.lock();
    try {
      closing = true;
      changed.signalAll();
      while (left > 0 && !(active.isEmpty() && waiting.isEmpty())) {
        left = changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
    close();
  }

  /** Cancels all texts, and takes no more. Closing twice does nothing. */
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      waiting.forEach(job -> job.result().cancel(false));
      active.forEach(job -> job.result().cancel(false));
      waiting.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive() && thread != Thread.currentThread()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
