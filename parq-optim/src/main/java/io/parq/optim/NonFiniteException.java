package io.parq.optim;

/** A gradient, latent or weight was NaN or infinite when a step began; nothing has been changed. */
public final class NonFiniteException extends ArithmeticException {
  private static final long serialVersionUID = 1L;

  private final String parameter;
  private final long step;
  private final long index;
  private final float value;

  NonFiniteException(Parameter parameter, String what, long step, long index, float value) {
    super(
        "%s: %s %s at index %d [row %d, column %d] in step %d, expected finite; nothing was changed"
            .formatted(
                parameter.name(),
                what,
                value,
                index,
                parameter.row(index),
                parameter.column(index),
                step));
    this.parameter = parameter.name();
    this.step = step;
    this.index = index;
    this.value = value;
  }

  /** {@return the parameter's name} */
  public String parameter() {
    return parameter;
  }

  /** {@return the number of steps taken before} */
  public long step() {
    return step;
  }

  /** {@return the flat index of the first such element} */
  public long index() {
    return index;
  }

  /** {@return its value} */
  public float value() {
    return value;
  }
}
