package io.parq.torch;

import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Checks a state item by item; what was asked for is known, the rest is an error. */
final class TorchStateReader {
  private final NamedTensors state;
  private final Set<String> known = new HashSet<>();

  TorchStateReader(NamedTensors state) {
    this.state = state;
  }

  boolean hasTensor(String key) {
    return state.tensors().containsKey(key);
  }

  void text(String key, String expected) {
    String found = value(key);
    if (!found.equals(expected)) {
      throw wrong("value " + key, found, expected);
    }
  }

  /** A finite number, at least 0. */
  double rate(String key) {
    String found = value(key);
    double rate;
    try {
      rate = Double.parseDouble(found);
    } catch (NumberFormatException e) {
      throw (IllegalArgumentException) wrong("value " + key, found, "a number").initCause(e);
    }
    if (!(rate >= 0 && rate < Double.POSITIVE_INFINITY)) {
      throw wrong("value " + key, found, "a finite number of at least 0");
    }
    return rate;
  }

  long count(String key) {
    String found = value(key);
    if (!found.matches("\\d{1,18}")) {
      throw wrong("value " + key, found, "a count");
    }
    return Long.parseLong(found);
  }

  TensorData tensor(String key, long[] shape) {
    known.add("tensor " + key);
    TensorData tensor = state.tensors().get(key);
    String expected = DType.F32 + Arrays.toString(shape);
    if (tensor == null || !tensor.toString().equals(expected)) {
      throw wrong("tensor " + key, tensor == null ? "nothing" : tensor.toString(), expected);
    }
    return tensor;
  }

  /** A fitted lattice, new. */
  Lattice lattice(String prefix, Lattice like) {
    Lattice lattice = Lattice.unfitted(like.config(), like.shape());
    try {
      lattice.load(nested(prefix));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("state, " + prefix + ": " + e.getMessage(), e);
    }
    return lattice;
  }

  private NamedTensors nested(String prefix) {
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

  /** Refuses items that nobody asked for. */
  void checkAllKnown() {
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
  }

  private String value(String key) {
    known.add("value " + key);
    String found = state.values().get(key);
    if (found == null) {
      throw wrong("value " + key, "nothing", "a value");
    }
    return found;
  }

  private static IllegalArgumentException wrong(String item, String found, String expected) {
    return new IllegalArgumentException(
        "state, %s: found %s, expected %s".formatted(item, found, expected));
  }
}
