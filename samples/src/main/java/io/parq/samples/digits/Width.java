package io.parq.samples.digits;

import io.parq.grids.QuantConfig;

/** The widths that the demo compares, all with one single-precision scale a row. */
enum Width {
  ONE("1 bit", "stretched:1", "lsbq-optimal:1"),
  TERNARY("ternary", "ternary", "lsbq-optimal-ternary"),
  TWO("2 bits", "stretched:2", "stretched:2+error-optimal"),
  THREE("3 bits", "stretched:3", "stretched:3+error-optimal"),
  FOUR("4 bits", "symmetric:4", "symmetric:4+error-optimal");

  private final String label;
  private final String training;
  private final String afterTraining;

  Width(String label, String trainingGrid, String afterTrainingGrid) {
    this.label = label;
    this.training = trainingGrid + " per-row fp32";
    this.afterTraining = afterTrainingGrid + " per-row fp32";
  }

  /** {@return the name in tables} */
  String label() {
    return label;
  }

  /** {@return the name in files: 1bit, ternary, 2bits, ...} */
  String fileName() {
    return label.replace(" ", "");
  }

  /** {@return the lattice to train on, refitted at every step} */
  QuantConfig training() {
    return QuantConfig.parse(training);
  }

  /** {@return the lattice to round to after training, fitted for the least squared error} */
  QuantConfig afterTraining() {
    return QuantConfig.parse(afterTraining);
  }
}
