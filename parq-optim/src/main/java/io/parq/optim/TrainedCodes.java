package io.parq.optim;

import io.parq.grids.Lattice;
import io.parq.grids.QuantizedTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns trained weights into codes on the lattice that they were trained on, bit for bit. */
final class TrainedCodes {
  private final Workers workers;

  TrainedCodes(Workers workers) {
    this.workers = workers;
  }

  /** A weight that is not on a level. */
  private record Stray(long index, float weight, float level) {}

  /**
   * Finds the codes of one parameter.
   *
   * @param chunks the parameter's chunks
   * @param progress what an error message says of the annealing
   * @throws IllegalStateException if a weight is not exactly on its nearest level
   */
  QuantizedTensor of(QuantSlot slot, List<Chunk> chunks, String progress) {
    Lattice lattice = slot.lattice();
    MemorySegment codes = Floats.allocateBytes(slot.parameter().size());
    int firstChunk = chunks.getFirst().index();
    @Nullable Stray[] strays = new Stray[chunks.size()];
    workers.forEach(
        Batches.of(chunks),
        (tile, chunk) -> strays[chunk.index() - firstChunk] = encode(tile, chunk, slot, codes));
    for (Stray stray : strays) {
      if (stray != null) {
        Parameter parameter = slot.parameter();
        throw new IllegalStateException(
            "%s: row %d, column %d holds %s, nearest level %s: not quantized yet, %s"
                .formatted(
                    parameter.name(),
                    parameter.row(stray.index),
                    parameter.column(stray.index),
                    stray.weight,
                    stray.level,
                    progress));
      }
    }
    Lattice held = Lattice.unfitted(lattice.config(), lattice.shape());
    held.load(lattice.state());
    return new QuantizedTensor(held, codes);
  }

  private static @Nullable Stray encode(
      Tile tile, Chunk chunk, QuantSlot slot, MemorySegment codes) {
    int length = chunk.length();
    byte[] part = new byte[length];
    Floats.load(slot.parameter().weights(), chunk.start(), tile.x, 0, length);
    slot.lattice().codes(chunk.block(), tile.x, 0, length, part, 0);
    slot.lattice().values(chunk.block(), part, 0, length, tile.g, 0);
    MemorySegment.copy(part, 0, codes, ValueLayout.JAVA_BYTE, chunk.start(), length);
    for (int i = 0; i < length; i++) {
      if (Float.floatToRawIntBits(tile.x[i]) != Float.floatToRawIntBits(tile.g[i])) {
        return new Stray(chunk.start() + i, tile.x[i], tile.g[i]);
      }
    }
    return null;
  }
}
