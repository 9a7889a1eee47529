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
 * Checks the state of an optimizer item by item and changes nothing until {@link #apply}, which
 * refuses items that nobody asked for. Whatever does not fit is an {@link
 * IllegalArgumentException}; the message names the item, what was found and what was expected.
 */
public final class StateReader {
  private final NamedTensors state;
  private final Set<String> known = new HashSet<>();
  private final List<Runnable> changes = new ArrayList<>();

  /**
   * Begins to read.
   *
   * @param state what {@link StateWriter} gave, or a file; not modified
   */
  public StateReader(NamedTensors state) {
    this.state = state;
  }

  /**
   * Reads a text that must be the expected one.
   *
   * @param key its name
   * @param expected the only right text
   */
  public void text(String key, String expected) {
    String found = value(key);
    if (!found.equals(expected)) {
      throw wrong(key, found, expected);
    }
  }

  /**
   * Reads a number, finite and at least 0.
   *
   * @param key its name
   * @param target takes it over when changes are made
   */
  public void rate(String key, DoubleConsumer target) {
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

  /**
   * Reads a count.
   *
   * @param key its name
   * @return the count, at least 0
   */
  public long count(String key) {
    String found = value(key);
    if (!found.matches("\\d{1,18}")) {
      throw wrong(key, found, "a count");
    }
    return Long.parseLong(found);
  }

  /** A tensor of floats, whose elements the target copies. */
  void tensor(String key, long[] shape, Consumer<TensorData> target) {
    tensor(key, DType.F32, shape, target);
  }

  /** A tensor, whose elements the target copies. */
  void tensor(String key, DType dtype, long[] shape, Consumer<TensorData> target) {
    TensorData tensor = tensor(key, dtype, shape);
    change(
        () -> {
          target.accept(tensor);
          release(tensor);
        });
  }

  /** Pages of a mapped file that were read count as resident memory until they are let go. */
  private static void release(TensorData tensor) {
    tensor.parts().stream().filter(MemorySegment::isMapped).forEach(MemorySegment::unload);
  }

  /**
   * {@return whether there is a tensor}
   *
   * @param key its name
   */
  public boolean hasTensor(String key) {
    return state.tensors().containsKey(key);
  }

  /**
   * Reads a tensor.
   *
   * @param key its name
   * @param dtype the only right element type
   * @param shape the only right shape; not modified
   * @return the tensor, not a copy
   */
  public TensorData tensor(String key, DType dtype, long[] shape) {
    known.add("tensor " + key);
    TensorData tensor = state.tensors().get(key);
    String expected = dtype + Arrays.toString(shape);
    if (tensor == null || !tensor.toString().equals(expected)) {
      throw wrong("tensor " + key, tensor == null ? "nothing" : tensor.toString(), expected);
    }
    return tensor;
  }

  /**
   * Reads a lattice, trying it on a copy first.
   *
   * @param prefix before the names of its items
   * @param target takes it over when changes are made
   */
  public void lattice(String prefix, Lattice target) {
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

  /**
   * Reads all items under a prefix.
   *
   * @param prefix what their names begin with
   * @return the items, under their names without the prefix; tensors are not copied
   */
  public NamedTensors nested(String prefix) {
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

  /**
   * Adds a change to be made.
   *
   * @param change run by {@link #apply}, in order
   */
  public void change(Runnable change) {
    changes.add(change);
  }

  /** Makes the changes, unless the state holds more than was read. */
  public void apply() {
    check();
    changes.forEach(Runnable::run);
  }

  /** Makes sure that the state holds no more than was read. */
  public void check() {
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
