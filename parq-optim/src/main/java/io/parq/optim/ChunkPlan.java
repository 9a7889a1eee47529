package io.parq.optim;

import io.parq.grids.BlockLayout;
import io.parq.grids.QuantConfig;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Cuts the tensors of an optimizer into chunks; slots count parameters in the order of the groups.
 * Moments and latents are kept in one array for each chunk, so that every loop runs over arrays
 * from index 0, which the compiler vectorizes, and only memory of the caller is copied.
 */
final class ChunkPlan {
  /** Elements in a chunk: its arrays stay in the second-level cache, and are long streams of it. */
  static final int LENGTH = 1 << 15;

  private final List<Chunk> chunks = new ArrayList<>();

  /** Where a slot's chunks begin, and where the last one's end. */
  private final List<Integer> firsts = new ArrayList<>();

  private final Batches batches;

  ChunkPlan(List<ParamGroup> groups) {
    for (ParamGroup group : groups) {
      for (Parameter parameter : group.parameters()) {
        cut(parameter, group.config());
      }
    }
    firsts.add(chunks.size());
    batches = Batches.of(chunks);
  }

  private void cut(Parameter parameter, @Nullable QuantConfig config) {
    int slot = firsts.size();
    firsts.add(chunks.size());
    if (config == null) {
      cutFreely(slot, parameter.size());
      return;
    }
    BlockLayout layout = BlockLayout.of(parameter.shape(), config.granularity());
    if (layout.blocks() == 1) {
      cutFreely(slot, layout.size());
      return;
    }
    int blocks = blocks(layout.blockLength());
    for (long next = 0; next < layout.blocks(); next += blocks) {
      int block = (int) next;
      int length = Math.min(blocks, layout.blocks() - block) * layout.blockLength();
      chunks.add(new Chunk(chunks.size(), slot, layout.start(block), length, block));
    }
  }

  /**
   * Blocks in a chunk: so many that moments can be rounded in blocks of their own, if those don't
   * make it much too long.
   */
  private static int blocks(int length) {
    int most = Math.max(1, LENGTH / length);
    int aligned = Moments.BLOCK / Math.min(Moments.BLOCK, Integer.lowestOneBit(length));
    return aligned <= most
        ? most - most % aligned
        : aligned <= 2 * LENGTH / length ? aligned : most;
  }

  /** Whether moments of a slot can be rounded in blocks of {@link Moments#BLOCK} elements. */
  boolean isAligned(int slot) {
    return chunks(slot).stream().allMatch(chunk -> chunk.start() % Moments.BLOCK == 0);
  }

  private void cutFreely(int slot, long size) {
    for (long start = 0; start < size; start += LENGTH) {
      int length = (int) Math.min(LENGTH, size - start);
      chunks.add(new Chunk(chunks.size(), slot, start, length, 0));
    }
  }

  /** All chunks, in batches. */
  Batches batches() {
    return batches;
  }

  /** All chunks, by index. */
  List<Chunk> chunks() {
    return chunks;
  }

  List<Chunk> chunks(int slot) {
    return chunks.subList(firsts.get(slot), firsts.get(slot + 1));
  }

  /** Views a slot's arrays, which together hold its elements. */
  List<MemorySegment> views(int slot, float[][] parts) {
    return chunks(slot).stream().map(chunk -> MemorySegment.ofArray(parts[chunk.index()])).toList();
  }

  /** Fills a slot's arrays. */
  void fill(int slot, TensorData whole, float[][] parts) {
    for (Chunk chunk : chunks(slot)) {
      whole.toFloats(chunk.start(), parts[chunk.index()], 0, chunk.length());
    }
  }
}
