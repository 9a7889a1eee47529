package io.parq.samples.digits;

/** How a network came by its weights. */
enum Method {
  /** Trained in full precision: where all others start. */
  BASE("base"),
  /** The base, trained on in full precision for as long as the quantized ones. */
  CONTROL("trained on, fp32"),
  /** The base, rounded once. */
  PTQ("PTQ"),
  /** Trained on with the hard map: weights are rounded at every step. */
  STRAIGHT_THROUGH("straight-through"),
  /** Trained on with the annealed map: weights are pulled ever harder towards their levels. */
  PARQ("PARQ");

  private final String label;

  Method(String label) {
    this.label = label;
  }

  /** {@return the name in tables} */
  String label() {
    return label;
  }
}
