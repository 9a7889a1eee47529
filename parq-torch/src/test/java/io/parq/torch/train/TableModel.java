package io.parq.torch.train;

import org.bytedeco.pytorch.Tensor;

/** The logits after a token are a row of a table. Counts its calls. */
final class TableModel implements LanguageModel {
  private final float[][] rows;
  int calls;

  TableModel(float[][] rows) {
    this.rows = rows;
  }

  /** Row {@code i} gives the probabilities {@code rows[i]}. */
  static TableModel ofProbabilities(double[][] probabilities) {
    float[][] rows = new float[probabilities.length][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new float[probabilities[i].length];
      for (int j = 0; j < rows[i].length; j++) {
        // Shifted: logits are free up to a constant.
        rows[i][j] = (float) (Math.log(probabilities[i][j]) + i);
      }
    }
    return new TableModel(rows);
  }

  @Override
  public Tensor logits(Tensor ids) {
    calls++;
    int batch = (int) ids.size(0);
    int time = (int) ids.size(1);
    int vocabulary = rows[0].length;
    float[] logits = new float[batch * time * vocabulary];
    for (int i = 0; i < batch; i++) {
      for (int j = 0; j < time; j++) {
        int id = (int) ids.select(0, i).select(0, j).item_long();
        System.arraycopy(rows[id], 0, logits, (i * time + j) * vocabulary, vocabulary);
      }
    }
    return Tensor.create(logits, batch, time, vocabulary);
  }
}
