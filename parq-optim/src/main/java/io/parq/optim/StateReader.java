package io.parq.optim;

import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;
import java.util.function.LongConsumer;

/**
 * Checks a state item by item and changes nothing until {@link #apply}, which refuses items that
 * nobody asked for.
 */
final class StateReader {
  private final NamedTensors state;
  private final Set<String> known = new HashSet<>();
  private final List<Runnable> changes = new ArrayList<>();

  StateReader(NamedTensors state) {
    this.state = state;
  }

  /** A text that must be the expected one. */
  void text(String key, String expected) {
    String found = value(key);
    if (!found.equals(expected)) {
      throw wrong(key, found, expected);
    }
  }

  /** A finite number, at least 0. */
  void rate(String key, DoubleConsumer target) {
    String found = value(key);
    double rate;
    try {
      rate = Double.parseDouble(found);
    } catch (NumberFormatException e) {
      throw wrong(key, found, "a number");
    }
    if (!(rate >= 0 && rate < Double.POSITIVE_INFINITY)) {
      throw wrong(key, found, "a finite number of at least 0");
    }
    change(() -> target.accept(rate));
  }

  void count(String key, LongConsumer target) {
    long count = count(key);
    change(() -> target.accept(count));
  }

  long count(String key) {
    String found = value(key);
    if (!found.matches("\\d{1,18}")) {
      throw wrong(key, found, "a count");
    }
    return Long.parseLong(found);
  }

  /** A tensor of the given shape, whose stored data the target copies. */
  void floats(String key, long[] shape, Consumer<MemorySegment> target) {
    known.add("tensor " + key);
    TensorData tensor = state.tensors().get(key);
    String expected = DType.F32 + Arrays.toString(shape);
    if (tensor == null || !tensor.toString().equals(expected)) {
      throw wrong("tensor " + key, tensor == null ? "nothing" : tensor.toString(), expected);
    }
    change(() -> target.accept(tensor.data()));
  }

  /** A lattice's scales; tried on a copy first. */
  void lattice(String prefix, Lattice target) {
    NamedTensors scales = nested(prefix);
    try {
      Lattice.unfitted(target.config(), target.shape()).load(scales);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("state, " + prefix + ": " + e.getMessage(), e);
    }
    change(() -> target.load(scales));
  }

  /** Membership and configuration as they are, and rates to be set. */
  void groups(List<ParamGroup> groups) {
    for (int i = 0; i < groups.size(); i++) {
      ParamGroup group = groups.get(i);
      text("group/" + i + "/parameters", StateWriter.names(group));
      text("group/" + i + "/config", StateWriter.config(group.config()));
      rate("group/" + i + "/learning_rate", group::learningRate);
      rate("group/" + i + "/weight_decay", group::weightDecay);
    }
  }

  /** The items under a prefix, without it. */
  NamedTensors nested(String prefix) {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    Map<String, String> values = new LinkedHashMap<>();
    state
        .tensors()
        .forEach(
            (key, tensor) -> {
              if (key.startsWith(prefix)) {
                known.add("tensor " + key);
                tensors.put(key.substring(prefix.length()), tensor);
              }
            });
    state
        .values()
        .forEach(
            (key, value) -> {
              if (key.startsWith(prefix)) {
                known.add("value " + key);
                values.put(key.substring(prefix.length()), value);
              }
            });
    return new NamedTensors(tensors, values);
  }

  void change(Runnable change) {
    changes.add(change);
  }

  /** Makes the changes, unless the state holds more than was read. */
  void apply() {
    for (String key : state.tensors().keySet()) {
      if (!known.contains("tensor " + key)) {
        throw wrong("tensor " + key, "an item of this name", "none");
      }
    }
    for (String key : state.values().keySet()) {
      if (!known.contains("value " + key)) {
        throw wrong("value " + key, "an item of this name", "none");
      }
    }
    changes.forEach(Runnable::run);
  }

  private String value(String key) {
    known.add("value " + key);
    String found = state.values().get(key);
    if (found == null) {
      throw wrong("value " + key, "nothing", "a value");
    }
    return found;
  }

  static IllegalArgumentException wrong(String item, String found, String expected) {
    return new IllegalArgumentException(
        "state, %s: found %s, expected %s".formatted(item, found, expected));
  }
}
