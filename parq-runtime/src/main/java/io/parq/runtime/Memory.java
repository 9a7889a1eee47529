package io.parq.runtime;

import java.lang.foreign.MemorySegment;

/**
 * All memory of the process, for loops of vectors over native memory by its address.
 *
 * <p>As a constant its class, length and owner are known when a loop is compiled, wherever it is
 * used. Of other segments they are known as long as the process has used one class of them only;
 * after that a loop checks them again at every access, and takes up to twice as long. Nothing is
 * checked here: who takes an address checks that all of what is read lies within its segment, and
 * keeps the segment reachable.
 */
final class Memory {
  static final MemorySegment ALL = all();

  private Memory() {}

  @SuppressWarnings("restricted") // of the process itself
  private static MemorySegment all() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }
}
