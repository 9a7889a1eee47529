package io.parq.samples.names;

/** How a model came to its weights. */
enum Method {
  BASE("base", false),
  CONTROL("control", false),
  NEAREST_OF_BASE("PTQ of base, nearest", false),
  OPTIMAL_OF_BASE("PTQ of base, error-optimal", true),
  NEAREST_OF_CONTROL("PTQ of control, nearest", false),
  OPTIMAL_OF_CONTROL("PTQ of control, error-optimal", true),
  QAT("QAT", false);

  private final String label;
  private final boolean errorOptimal;

  Method(String label, boolean errorOptimal) {
    this.label = label;
    this.errorOptimal = errorOptimal;
  }

  /** {@return the name in tables} */
  String label() {
    return label;
  }

  /** {@return whether scales are those of the least squared error} */
  boolean errorOptimal() {
    return errorOptimal;
  }
}
