package io.parq.optim;

import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Collects a state. */
final class StateWriter {
  private final Map<String, TensorData> tensors = new LinkedHashMap<>();
  private final Map<String, String> values = new LinkedHashMap<>();

  void text(String key, String value) {
    values.put(key, value);
  }

  /** Data in the byte order of stored tensors, not copied again. */
  void floats(String key, long[] shape, MemorySegment stored) {
    tensors.put(key, new TensorData(DType.F32, shape, stored));
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

  /** A state inside this one, not copied again. */
  void nested(String prefix, NamedTensors state) {
    state.tensors().forEach((key, tensor) -> tensors.put(prefix + key, tensor));
    state.values().forEach((key, value) -> values.put(prefix + key, value));
  }

  /** A lattice's scales, copied. */
  void lattice(String prefix, Lattice lattice) {
    NamedTensors state = lattice.state();
    state.tensors().forEach((key, tensor) -> tensors.put(prefix + key, copy(tensor)));
    state.values().forEach((key, value) -> values.put(prefix + key, value));
  }

  private static TensorData copy(TensorData tensor) {
    MemorySegment data = Floats.allocateBytes(tensor.data().byteSize());
    return new TensorData(tensor.dtype(), tensor.shape(), data.copyFrom(tensor.data()));
  }

  NamedTensors state() {
    return new NamedTensors(tensors, values);
  }
}
