package io.parq.cli;

import java.util.Locale;

/** What runs a model. */
enum Backend {
  /** Packed weights, without LibTorch. */
  RUNTIME,
  /** LibTorch, in single precision. */
  TORCH;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
