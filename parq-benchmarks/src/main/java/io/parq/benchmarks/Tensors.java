package io.parq.benchmarks;

import io.parq.grids.QuantConfig;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A model's weights and gradients, in memory of anyone's. */
final class Tensors {
  private final Model model;
  private final List<Parameter> parameters = new ArrayList<>();

  /**
   * Fills new memory with a benchmark's weights and gradients.
   *
   * @param model the shapes
   * @param allocate gives memory for the floats of a shape; called for the weights and then for the
   *     gradient of each tensor
   */
  Tensors(Model model, Function<Model.Shape, MemorySegment> allocate) {
    this.model = model;
    long index = 0;
    for (Model.Shape shape : model.shapes()) {
      MemorySegment weights = allocate.apply(shape);
      MemorySegment gradient = allocate.apply(shape);
      Data.weights(weights, index);
      Data.gradients(gradient, index);
      String name = "t" + parameters.size();
      parameters.add(new Parameter(name, shape.kind(), shape.dimensions(), weights, gradient));
      index += shape.size();
    }
  }

  Model model() {
    return model;
  }

  List<Parameter> parameters() {
    return parameters;
  }

  /** {@return groups in which the matrices are quantized, or nothing is} */
  List<ParamGroup> groups(@Nullable QuantConfig config) {
    return ParamGroup.assign(
        parameters, config == null ? Map.of() : Map.of(ParameterFilter.linear(), config));
  }
}
