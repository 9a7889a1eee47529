package io.parq.runtime.jinja;

/** A template that cannot be read or rendered, or that refuses what it is given. */
public final class TemplateException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /**
   * Says why.
   *
   * @param message what was found and expected, or what the template itself says
   */
  public TemplateException(String message) {
    super(message);
  }
}
