package io.parq.runtime.jinja;

/** A name that stands for nothing: prints as nothing, is false, and cannot be used otherwise. */
record Undefined(String name) {
  static Undefined ofName(String name) {
    return new Undefined(name);
  }

  TemplateException problem() {
    return new TemplateException("'" + name + "' is undefined");
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Undefined;
  }

  @Override
  public int hashCode() {
    return 0;
  }

  @Override
  public String toString() {
    return "";
  }
}
