package io.parq.serve;

import io.parq.export.text.Generation;
import io.parq.runtime.Scheduler;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The texts of a request while they are generated. Closing cancels them. */
final class Texts implements AutoCloseable {
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final List<CompletableFuture<Generation.Result>> futures = new ArrayList<>();

  /**
   * Something that happened to a text.
   *
   * @param index of the text
   * @param piece what was added to it, if anything
   * @param result all of it, if it ended
   * @param failure why it will not end, if so
   */
  record Event(
      int index, String piece, Generation.@Nullable Result result, @Nullable Throwable failure) {}

  private Texts() {}

  /** Submits all texts of a request or none. */
  static Texts submit(Scheduler scheduler, Query query) {
    Texts texts = new Texts();
    try {
      for (int i = 0; i < query.prompts().size(); i++) {
        texts.submit(scheduler, i, query);
      }
      return texts;
    } catch (RejectedExecutionException e) {
      texts.close();
      throw ApiException.busy("too many requests: " + e.getMessage());
    } catch (RuntimeException e) {
      texts.close();
      throw e;
    }
  }

  private void submit(Scheduler scheduler, int index, Query query) {
    CompletableFuture<Generation.Result> future =
        scheduler.submit(
            query.prompts().get(index),
            query.generations().get(index),
            piece -> events.add(new Event(index, piece, null, null)));
    futures.add(future);
    var _ =
        future.whenComplete((result, failure) -> events.add(new Event(index, "", result, failure)));
  }

  int count() {
    return futures.size();
  }

  /** The next event, or null if there is none in time. */
  @Nullable Event next(long nanos) throws InterruptedException {
    return events.poll(nanos, TimeUnit.NANOSECONDS);
  }

  @Override
  public void close() {
    futures.forEach(future -> future.cancel(false));
  }
}
