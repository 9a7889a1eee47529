package io.parq.torch;

import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.QuantSettings;
import io.parq.optim.StateReader;
import io.parq.optim.StateWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a {@link io.parq.optim.QuantOptimizer} for tensors that the host's kernels cannot
 * reach. LibTorch's optimizer holds the latents in place of the weights.
 */
final class TorchLatents {
  private static final String PREFIX = "tensor/";

  private final QuantSettings settings;
  private final List<TorchLatent> all = new ArrayList<>();
  private final Map<Parameter, TorchLatent> byParameter = new HashMap<>();
  private final List<Group> groups = new ArrayList<>();

  /** A group of latents with what schedules need to know of it. */
  private static final class Group {
    final ParamGroup rates;
    final List<TorchLatent> members;
    double baseLearningRate;
    double initialWeightDecay;
    double cumulated;

    Group(ParamGroup rates, List<TorchLatent> members) {
      this.rates = rates;
      this.members = members;
      this.baseLearningRate = rates.learningRate();
      this.initialWeightDecay = rates.weightDecay();
    }

    float divisor(QuantSettings settings) {
      return settings.quantShrink() && rates.config() != null ? (float) Math.max(1, cumulated) : 1f;
    }
  }

  TorchLatents(List<TorchTensor> tensors, QuantSettings settings) {
    this.settings = settings;
    try (PointerScope _ = new PointerScope()) {
      for (TorchTensor tensor : tensors) {
        if (!tensor.isHost()) {
          all.add(new TorchLatent(tensor));
        }
      }
    }
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  List<Parameter> parameters() {
    return all.stream().flatMap(latent -> latent.parameters().stream()).toList();
  }

  /** Separates each group into one of the host's parameters and one of these, if it has both. */
  List<ParamGroup> separate(List<ParamGroup> mixed) {
    Map<Long, TorchLatent> byAddress = new HashMap<>();
    for (TorchLatent latent : all) {
      byAddress.put(latent.parameters().getFirst().weights().address(), latent);
    }
    List<ParamGroup> separate = new ArrayList<>();
    for (ParamGroup group : mixed) {
      Map<Boolean, List<Parameter>> parts =
          group.parameters().stream()
              .collect(
                  Collectors.partitioningBy(
                      parameter -> byAddress.containsKey(parameter.weights().address())));
      parts.forEach(
          (_, members) -> {
            if (!members.isEmpty()) {
              separate.add(new ParamGroup(members, group.config()));
            }
          });
      for (Parameter parameter : group.parameters()) {
        TorchLatent latent = byAddress.get(parameter.weights().address());
        if (latent != null) {
          byParameter.put(parameter, latent);
          if (group.config() != null) {
            latent.quantize(group.config(), settings.prox());
          }
        }
      }
    }
    return separate;
  }

  /** Puts the latents where an optimizer holds the weights. */
  void moveInto(Optimizer optimizer) {
    try (PointerScope _ = new PointerScope()) {
      Map<Long, TorchLatent> byWeight = new HashMap<>();
      all.forEach(latent -> byWeight.put(latent.tensor().address(), latent));
      for (int g = 0; g < optimizer.param_groups().size(); g++) {
        TensorVector params = optimizer.param_groups().get(g).params();
        for (int i = 0; i < params.size(); i++) {
          TorchLatent latent = byWeight.get(TorchTensor.address(params.get(i)));
          if (latent != null && params.get(i).requires_grad()) {
            params.put(i, latent.latent());
          }
        }
      }
    }
  }

  boolean holds(ParamGroup group) {
    return byParameter.containsKey(group.parameters().getFirst());
  }

  /** Takes over a group whose rates are set. */
  void add(ParamGroup group) {
    List<TorchLatent> members = new ArrayList<>();
    for (Parameter parameter : group.parameters()) {
      TorchLatent latent = byParameter.get(parameter);
      if (latent != null) {
        members.add(latent);
      }
    }
    groups.add(new Group(group, List.copyOf(members)));
  }

  private List<TorchLatent> members() {
    return groups.stream().flatMap(group -> group.members.stream()).toList();
  }

  /** A value that is not finite, and whether a gradient holds it. */
  record Finding(String text, boolean isGradient) {}

  /**
   * Takes the gradients over.
   *
   * @return the first latent that is not finite, else the first gradient, else null
   */
  @Nullable Finding takeGradients() {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (TorchLatent latent : members()) {
        latent.takeGradient();
        String text = latent.notFinite("latent", latent.latent());
        if (text != null) {
          return new Finding(text, false);
        }
      }
      for (TorchLatent latent : members()) {
        String text = latent.notFinite("gradient", latent.gradient());
        if (text != null) {
          return new Finding(text, true);
        }
      }
      return null;
    }
  }

