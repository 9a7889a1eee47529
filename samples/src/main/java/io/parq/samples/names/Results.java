package io.parq.samples.names;

import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * The scores of all models, and what follows from them.
 *
 * @param scores one for each model
 */
record Results(List<Score> scores) {
  /** Below this many bits of a character nothing is lost that could be recovered. */
  static final double LEAST_LOSS = 0.005;

  Results {
    scores = List.copyOf(scores);
  }

  /** {@return the widths, in the order of their scores} */
  List<Width> widths() {
    return scores.stream()
        .filter(score -> score.method() == Method.QAT)
        .<Width>mapMulti(
            (score, widths) -> {
              if (score.width() != null) {
                widths.accept(score.width());
              }
            })
        .toList();
  }

  /** {@return bits of a character} */
  double bits(@Nullable Width width, Method method) {
    return find(width, method).bits();
  }

  /** {@return how many bits of a character QAT stays behind the control} */
  double behindControl(Width width) {
    return bits(width, Method.QAT) - bits(null, Method.CONTROL);
  }

  /** {@return bytes of a model's weights} */
  long bytes(@Nullable Width width) {
    return find(width, width == null ? Method.BASE : Method.QAT).bytes();
  }

  /** {@return how many times smaller than single precision the packed weights are} */
  double smaller(Width width) {
    return (double) bytes(null) / bytes(width);
  }

  /** What QAT recovers of the base, starting from the error-optimal rounding of the base. */
  OptionalDouble recoveredOfBase(Width width) {
    return recovered(
        bits(width, Method.OPTIMAL_OF_BASE), bits(width, Method.QAT), bits(null, Method.BASE));
  }

  /**
   * What QAT recovers of the control, starting from the error-optimal rounding of the control. This
   * is the stricter of the two, for the control was trained on for as long as QAT.
   */
  OptionalDouble recoveredOfControl(Width width) {
    return recovered(
        bits(width, Method.OPTIMAL_OF_CONTROL),
        bits(width, Method.QAT),
        bits(null, Method.CONTROL));
  }

  /**
   * How much of what rounding cost is won back, (PTQ - QAT) / (PTQ - reference), in percent; all in
   * bits of a character, of which fewer are better. Empty where rounding cost less than {@link
   * #LEAST_LOSS}.
   */
  static OptionalDouble recovered(double ptq, double qat, double reference) {
    double loss = ptq - reference;
    return loss < LEAST_LOSS ? OptionalDouble.empty() : OptionalDouble.of(100 * (ptq - qat) / loss);
  }

  private Score find(@Nullable Width width, Method method) {
    return scores.stream()
        .filter(score -> score.width() == width && score.method() == method)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no score of " + width + ", " + method));
  }
}
