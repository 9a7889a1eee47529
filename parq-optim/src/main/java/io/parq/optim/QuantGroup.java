package io.parq.optim;

/** What a {@link QuantOptimizer} keeps of a group, beside the group's own current rates. */
final class QuantGroup {
  private final ParamGroup group;
  private double baseLearningRate;
  private double initialWeightDecay;
  private double cumulatedLearningRate;

  QuantGroup(ParamGroup group) {
    this.group = group;
    this.baseLearningRate = Checks.nonNegative("learning rate of " + group, group.learningRate());
    this.initialWeightDecay = Checks.nonNegative("weight decay of " + group, group.weightDecay());
  }

  void schedule(double factor) {
    group.learningRate(baseLearningRate * factor);
  }

  void cumulate() {
    cumulatedLearningRate += group.learningRate();
  }

  double cumulatedLearningRate() {
    return cumulatedLearningRate;
  }

  /** Weight decay falls with the inverse slope, by a fraction of what it was at first. */
  void annealWeightDecay(double inverseSlope, double fraction) {
    if (group.config() != null) {
      group.weightDecay(
          inverseSlope * fraction * initialWeightDecay + (1 - fraction) * initialWeightDecay);
    }
  }

  void write(StateWriter writer, String prefix) {
    writer.text(prefix + "base_learning_rate", Double.toString(baseLearningRate));
    writer.text(prefix + "initial_weight_decay", Double.toString(initialWeightDecay));
    writer.text(prefix + "cumulated_learning_rate", Double.toString(cumulatedLearningRate));
  }

  void read(StateReader reader, String prefix) {
    reader.rate(prefix + "base_learning_rate", value -> baseLearningRate = value);
    reader.rate(prefix + "initial_weight_decay", value -> initialWeightDecay = value);
    reader.rate(prefix + "cumulated_learning_rate", value -> cumulatedLearningRate = value);
  }
}
