package io.parq.export.gguf;

/**
 * The order of rows of queries and keys. Hugging Face turns element i of a head with i + d / 2, and
 * llama.cpp's llama element 2i with 2i + 1, so a file interleaves the halves of each head.
 *
 * @param headDim elements of a head, or 0 if rows stay where they are
 */
record RowOrder(int headDim) {
  static final RowOrder SAME = new RowOrder(0);

  /** The order of a tensor under the file's name. */
  static RowOrder of(String name, Architecture architecture, int headDim) {
    boolean turned =
        name.matches("blk\\.\\d+\\.attn_[qk]\\.(weight|bias)") && architecture.pairsNeighbours();
    return turned ? new RowOrder(headDim) : SAME;
  }

  boolean isSame() {
    return headDim == 0;
  }

  /** The model's row that is at a place in the file. */
  long modelRow(long fileRow) {
    if (isSame()) {
      return fileRow;
    }
    long within = fileRow % headDim;
    return fileRow - within + within % 2 * (headDim / 2) + within / 2;
  }

  /** The place in the file of a row of the model. */
  long fileRow(long modelRow) {
    if (isSame()) {
      return modelRow;
    }
    long within = modelRow % headDim;
    int half = headDim / 2;
    return modelRow - within + within % half * 2 + within / half;
  }
}
