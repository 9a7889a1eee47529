package io.parq.optim;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Chooses parameters. Filters are values: they compare by content and print as what they choose,
 * and error messages show that text. A lambda works too, but prints poorly.
 */
@FunctionalInterface
public interface ParameterFilter {
  /**
   * {@return whether the parameter is chosen}
   *
   * @param parameter the parameter; not modified
   */
  boolean test(Parameter parameter);

  /** {@return all parameters} */
  static ParameterFilter all() {
    return new DescribedFilter("all", parameter -> true);
  }

  /** {@return the matrices of linear layers} */
  static ParameterFilter linear() {
    return kind(Parameter.Kind.LINEAR);
  }

  /** {@return embedding tables} */
  static ParameterFilter embedding() {
    return kind(Parameter.Kind.EMBEDDING);
  }

  /**
   * {@return parameters of some kinds} Tied parameters have the kind of the first of them.
   *
   * @param kinds the kinds, at least one
   * @throws IllegalArgumentException if there is none
   */
  static ParameterFilter kind(Parameter.Kind... kinds) {
    if (kinds.length == 0) {
      throw new IllegalArgumentException("no kind, expected at least one");
    }
    Set<Parameter.Kind> chosen = EnumSet.copyOf(Arrays.asList(kinds));
    String text =
        chosen.stream()
            .map(kind -> kind.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining("|"));
    return new DescribedFilter(text, parameter -> chosen.contains(parameter.kind()));
  }

  /**
   * {@return parameters whose whole name, or one of whose aliases, matches a pattern}
   *
   * @param glob a name in which {@code *} stands for any run of characters, dots included, and
   *     {@code ?} for one
   */
  static ParameterFilter named(String glob) {
    String regex =
        glob.codePoints()
            .mapToObj(c -> c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(Character.toString(c)))
            .collect(Collectors.joining());
    Pattern pattern = Pattern.compile(regex, Pattern.DOTALL);
    return new DescribedFilter(
        "named '" + glob + "'",
        parameter ->
            pattern.matcher(parameter.name()).matches()
                || parameter.aliases().stream().anyMatch(pattern.asMatchPredicate()));
  }

  /**
   * {@return parameters that both choose}
   *
   * @param other the other filter
   */
  default ParameterFilter and(ParameterFilter other) {
    return new DescribedFilter(
        "(" + this + " and " + other + ")", parameter -> test(parameter) && other.test(parameter));
  }

  /**
   * {@return parameters that at least one chooses}
   *
   * @param other the other filter
   */
  default ParameterFilter or(ParameterFilter other) {
    return new DescribedFilter(
        "(" + this + " or " + other + ")", parameter -> test(parameter) || other.test(parameter));
  }

  /** {@return parameters that this does not choose} */
  default ParameterFilter not() {
    return new DescribedFilter("not " + this, parameter -> !test(parameter));
  }
}
