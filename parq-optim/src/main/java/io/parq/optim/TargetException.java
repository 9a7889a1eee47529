package io.parq.optim;

import io.parq.grids.QuantConfig;
import io.parq.grids.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Quantized parameters that a target format cannot hold; the message names all of them. */
public final class TargetException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  private final transient List<Refusal> refusals;

  /**
   * A parameter that is refused.
   *
   * @param parameter the parameter
   * @param config how it is quantized
   * @param reason the target's
   */
  public record Refusal(Parameter parameter, QuantConfig config, String reason) {
    /** {@return name, shape, configuration and reason} */
    @Override
    public String toString() {
      return "%s %s as %s: %s"
          .formatted(parameter.name(), Arrays.toString(parameter.shape()), config, reason);
    }
  }

  private TargetException(Target target, List<Refusal> refusals) {
    super(
        refusals.stream()
            .map(refusal -> "\n  " + refusal)
            .collect(
                Collectors.joining(
                    "",
                    "target %s cannot hold %d parameters:"
                        .formatted(target.name(), refusals.size()),
                    "")));
    this.refusals = List.copyOf(refusals);
  }

  /** {@return the parameters, in the order of their groups; at least one} */
  public List<Refusal> refusals() {
    return refusals;
  }

  /**
   * Asks a target for every quantized parameter.
   *
   * @param groups the parameters; not modified
   * @param target what is to hold them
   * @throws TargetException if it refuses any
   */
  public static void check(List<ParamGroup> groups, Target target) {
    List<Refusal> refusals = new ArrayList<>();
    for (ParamGroup group : groups) {
      QuantConfig config = group.config();
      if (config != null) {
        for (Parameter parameter : group.parameters()) {
          if (target.holding(config, parameter.shape()) instanceof Target.Refused(String reason)) {
            refusals.add(new Refusal(parameter, config, reason));
          }
        }
      }
    }
    if (!refusals.isEmpty()) {
      throw new TargetException(target, refusals);
    }
  }
}
