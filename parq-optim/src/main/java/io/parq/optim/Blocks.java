package io.parq.optim;

import io.parq.grids.Lattice;

/** Calls a lattice block by block over a run of values: a part of one block, or whole blocks. */
final class Blocks {
  private Blocks() {}

  static void nearest(Lattice lattice, int block, float[] x, int from, int length, float[] q) {
    int size = lattice.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      lattice.nearest(b, x, from + done, Math.min(size, length - done), q);
    }
  }

  static void interval(
      Lattice lattice, int block, float[] x, int from, int length, float[] lower, float[] upper) {
    int size = lattice.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      lattice.interval(b, x, from + done, Math.min(size, length - done), lower, upper);
    }
  }

  /**
   * Codes of the nearest levels; array positions are relative to the run's start in both arrays.
   */
  static void codes(Lattice lattice, int block, float[] x, int length, byte[] codes) {
    int size = lattice.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      lattice.codes(b, x, done, Math.min(size, length - done), codes, done);
    }
  }

  static void values(Lattice lattice, int block, byte[] codes, int length, float[] out) {
    int size = lattice.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      lattice.values(b, codes, done, Math.min(size, length - done), out, done);
    }
  }

  /** Fits whole blocks. */
  static void fit(Lattice lattice, int block, float[] x, int length) {
    int size = lattice.layout().blockLength();
    for (int done = 0, b = block; done < length; done += size, b++) {
      lattice.fitBlock(b, x, done);
    }
  }
}
