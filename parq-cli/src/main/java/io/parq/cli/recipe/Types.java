package io.parq.cli.recipe;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The types of keys that hold a single value or a list. */
final class Types {
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?");

  private Types() {}

  /** Turns text into a value. */
  interface Parser<T> {
    /**
     * Parses.
     *
     * @return the value, or null if the text is not one
     * @throws IllegalArgumentException if it is not, with a message that says what was expected
     */
    @Nullable T parse(String text);
  }

  /** A type written as one word or number. */
  private record Scalar<T>(String expected, Collection<String> names, Parser<T> parser)
      implements Type<T> {
    @Override
    public @Nullable T read(Node node, String key, Reading reading) {
      if (!(node instanceof Node.Scalar scalar) || scalar.isEmpty()) {
        reading.problem(node.place(), key, "found " + found(node) + ", expected " + expected);
        return null;
      }
      String reason = "expected " + expected + Nearest.hint(scalar.text(), names);
      try {
        T value = parser.parse(scalar.text());
        if (value != null) {
          return value;
        }
      } catch (IllegalArgumentException e) {
        String message = e.getMessage();
        if (message != null && message.contains("expected")) {
          reason = message;
        }
      }
      reading.problem(node.place(), key, "found " + node.describe() + ", " + reason);
      return null;
    }
  }

  /** What was found, nothing included. */
  static String found(Node node) {
    return node instanceof Node.Scalar scalar && scalar.isEmpty() ? "nothing" : node.describe();
  }

  static <T> Type<T> scalar(String expected, Collection<String> names, Parser<T> parser) {
    return new Scalar<>(expected, names, parser);
  }

  static Type<Boolean> bool() {
    return scalar(
        "true or false",
        List.of("true", "false"),
        text ->
            switch (text) {
              case "true" -> Boolean.TRUE;
              case "false" -> Boolean.FALSE;
              default -> null;
            });
  }

  static Type<Long> integer(long least, long most) {
    String range =
        most == Integer.MAX_VALUE || most == Long.MAX_VALUE
            ? "a whole number, at least " + least
            : "a whole number, " + least + " to " + most;
    return scalar(
        range,
        List.of(),
        text -> {
          if (!text.matches("[-+]?\\d{1,18}")) {
            return null;
          }
          long value = Long.parseLong(text);
          return value >= least && value <= most ? value : null;
        });
  }

  /** A finite number within a range, which the text describes. */
  static Type<Double> number(String range, Predicate<Double> inRange) {
    return scalar(
        "a number " + range,
        List.of(),
        text -> {
          Double value = NUMBER.matcher(text).matches() ? Double.valueOf(text) : null;
          return value != null && Double.isFinite(value) && inRange.test(value) ? value : null;
        });
  }

  static Type<Double> atLeastZero() {
    return number("of at least 0", value -> value >= 0);
  }

  static Type<Double> aboveZero() {
    return number("above 0", value -> value > 0);
  }

  static Type<Double> unit() {
    return number("from 0 to 1", value -> value >= 0 && value <= 1);
  }

  static Type<Double> belowOne() {
    return number("from 0 to below 1", value -> value >= 0 && value < 1);
  }

  static Type<Steps> steps() {
    return scalar(
        "a number of steps such as 50, or a fraction of all steps such as 0.1",
        List.of(),
        Steps::parse);
  }

  /** A name of an enum's constants, as {@link #name} spells them. */
  static <E extends Enum<E>> Type<E> choice(Class<E> constants) {
    List<String> names = Arrays.stream(constants.getEnumConstants()).map(Types::name).toList();
    String expected = names.size() == 1 ? names.getFirst() : "one of " + String.join(", ", names);
    return scalar(
        expected,
        names,
        text -> {
          for (E constant : constants.getEnumConstants()) {
            if (name(constant).equals(text.replace('_', '-'))) {
              return constant;
            }
          }
          return null;
        });
  }

  /** {@return how recipes spell a constant: lower case, hyphens} */
  static String name(Enum<?> constant) {
    return constant.toString().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** A value, or a word that stands for having none. */
  static <T> Type<Optional<T>> or(String none, Type<T> type) {
    return new Type<>() {
      @Override
      public String expected() {
        return type.expected() + ", or " + none;
      }

      @Override
      @SuppressWarnings("NullableOptional") // Empty is the word for having none, null a problem.
      public @Nullable Optional<T> read(Node node, String key, Reading reading) {
        if (node instanceof Node.Scalar scalar && scalar.plain() && scalar.text().equals(none)) {
          return Optional.empty();
        }
        if (!(type instanceof Scalar<T> scalar)) {
          return Optional.ofNullable(type.read(node, key, reading));
        }
        List<String> names = new ArrayList<>(scalar.names);
        names.add(none);
        T value = new Scalar<>(expected(), names, scalar.parser).read(node, key, reading);
        return value == null ? null : Optional.of(value);
      }
    };
  }

  /** What must be there for a path to be read. */
  enum Exists {
    FILE("no such file"),
    FOLDER("no such folder; models are not downloaded"),
    NOT_NEEDED("");

    private final String missing;

    Exists(String missing) {
      this.missing = missing;
    }

    private boolean holds(Path path) {
      return switch (this) {
        case FILE -> Files.isRegularFile(path);
        case FOLDER -> Files.isDirectory(path);
        case NOT_NEEDED -> !Files.isRegularFile(path);
      };
    }
  }

  static Type<Path> path(String expected, Exists exists) {
    return new PathType(expected, exists);
  }

  private record PathType(String expected, Exists exists) implements Type<Path> {
    @Override
    public @Nullable Path read(Node node, String key, Reading reading) {
      if (!(node instanceof Node.Scalar scalar) || scalar.text().isBlank() || scalar.isEmpty()) {
        reading.problem(node.place(), key, "found " + found(node) + ", expected " + expected);
        return null;
      }
      try {
        Path path = reading.resolve(node.place(), scalar.text());
        if (!reading.checksFiles() || exists.holds(path)) {
          return path;
        }
        String problem = exists == Exists.NOT_NEEDED ? "a file is there" : exists.missing;
        reading.problem(node.place(), key, path + ": " + problem + ", expected " + expected);
      } catch (java.nio.file.InvalidPathException e) {
        reading.problem(node.place(), key, "found " + node.describe() + ", expected " + expected);
      }
      return null;
    }
  }

  /** Items of one type in brackets or with hyphens; a fixed number of them unless that is 0. */
  static <T> Type<List<T>> list(String expected, int size, Type<T> item) {
    return new Type<>() {
      @Override
      public String expected() {
        return expected;
      }

      @Override
      public @Nullable List<T> read(Node node, String key, Reading reading) {
        if (!(node instanceof Node.Sequence list) || (size > 0 && list.items().size() != size)) {
          reading.problem(node.place(), key, "found " + found(node) + ", expected " + expected);
          return null;
        }
        List<T> values = new ArrayList<>();
        for (int i = 0; i < list.items().size(); i++) {
          T value = item.read(list.items().get(i), key + "[" + i + "]", reading);
          if (value != null) {
            values.add(value);
          }
        }
        return values.size() == list.items().size() ? List.copyOf(values) : null;
      }
    };
  }
}
