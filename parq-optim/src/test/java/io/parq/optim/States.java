package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Compares and spoils states. */
final class States {
  private States() {}

  static void assertSame(NamedTensors expected, NamedTensors actual) {
    assertEquals(expected.values(), actual.values());
    assertEquals(expected.tensors().keySet(), actual.tensors().keySet());
    expected
        .tensors()
        .forEach(
            (name, tensor) -> {
              TensorData other = actual.tensors().get(name);
              assertEquals(tensor.toString(), other.toString(), name);
              assertArrayEquals(
                  tensor.data().toArray(ValueLayout.JAVA_BYTE),
                  other.data().toArray(ValueLayout.JAVA_BYTE),
                  name);
            });
  }

  static NamedTensors withValues(NamedTensors state, Consumer<Map<String, String>> change) {
    Map<String, String> values = new LinkedHashMap<>(state.values());
    change.accept(values);
    return new NamedTensors(state.tensors(), values);
  }

  static NamedTensors withTensors(NamedTensors state, Consumer<Map<String, TensorData>> change) {
    Map<String, TensorData> tensors = new LinkedHashMap<>(state.tensors());
    change.accept(tensors);
    return new NamedTensors(tensors, state.values());
  }
}