  double squaredNorm() {
    double sum = 0;
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (TorchLatent latent : members()) {
        Tensor gradient = latent.gradient().to(ScalarType.Double);
        sum += gradient.mul(gradient).sum().item_double();
      }
    }
    return sum;
  }

  void scaleGradients(float factor) {
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      members().forEach(latent -> latent.gradient().mul_(new Scalar(factor)));
    }
  }

  /** Sets the rates of a step, counted from 0. */
  void beginStep(long step) {
    if (settings.schedule() != null) {
      double factor = settings.schedule().factor(step);
      groups.forEach(group -> group.rates.learningRate(group.baseLearningRate * factor));
    }
  }

  /** Makes weights of the updated latents. */
  void endStep(long step) {
    boolean quantizes = step >= settings.warmupSteps();
    try (PointerScope _ = new PointerScope();
        NoGradGuard _ = new NoGradGuard()) {
      for (Group group : groups) {
        if (quantizes) {
          group.cumulated += group.rates.learningRate();
        }
        for (TorchLatent latent : group.members) {
          try (PointerScope _ = new PointerScope()) {
            if (quantizes) {
              latent.project(settings.prox(), step, settings.refits(step), group.divisor(settings));
            } else {
              latent.publish();
            }
          }
        }
        annealWeightDecay(group, step);
      }
    }
  }

  private void annealWeightDecay(Group group, long step) {
    double slope = settings.prox().inverseSlope(step);
    double fraction = settings.annealWdFrac();
    if (step >= settings.warmupSteps()
        && slope != 0
        && fraction > 0
        && group.rates.config() != null) {
      double initial = group.initialWeightDecay;
      group.rates.weightDecay(slope * fraction * initial + (1 - fraction) * initial);
    }
  }

  void collectLattices(Map<String, Lattice> lattices) {
    for (TorchLatent latent : members()) {
      Lattice lattice = latent.lattice();
      if (lattice != null) {
        lattices.put(latent.name(), lattice);
      }
    }
  }

  void collectQuantized(Map<String, QuantizedTensor> quantized, boolean hasBegun, String progress) {
    for (Group group : groups) {
      for (TorchLatent latent : group.members) {
        if (latent.lattice() != null) {
          if (!hasBegun) {
            throw new IllegalStateException(latent.name() + ": not quantized yet, " + progress);
          }
          quantized.put(latent.name(), latent.quantized(group.divisor(settings), progress));
        }
      }
    }
  }

  void write(StateWriter writer) {
    for (int i = 0; i < groups.size(); i++) {
      Group group = groups.get(i);
      String prefix = PREFIX + "group/" + i + "/";
      writer.text(prefix + "config", String.valueOf(group.rates.config()));
      writer.text(prefix + "base_learning_rate", Double.toString(group.baseLearningRate));
      writer.text(prefix + "initial_weight_decay", Double.toString(group.initialWeightDecay));
      writer.text(prefix + "cumulated_learning_rate", Double.toString(group.cumulated));
      for (TorchLatent latent : group.members) {
        writer.tensor(PREFIX + "weight/" + latent.name(), latent.weights());
        writer.tensor(PREFIX + "latent/" + latent.name(), latent.latents());
        Lattice lattice = latent.lattice();
        if (lattice != null) {
          String own = PREFIX + "lattice/" + latent.name() + "/";
          writer.nested(own, lattice.state());
        }
      }
    }
  }

  /** Whether an item of a state belongs here. */
  static boolean owns(String key) {
    return key.startsWith(PREFIX);
  }

  /**
   * Checks a state.
   *
   * @return what takes it over
   */
  Runnable read(NamedTensors state) {
    StateReader reader = new StateReader(state);
    for (int i = 0; i < groups.size(); i++) {
      Group group = groups.get(i);
      String prefix = PREFIX + "group/" + i + "/";
      reader.text(prefix + "config", String.valueOf(group.rates.config()));
      reader.rate(prefix + "base_learning_rate", rate -> group.baseLearningRate = rate);
      reader.rate(prefix + "initial_weight_decay", decay -> group.initialWeightDecay = decay);
      reader.rate(prefix + "cumulated_learning_rate", sum -> group.cumulated = sum);
      group.members.forEach(latent -> read(latent, reader));
    }
    reader.check();
    return reader::apply;
  }

  private static void read(TorchLatent latent, StateReader reader) {
    long[] shape = latent.tensor().shape();
    TensorData weights =
        reader.tensor(
            PREFIX + "weight/" + latent.name(), TorchData.dtype(latent.tensor().weight()), shape);
    TensorData latents = reader.tensor(PREFIX + "latent/" + latent.name(), DType.F32, shape);
    Lattice lattice = latent.lattice();
    if (lattice != null) {
      reader.lattice(PREFIX + "lattice/" + latent.name() + "/", lattice);
    }
    reader.change(() -> latent.restore(weights, latents));
  }

  /** Splits a state into what belongs here and the rest, by {@link #owns}. */
  static NamedTensors part(NamedTensors state, boolean own) {
    Map<String, TensorData> tensors = new LinkedHashMap<>(state.tensors());
    Map<String, String> values = new LinkedHashMap<>(state.values());
    tensors.keySet().removeIf(key -> owns(key) != own);
    values.keySet().removeIf(key -> owns(key) != own);
    return new NamedTensors(tensors, values);
  }
}
