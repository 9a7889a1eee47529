package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import io.parq.optim.AdamW;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import io.parq.optim.Sgd;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.TensorVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class LibTorchOptimizerTest {
  private static final Map<ParameterFilter, QuantConfig> CONFIGS =
      Map.of(
          ParameterFilter.linear(), QuantConfig.of(3),
          ParameterFilter.embedding(), QuantConfig.of(4));

  /** LibTorch's optimizers that can be wrapped, with the fused ones that they equal. */
  enum Base {
    ADAMW {
      @Override
      org.bytedeco.pytorch.Optimizer libTorch(TensorVector tensors) {
        AdamWOptions options = new AdamWOptions(1e-2);
        options.weight_decay().put(0.05);
        return new org.bytedeco.pytorch.AdamW(tensors, options);
      }

      @Override
      io.parq.optim.Optimizer fused(List<ParamGroup> groups) {
        return new AdamW(
            groups, AdamW.Options.DEFAULTS.withLearningRate(1e-2).withWeightDecay(0.05));
      }
    },
    AMSGRAD {
      @Override
      org.bytedeco.pytorch.Optimizer libTorch(TensorVector tensors) {
        AdamWOptions options = new AdamWOptions(1e-2);
        options.amsgrad().put(true);
        return new org.bytedeco.pytorch.AdamW(tensors, options);
      }
    },
    SGD {
      @Override
      org.bytedeco.pytorch.Optimizer libTorch(TensorVector tensors) {
        return new org.bytedeco.pytorch.SGD(tensors, new SGDOptions(0.1));
      }

      @Override
      io.parq.optim.Optimizer fused(List<ParamGroup> groups) {
        return new Sgd(groups, 0.1);
      }
    },
    MOMENTUM {
      @Override
      org.bytedeco.pytorch.Optimizer libTorch(TensorVector tensors) {
        SGDOptions options = new SGDOptions(0.05);
        options.momentum().put(0.9);
        options.nesterov().put(true);
        options.weight_decay().put(1e-3);
        return new org.bytedeco.pytorch.SGD(tensors, options);
      }

      @Override
      io.parq.optim.Optimizer fused(List<ParamGroup> groups) {
        return new Sgd(groups, new Sgd.Options(0.05, 0.9, 0, 1e-3, true));
      }
    };

    abstract org.bytedeco.pytorch.Optimizer libTorch(TensorVector tensors);

    io.parq.optim.Optimizer fused(List<ParamGroup> groups) {
      throw new UnsupportedOperationException();
    }
  }

  private record Run(TorchNets.Net net, TorchParameters parameters, QuantOptimizer optimizer) {
    static Run of(long seed, Function<Run, io.parq.optim.Optimizer> base) {
      TorchNets.Net net = new TorchNets.Net(seed);
      Run bare = new Run(net, TorchParameters.of(net), null);
      QuantOptimizer optimizer =
          QuantOptimizer.wrap(base.apply(bare))
              .prox(ProxMap.parq(5, 30))
              .warmupSteps(3)
              .quantPeriod(4)
              .annealWdFrac(0.5)
              .build();
      return new Run(net, bare.parameters, optimizer);
    }

    static Run libTorch(long seed, Base base) {
      return of(
          seed,
          run ->
              LibTorchOptimizer.of(
                  base.libTorch(run.net.parameters()),
                  ParamGroup.assign(run.parameters.parameters(), CONFIGS)));
    }

    double train(int steps) {
      double loss = 0;
      for (int i = 0; i < steps; i++) {
        parameters.zeroGrad();
        loss = TorchNets.backward(net);
        optimizer.step();
      }
      return loss;
    }

    Map<String, float[]> weights() {
      Map<String, float[]> weights = new LinkedHashMap<>();
      for (Parameter p : parameters.parameters()) {
        weights.put(p.name(), p.weights().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT));
      }
      return weights;
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "AMSGRAD")
  void equalsTheFusedOptimizerWithinRounding(Base base) {
    // A few steps: each rounding may later flip a code.
    Run own = Run.libTorch(1, base);
    Run fused =
        Run.of(1, run -> base.fused(ParamGroup.assign(run.parameters.parameters(), CONFIGS)));
    own.train(12);
    fused.train(12);
    Map<String, float[]> expected = fused.weights();
    own.weights()
        .forEach((name, found) -> assertArrayEquals(expected.get(name), found, 2e-5f, name));
  }

  @ParameterizedTest
  @EnumSource
  void learnsAndEndsOnLevels(Base base) {
    Run run = Run.libTorch(2, base);
    double before = run.train(1);
    double after = run.train(79);
    assertTrue(after < 0.6 * before, before + " -> " + after);
    Map<String, QuantizedTensor> quantized = run.optimizer.quantized();
    assertEquals(
        List.of("first.weight", "second.weight", "head.weight", "embedding.weight").stream()
            .sorted()
            .toList(),
        quantized.keySet().stream().sorted().toList());
    Map<String, float[]> weights = run.weights();
    quantized.forEach((name, q) -> assertArrayEquals(weights.get(name), q.dequantize(), name));
  }

  @ParameterizedTest
  @EnumSource
  void resumesBitForBit(Base base) {
    Run whole = Run.libTorch(3, base);
    whole.train(9);
    NamedTensors state = whole.optimizer.state().copy();
    whole.train(9);
    Run resumed = Run.libTorch(4, base);
    resumed.train(5);
    resumed.optimizer.load(state);
    resumed.train(9);
    Map<String, float[]> expected = whole.weights();
    resumed.weights().forEach((name, found) -> assertArrayEquals(expected.get(name), found, name));
    assertSame(whole.optimizer.state(), resumed.optimizer.state());
  }

  @Test
  void outlivesTheScopeInWhichItWasMade() {
    TorchNets.Net net = new TorchNets.Net(10);
    TorchQuantOptimizer optimizer;
    try (PointerScope _ = new PointerScope()) {
      optimizer = TorchQuantOptimizer.wrap(net, Base.ADAMW.libTorch(net.parameters()), CONFIGS);
    }
    double first = TorchNets.backward(net);
    for (int i = 0; i < 60; i++) {
      optimizer.step();
      optimizer.zero_grad();
      TorchNets.backward(net);
    }
    assertTrue(TorchNets.backward(net) < 0.5 * first);
  }

  @Test
  void goesBackToTheStart() {
    Run run = Run.libTorch(3, Base.ADAMW);
    NamedTensors start = run.optimizer.state().copy();
    run.train(6);
    Map<String, float[]> expected = run.weights();
    run.optimizer.load(start);
    run.train(6);
    run.weights().forEach((name, found) -> assertArrayEquals(expected.get(name), found, name));
  }

  private static void assertSame(NamedTensors expected, NamedTensors found) {
    assertEquals(expected.values(), found.values());
    assertEquals(expected.tensors().keySet(), found.tensors().keySet());
    expected
        .tensors()
        .forEach(
            (key, tensor) -> {
              TensorData other = found.tensors().get(key);
              assertEquals(-1, tensor.data().mismatch(other.data()), key);
            });
  }

  @Test
  void stateHoldsAllBuffers() {
    Run run = Run.libTorch(5, Base.AMSGRAD);
    run.train(2);
    NamedTensors state = run.optimizer.state();
    for (String buffer : List.of("exp_avg", "exp_avg_sq", "max_exp_avg_sq")) {
      assertTrue(state.tensors().containsKey("base/" + buffer + "/first.bias"), buffer);
    }
    assertEquals("2", state.values().get("base/step/first.bias"));
    Run momentum = Run.libTorch(5, Base.MOMENTUM);
    momentum.train(2);
    assertTrue(
        momentum.optimizer.state().tensors().containsKey("base/momentum_buffer/first.weight"));
  }

  /** An archive's tensors are LibTorch's memory, which the garbage collector knows nothing of. */
  @Test
  void statesFreeTheirMemory() {
    LinearImpl layer = new LinearImpl(1000, 2000);
    List<ParamGroup> groups = ParamGroup.assign(TorchParameters.of(layer).parameters(), Map.of());
    LibTorchOptimizer optimizer =
        LibTorchOptimizer.of(new org.bytedeco.pytorch.AdamW(layer.parameters()), groups);
    optimizer.step();
    NamedTensors state = optimizer.state();
    assertEquals(2L * 4 * 2000 * 1001, bytes(state));
    long before = 0;
    for (int i = 0; i < 40; i++) {
      before = i == 10 ? Pointer.physicalBytes() : before;
      state = optimizer.state();
      if (i % 2 == 0) {
        optimizer.step();
      }
    }
    long growth = Pointer.physicalBytes() - before;
    // Each state is 16 MB.
    assertTrue(growth < 100 << 20, () -> "grew by " + growth + " bytes over 30 states");
    NamedTensors last = state;
    assertEquals(2L * 4 * 2000 * 1001, bytes(last));
    optimizer.step();
    TensorData ended = last.tensors().get("exp_avg/weight");
    assertThrows(IllegalStateException.class, ended::toFloats);
  }

  private static long bytes(NamedTensors state) {
    return state.tensors().values().stream().mapToLong(t -> t.data().byteSize()).sum();
  }

  @Test
  void refusesStatesThatDoNotFitAndKeepsItsOwn() {
    Run run = Run.libTorch(6, Base.ADAMW);
    run.train(2);
    NamedTensors before = run.optimizer.state().copy();
    Run other = Run.libTorch(6, Base.MOMENTUM);
    other.train(2);
    Map<String, String> values = new LinkedHashMap<>(before.values());
    values.put("base/step/first.bias", "many");
    Exception count =
        assertThrows(
            IllegalArgumentException.class,
            () -> run.optimizer.load(new NamedTensors(before.tensors(), values)));
    assertTrue(
        count.getMessage().contains("step/first.bias: found many, expected a count"),
        count.getMessage());
    Exception kind =
        assertThrows(
            IllegalArgumentException.class, () -> run.optimizer.load(other.optimizer.state()));
    assertTrue(kind.getMessage().contains("libtorch-sgd momentum=0.9"), kind.getMessage());
    assertSame(before, run.optimizer.state());
  }

  @Test
  void writesRatesOfEachGroupIntoLibTorch() {
    TorchNets.Net net = new TorchNets.Net(7);
    org.bytedeco.pytorch.Optimizer libTorch = Base.ADAMW.libTorch(net.parameters());
    List<ParamGroup> groups = ParamGroup.assign(TorchParameters.of(net).parameters(), CONFIGS);
    LibTorchOptimizer optimizer = LibTorchOptimizer.of(libTorch, groups);
    assertEquals(3, optimizer.groups().size());
    assertEquals(3, libTorch.param_groups().size());
    assertEquals(0.05, optimizer.groups().getFirst().weightDecay());
    optimizer.groups().get(1).learningRate(0).weightDecay(0);
    List<float[]> before = copies(optimizer.groups());
    TorchNets.backward(net);
    optimizer.step();
    List<float[]> after = copies(optimizer.groups());
    assertArrayEquals(before.get(1), after.get(1));
    assertTrue(before.get(0)[0] != after.get(0)[0]);
    assertTrue(before.get(2)[0] != after.get(2)[0]);
  }

  private static List<float[]> copies(List<ParamGroup> groups) {
    return groups.stream()
        .map(
            group ->
                group
                    .parameters()
                    .getFirst()
                    .weights()
                    .toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT))
        .toList();
  }

  @Test
  void namesWhatDoesNotFit() {
    TorchNets.Net net = new TorchNets.Net(8);
    List<ParamGroup> groups = ParamGroup.assign(TorchParameters.of(net).parameters(), CONFIGS);
    TensorVector some = new TensorVector(net.first.weight());
    Exception missing =
        assertThrows(
            IllegalArgumentException.class,
            () -> LibTorchOptimizer.of(Base.ADAMW.libTorch(some), groups));
    assertTrue(
        missing.getMessage().contains("but the LibTorch optimizer does not hold it"),
        missing.getMessage());
    TorchNets.Net other = new TorchNets.Net(9);
    Exception foreign =
        assertThrows(
            IllegalArgumentException.class,
            () -> LibTorchOptimizer.of(Base.ADAMW.libTorch(other.parameters()), groups));
    assertTrue(foreign.getMessage().startsWith("LibTorch group 0, tensor 0"), foreign.getMessage());
    Exception kind =
        assertThrows(
            IllegalArgumentException.class,
            () -> LibTorchOptimizer.of(new org.bytedeco.pytorch.RMSprop(net.parameters()), groups));
    assertEquals("LibTorch optimizer RMSprop, expected AdamW or SGD", kind.getMessage());
  }
}
