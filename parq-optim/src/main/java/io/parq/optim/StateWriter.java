package io.parq.optim;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Collects the state of an optimizer, item by item and without copies; {@link StateReader} reads
 * it.
 */
public final class StateWriter {
  private final Map<String, TensorData> tensors = new LinkedHashMap<>();
  private final Map<String, String> values = new LinkedHashMap<>();

  /** A state without items. */
  public StateWriter() {}

  /**
   * Adds a plain value.
   *
   * @param key its name
   * @param value the value
   */
  public void text(String key, String value) {
    values.put(key, value);
  }

  /**
   * Adds a tensor.
   *
   * @param key its name
   * @param tensor the tensor; kept, not copied
   */
  public void tensor(String key, TensorData tensor) {
    tensors.put(key, tensor);
  }

  /** Floats in native byte order, part by part; not copied if that is the order of stored ones. */
  void floats(String key, long[] shape, List<MemorySegment> parts) {
    tensor(key, new TensorData(DType.F32, shape, parts.stream().map(Floats::stored).toList()));
  }

  /** Membership, configuration and current rates. */
  void groups(List<ParamGroup> groups) {
    for (int i = 0; i < groups.size(); i++) {
      ParamGroup group = groups.get(i);
      text("group/" + i + "/parameters", names(group));
      text("group/" + i + "/config", config(group.config()));
      text("group/" + i + "/learning_rate", Double.toString(group.learningRate()));
      text("group/" + i + "/weight_decay", Double.toString(group.weightDecay()));
    }
  }

  static String names(ParamGroup group) {
    return group.parameters().stream().map(Parameter::name).collect(Collectors.joining("\n"));
  }

  static String config(@Nullable QuantConfig config) {
    return config == null ? "unquantized" : config.toString();
  }

  /**
   * Adds all items of another state.
   *
   * @param prefix comes before their names
   * @param state the items; tensors are kept, not copied
   */
  public void nested(String prefix, NamedTensors state) {
    state.tensors().forEach((key, tensor) -> tensors.put(prefix + key, tensor));
    state.values().forEach((key, value) -> values.put(prefix + key, value));
  }

  /** {@return what was added so far} */
  public NamedTensors state() {
    return new NamedTensors(tensors, values);
  }
}
