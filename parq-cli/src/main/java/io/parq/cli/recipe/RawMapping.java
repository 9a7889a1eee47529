package io.parq.cli.recipe;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A mapping whose keys are checked later: numbers, texts, lists and mappings as in JSON. */
final class RawMapping implements Type<Map<String, @Nullable Object>> {
  @Override
  public String expected() {
    return "a mapping such as {hidden_size: 256, num_hidden_layers: 2}";
  }

  @Override
  public @Nullable Map<String, @Nullable Object> read(Node node, String key, Reading reading) {
    if (!(node instanceof Node.Mapping mapping)) {
      reading.problem(node.place(), key, "found " + Types.found(node) + ", expected " + expected());
      return null;
    }
    return map(mapping, key, reading);
  }

  private static Map<String, @Nullable Object> map(
      Node.Mapping mapping, String key, Reading reading) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    mapping
        .entries()
        .forEach((name, value) -> values.put(name, value(value, key + "." + name, reading)));
    return Collections.unmodifiableMap(values);
  }

  private static @Nullable Object value(Node node, String key, Reading reading) {
    return switch (node) {
      case Node.Mapping mapping -> map(mapping, key, reading);
      case Node.Sequence list -> {
        List<@Nullable Object> values = new ArrayList<>();
        for (Node item : list.items()) {
          values.add(value(item, key + "[" + values.size() + "]", reading));
        }
        yield Collections.unmodifiableList(values);
      }
      case Node.Scalar scalar -> scalar.plain() ? scalar(scalar, key, reading) : scalar.text();
    };
  }

  private static @Nullable Object scalar(Node.Scalar scalar, String key, Reading reading) {
    String text = scalar.text();
    if (scalar.isEmpty()) {
      return null;
    }
    if (text.equals("true") || text.equals("false")) {
      return Boolean.valueOf(text);
    }
    if (text.matches("[-+]?\\d{1,18}")) {
      return Long.valueOf(text);
    }
    if (!text.matches(
        "[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?|[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)")) {
      return text;
    }
    double value = text.matches("[-+]?\\.[iInN].*") ? Double.NaN : Double.parseDouble(text);
    if (!Double.isFinite(value)) {
      reading.problem(
          scalar.place(), key, "found " + scalar.describe() + ", expected a finite number");
    }
    return value;
  }
}
