package io.parq.export;

import io.parq.grids.Kernels;
import java.lang.invoke.MethodHandles;

/**
 * The loops that pack codes and unpack them. Both sides of a chunk begin at index 0, and arrays
 * have {@link #ROOM} beyond, which is overwritten.
 */
interface PackingKernels {
  /** The chosen ones. */
  PackingKernels BEST =
      Kernels.choose(
          MethodHandles.lookup(), PackingKernels.class, new ScalarPacking(), "VectorPacking");

  /** Bytes that arrays must be longer than what they hold: those of the longest vector. */
  int ROOM = 64;

  /** Packs codes, and says whether all of them fit. */
  boolean pack(Packing packing, byte[] codes, int length, byte[] packed);

  /** Unpacks codes, and says whether all of them are. */
  boolean unpack(Packing packing, byte[] packed, int length, byte[] codes);
}
