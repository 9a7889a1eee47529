package io.parq.torch;

import static org.bytedeco.pytorch.global.torch.zeros_like;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.StateReader;
import io.parq.optim.StateWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.Tensor;

/**
 * Moves the state of a LibTorch optimizer out and in, through LibTorch's archives:
 *
 * <pre>
 * state         / ID        / step, exp_avg, ..       (ID: any number that is a parameter's own)
 * param_groups  / param_groups/size
 *               / param_groups/G / params/size, params/I = ID, options / lr, ..
 * </pre>
 */
final class TorchOptimizerState {
  private static final String STEP = "step";

  private final Optimizer optimizer;
  private final TorchOptions options;
  private final List<ParamGroup> groups;
  private final int[] indices;

  /**
   * A view of an optimizer.
   *
   * @param groups whose parameters are, in order, those of LibTorch's groups
   * @param indices LibTorch's group of each
   */
  TorchOptimizerState(
      Optimizer optimizer, TorchOptions options, List<ParamGroup> groups, int[] indices) {
    this.optimizer = optimizer;
    this.options = options;
    this.groups = groups;
    this.indices = indices;
  }

  private OptimizerOptions options(int group) {
    return optimizer.param_groups().get(indices[group]).options();
  }

  /** The state; its tensors are those of an archive and live as long as the arena. */
  NamedTensors save(Arena arena) {
    StateWriter writer = new StateWriter();
    try (PointerScope _ = new PointerScope()) {
      OutputArchive written = new OutputArchive();
      optimizer.save(written);
      InputArchive archive = transfer(written);
      InputArchive states = child(archive, "state");
      Set<String> known = keys(states);
      for (int g = 0; g < groups.size(); g++) {
        writeGroup(g, writer);
        List<Parameter> parameters = groups.get(g).parameters();
        InputArchive group = child(child(archive, "param_groups"), "param_groups/" + indices[g]);
        for (int i = 0; i < parameters.size(); i++) {
          String id = read(group, "params/" + i).toStringRef().getString();
          if (known.contains(id)) {
            saveParameter(parameters.get(i).name(), child(states, id), writer, arena);
          }
        }
      }
    }
    return writer.state();
  }

  private static void saveParameter(
      String name, InputArchive state, StateWriter writer, Arena arena) {
    for (String key : keys(state)) {
      IValue value = read(state, key);
      if (value.isTensor()) {
        writer.tensor(key + "/" + name, TorchData.view(value.toTensor(), arena));
      } else {
        writer.text(key + "/" + name, Long.toString(value.toInt()));
      }
    }
  }

  private void writeGroup(int g, StateWriter writer) {
    ParamGroup group = groups.get(g);
    String prefix = "group/" + g + "/";
    writer.text(prefix + "optimizer", options.spec(options(g)));
    writer.text(prefix + "parameters", names(group));
    writer.text(prefix + "learning_rate", Double.toString(group.learningRate()));
    writer.text(prefix + "weight_decay", Double.toString(group.weightDecay()));
  }

  private static String names(ParamGroup group) {
    return group.parameters().stream().map(Parameter::name).collect(Collectors.joining("\n"));
  }

  void load(NamedTensors state) {
    try (PointerScope _ = new PointerScope()) {
      StateReader reader = new StateReader(state);
      OutputArchive states = new OutputArchive();
      OutputArchive paramGroups = new OutputArchive();
      paramGroups.write("param_groups/size", number(optimizer.param_groups().size()), true);
      for (int g = 0; g < groups.size(); g++) {
        readGroup(g, reader);
        List<Parameter> parameters = groups.get(g).parameters();
        for (int i = 0; i < parameters.size() && !options.buffers(options(g)).isEmpty(); i++) {
          states.write(id(parameters.get(i)), readParameter(g, i, reader));
        }
      }
      reader.check();
      for (int i = 0; i < optimizer.param_groups().size(); i++) {
        paramGroups.write("param_groups/" + i, group(i));
      }
      OutputArchive archive = new OutputArchive();
      archive.write("pytorch_version", new IValue("1.5.0"));
      archive.write("state", states);
      archive.write("param_groups", paramGroups);
      optimizer.load(transfer(archive));
      reader.apply();
    }
  }

  private static String id(Parameter parameter) {
    return Long.toUnsignedString(parameter.weights().address());
  }

  private static Tensor number(long value) {
    return Tensor.create(value).reshape();
  }

  /** A LibTorch group as it is, its parameters under the identifiers that {@link #id} gives. */
  private OutputArchive group(int index) {
    OutputArchive group = new OutputArchive();
    int own = Arrays.stream(indices).boxed().toList().indexOf(index);
    List<Parameter> parameters = own < 0 ? List.of() : groups.get(own).parameters();
    group.write("params/size", number(parameters.size()), true);
    for (int i = 0; i < parameters.size(); i++) {
      group.write("params/" + i, new IValue(id(parameters.get(i))));
    }
    OutputArchive values = new OutputArchive();
    options.write(optimizer.param_groups().get(index).options(), values);
    group.write("options", values);
    return group;
  }

  private void readGroup(int g, StateReader reader) {
    ParamGroup group = groups.get(g);
    String prefix = "group/" + g + "/";
    reader.text(prefix + "optimizer", options.spec(options(g)));
    reader.text(prefix + "parameters", names(group));
    reader.rate(prefix + "learning_rate", group::learningRate);
    reader.rate(prefix + "weight_decay", group::weightDecay);
  }

  /**
   * A parameter's state. LibTorch's loader leaves a parameter alone that an archive has no state
   * for, so one is made up that the next step treats as none: zeros.
   */
  private OutputArchive readParameter(int g, int i, StateReader reader) {
    Parameter parameter = groups.get(g).parameters().get(i);
    Tensor like = optimizer.param_groups().get(indices[g]).params().get(i).detach();
    List<String> buffers = options.buffers(options(g));
    boolean saved = reader.hasTensor(buffers.getFirst() + "/" + parameter.name());
    if (!saved && !options.startsFromZeros(options(g))) {
      throw new IllegalArgumentException(
          "%s: state from before its first step, which LibTorch's SGD cannot go back to with"
                  .formatted(parameter.name())
              + " dampening, expected a later one");
    }
    OutputArchive own = new OutputArchive();
    if (options == TorchOptions.ADAMW) {
      own.write(STEP, new IValue(saved ? reader.count(STEP + "/" + parameter.name()) : 0));
    }
    for (String buffer : buffers) {
      Tensor tensor = zeros_like(like);
      if (saved) {
        String key = buffer + "/" + parameter.name();
        tensor.copy_(TorchData.tensor(reader.tensor(key, DType.F32, parameter.shape())));
      }
      own.write(buffer, tensor, true);
    }
    return own;
  }

  private static InputArchive transfer(OutputArchive written) {
    try {
      Path file = Files.createTempFile("parq-optimizer", ".pt");
      try {
        written.save_to(file.toString());
        InputArchive archive = new InputArchive();
        archive.load_from(file.toString());
        return archive;
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("temporary file for the optimizer's state", e);
    }
  }

  private static InputArchive child(InputArchive archive, String key) {
    InputArchive child = new InputArchive();
    archive.read(key, child);
    return child;
  }

  private static IValue read(InputArchive archive, String key) {
    IValue value = new IValue();
    archive.read(key, value);
    return value;
  }

  private static Set<String> keys(InputArchive archive) {
    Set<String> keys = new HashSet<>();
    for (org.bytedeco.javacpp.BytePointer key : archive.keys().get()) {
      keys.add(key.getString());
    }
    return keys;
  }
}
