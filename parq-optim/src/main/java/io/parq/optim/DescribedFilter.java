package io.parq.optim;

import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A filter that its text describes fully, so that equal texts mean equal filters. */
final class DescribedFilter implements ParameterFilter {
  private final String text;
  private final Predicate<Parameter> predicate;

  DescribedFilter(String text, Predicate<Parameter> predicate) {
    this.text = text;
    this.predicate = predicate;
  }

  @Override
  public boolean test(Parameter parameter) {
    return predicate.test(parameter);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof DescribedFilter filter && filter.text.equals(text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
