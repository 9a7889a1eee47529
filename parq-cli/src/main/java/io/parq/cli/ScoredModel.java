package io.parq.cli;

import io.parq.torch.train.Scorer;
import io.parq.torch.train.TextCodec;

/** A model that can be scored, and how it reads text. */
interface ScoredModel extends AutoCloseable {
  Scorer scorer();

  TextCodec codec();

  @Override
  void close();
}
