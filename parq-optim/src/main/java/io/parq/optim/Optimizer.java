package io.parq.optim;

import io.parq.grids.NamedTensors;
import java.util.List;

/**
 * Updates parameters from their gradients. Anything that steps over host memory fits, such as an
 * adapter around another library's optimizer; the {@link ElementwiseOptimizer}s here run fused with
 * quantization, others between restoring and saving the latents, with the same results.
 *
 * <p>The order of calls: fill the gradients of all parameters, {@link #step}, repeat. Not safe for
 * use by several threads at a time.
 */
public interface Optimizer {
  /** {@return the groups of parameters, whose learning rates and weight decays each step reads} */
  List<ParamGroup> groups();

  /** Updates the weights of all parameters in place from their gradients. */
  void step();

  /**
   * {@return all that a later {@link #load} needs to continue bit for bit, save the weights}
   *
   * <p>The tensors are views of live memory as far as possible, so that a state can be saved
   * without room for a second one. They hold until the next {@link #step} or {@link #load}; {@link
   * NamedTensors#copy} gives what lasts.
   */
  NamedTensors state();

  /**
   * Continues from a saved state.
   *
   * @param state what {@link #state} gave, for the same parameters and settings; not modified
   * @throws IllegalArgumentException if it does not fit; the message names the item, what was found
   *     and what was expected, and nothing has changed
   */
  void load(NamedTensors state);
}
