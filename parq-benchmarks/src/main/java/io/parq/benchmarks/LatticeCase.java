package io.parq.benchmarks;

import io.parq.export.Packing;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Work on one matrix that is not part of a step: fitting a lattice, packing and unpacking codes.
 */
final class LatticeCase implements Case {
  /** What is done. */
  enum Work {
    FIT,
    PACK,
    UNPACK;

    String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  private final Arena arena = Arena.ofShared();
  private final Work work;
  private final Model.Shape shape;
  private final Lattice lattice;
  private final Packing packing;
  private final MemorySegment weights;
  private final MemorySegment codes;
  private final MemorySegment packed;

  /**
   * Prepares the matrix.
   *
   * @param model whose first matrix it is
   * @param config how it is quantized
   * @param work what to do
   */
  LatticeCase(Model model, QuantConfig config, Work work) {
    this.work = work;
    shape = model.shapes().getFirst();
    lattice = Lattice.unfitted(config, shape.dimensions());
    packing = Packing.of(config.grid());
    weights = arena.allocate(work == Work.FIT ? Float.BYTES * shape.size() : 0, 64);
    codes = arena.allocate(work == Work.FIT ? 0 : shape.size(), 64);
    packed = arena.allocate(work == Work.FIT ? 0 : packedBytes(), 64);
    if (work == Work.FIT) {
      Data.weights(weights, 0);
    } else {
      for (long i = 0; i < shape.size(); i++) {
        codes.set(ValueLayout.JAVA_BYTE, i, code(i));
      }
    }
    if (work == Work.UNPACK) {
      packing.pack(codes, shape.rows(), shape.columns(), packed);
      codes.fill((byte) packing.minCode());
    }
  }

  private byte code(long index) {
    int levels = packing.maxCode() - packing.minCode() + 1;
    return (byte) (packing.minCode() + index * 7919 / 13 % levels);
  }

  private long packedBytes() {
    return shape.rows() * packing.rowBytes(shape.columns());
  }

  @Override
  public void run() {
    switch (work) {
      case FIT -> lattice.fit(weights);
      case PACK -> packing.pack(codes, shape.rows(), shape.columns(), packed);
      case UNPACK -> packing.unpack(packed, shape.rows(), shape.columns(), codes);
    }
  }

  @Override
  public void check() {
    switch (work) {
      case FIT -> checkFit();
      case PACK -> {
        MemorySegment unpacked = MemorySegment.ofArray(new byte[(int) shape.size()]);
        packing.unpack(packed, shape.rows(), shape.columns(), unpacked);
        checkCodes(unpacked);
      }
      case UNPACK -> checkCodes(codes);
    }
  }

  private void checkCodes(MemorySegment found) {
    for (long i = 0; i < shape.size(); i++) {
      if (found.get(ValueLayout.JAVA_BYTE, i) != code(i)) {
        throw new IllegalStateException(
            "code %d at index %d, expected %d"
                .formatted(found.get(ValueLayout.JAVA_BYTE, i), i, code(i)));
      }
    }
  }

  /** The last row by itself has the same scales. */
  private void checkFit() {
    Lattice last = Lattice.unfitted(lattice.config(), 1, shape.columns());
    long start = Math.multiplyExact((long) shape.rows() - 1, shape.columns());
    last.fit(weights.asSlice(Float.BYTES * start));
    int offset = lattice.scales().length - last.scales().length;
    for (int i = 0; i < last.scales().length; i++) {
      float found = lattice.scales()[offset + i];
      float expected = last.scales()[i];
      if (found != expected || !(found > 0)) {
        throw new IllegalStateException(
            "%s: scale %d is %s, expected %s"
                .formatted(lattice.config(), offset + i, found, expected));
      }
    }
  }

  @Override
  public long weights() {
    return shape.size();
  }

  @Override
  public long bytes() {
    return work == Work.FIT
        ? Float.BYTES * (shape.size() + lattice.scales().length)
        : shape.size() + packedBytes();
  }

  @Override
  public void close() {
    arena.close();
  }
}
