package io.parq.grids;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Named tensors and plain named values: what an optimizer's state is made of and what a safetensors
 * file holds. Both keep their order.
 *
 * @param tensors tensors by name
 * @param values plain values by name, as text
 */
public record NamedTensors(Map<String, TensorData> tensors, Map<String, String> values) {
  /** Copies both maps, keeping their order. */
  public NamedTensors {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /** {@return the same tensors in memory of their own, each in one part, and the same values} */
  public NamedTensors copy() {
    Map<String, TensorData> copies = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> copies.put(name, tensor.copy()));
    return new NamedTensors(copies, values);
  }
}
