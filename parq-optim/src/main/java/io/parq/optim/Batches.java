package io.parq.optim;

import java.util.ArrayList;
import java.util.List;

/**
 * Chunks in runs of about a full chunk's elements, so that many small tensors cost no more than a
 * large one.
 *
 * @param chunks the chunks
 * @param ends where batches end, one after another
 * @param elements the chunks' elements together
 * @param longest elements in the longest chunk
 */
record Batches(List<Chunk> chunks, List<Integer> ends, long elements, int longest) {
  static Batches of(List<Chunk> chunks) {
    List<Integer> ends = new ArrayList<>();
    long elements = 0;
    long batch = 0;
    int longest = 0;
    for (int i = 0; i < chunks.size(); i++) {
      int length = chunks.get(i).length();
      if (batch > 0 && batch + length > ChunkPlan.LENGTH) {
        ends.add(i);
        batch = 0;
      }
      batch += length;
      elements += length;
      longest = Math.max(longest, length);
    }
    if (!chunks.isEmpty()) {
      ends.add(chunks.size());
    }
    return new Batches(chunks, ends, elements, longest);
  }

  int start(int batch) {
    return batch == 0 ? 0 : ends.get(batch - 1);
  }

  int end(int batch) {
    return ends.get(batch);
  }
}
