package io.parq.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Arrays for what is needed for a while only, used again and again: thirty layers and thousands of
 * tokens ask for the same ones. They are taken one by one, and what was taken after a {@link #mark}
 * goes back together with {@link #release}. What is in them is what was left there. Those that
 * nobody has asked for in a while are dropped, such as a long prompt's.
 *
 * <p>Every thread has its own, and another one for tasks of a {@link Team}, which are many and
 * short.
 */
final class Scratch {
  private static final ThreadLocal<Scratch> OF_CALLER =
      ThreadLocal.withInitial(() -> new Scratch(4));
  private static final ThreadLocal<Scratch> OF_TASK =
      ThreadLocal.withInitial(() -> new Scratch(1 << 16));

  /** Bytes of two lines of a cache. */
  private static final int LINES = 128;

  /** Those that are taken, and then the others. */
  private final List<Kept> arrays = new ArrayList<>();

  private final int patience;
  private int taken;

  /** How often all were given back since what is not used was dropped. */
  private int rounds;

  private static final class Kept {
    private final Object array;
    private boolean used;

    Kept(Object array) {
      this.array = array;
    }
  }

  private Scratch(int patience) {
    this.patience = patience;
  }

  /** That of the thread's own work. */
  static Scratch ofCaller() {
    return OF_CALLER.get();
  }

  /** That of the task which the thread is at. */
  static Scratch ofTask() {
    return OF_TASK.get();
  }

  /** What {@link #release} takes. */
  int mark() {
    return taken;
  }

  /** Takes back all arrays that were taken since then. */
  void release(int mark) {
    taken = mark;
    if (mark == 0 && ++rounds == patience) {
      rounds = 0;
      arrays.removeIf(kept -> !kept.used);
      arrays.forEach(kept -> kept.used = false);
    }
  }

  float[] floats(int length) {
    return take(float[].class, length, float[]::new);
  }

  int[] ints(int length) {
    return take(int[].class, length, int[]::new);
  }

  byte[] bytes(int length) {
    return take(byte[].class, length, byte[]::new);
  }

  /**
   * Native memory for sums that a task keeps adding to. Vectors in it are never in two lines of a
   * cache, and other threads' memory never is in the same lines nor in the ones that processors
   * fetch along with them.
   */
  MemorySegment memory(int bytes) {
    int whole = Math.ceilDiv(bytes, LINES) * LINES;
    return take(MemorySegment.class, whole, size -> Arena.ofAuto().allocate(size, LINES));
  }

  private <T> T take(Class<T> type, int length, IntFunction<T> make) {
    int at = taken;
    while (at < arrays.size() && !is(arrays.get(at).array, type, length)) {
      at++;
    }
    if (at == arrays.size()) {
      arrays.add(new Kept(make.apply(length)));
    }
    Collections.swap(arrays, at, taken);
    Kept kept = arrays.get(taken++);
    kept.used = true;
    return type.cast(kept.array);
  }

  private static boolean is(Object array, Class<?> type, int length) {
    return array instanceof MemorySegment memory
        ? type == MemorySegment.class && memory.byteSize() == length
        : array.getClass() == type && Array.getLength(array) == length;
  }
}
