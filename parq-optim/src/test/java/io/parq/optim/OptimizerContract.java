package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every optimizer promises. */
abstract class OptimizerContract {
  static final double RATE = 0.01;

  /** An optimizer with learning rate {@link #RATE} for groups that have none. */
  abstract Optimizer create(List<ParamGroup> groups);

  @ParameterizedTest
  @EnumSource
  void whereMemoryLiesDoesNotMatter(Net.Memory memory) {
    Net heap = new Net();
    heap.train(create(heap.groups()), 4);
    Net other = new Net(memory);
    other.train(create(other.groups()), 4);
    assertEquals(heap.bits(), other.bits());
  }

  @Test
  void keepsItsGroupsAndSetsOnlyMissingRates() {
    List<ParamGroup> groups = new Net().groups();
    groups.get(1).learningRate(0.5).weightDecay(0.25);
    Optimizer optimizer = create(groups);
    assertEquals(groups, optimizer.groups());
    assertEquals(RATE, groups.get(0).learningRate());
    assertTrue(groups.get(0).weightDecay() >= 0);
    assertEquals(0.5, groups.get(1).learningRate());
    assertEquals(0.25, groups.get(1).weightDecay());
  }

  @Test
  void readsRatesInEachStep() {
    Net net = new Net();
    List<ParamGroup> groups = net.groups();
    Optimizer optimizer = create(groups);
    net.train(optimizer, 2);
    var before = net.bits().get("norm.weight");
    groups.getLast().learningRate(0);
    net.train(optimizer, 2);
    assertEquals(before, net.bits().get("norm.weight"));
    groups.getLast().learningRate(0.1);
    net.train(optimizer, 1);
    assertNotEquals(before, net.bits().get("norm.weight"));
  }

  @ParameterizedTest
  @org.junit.jupiter.params.provider.ValueSource(ints = {0, 1, 5})
  void continuesFromItsStateBitForBit(int steps) {
    Net whole = new Net();
    Optimizer first = create(whole.groups());
    whole.train(first, steps);
    NamedTensors state = first.state().copy();
    Net resumed = new Net();
    resumed.forget(steps);
    for (int i = 0; i < whole.parameters.size(); i++) {
      resumed.parameters.get(i).weights().copyFrom(whole.parameters.get(i).weights());
    }
    Optimizer second = create(resumed.groups());
    second.load(state);
    States.assertSame(state, second.state());
    whole.train(first, 4);
    resumed.train(second, 4);
    assertEquals(whole.bits(), resumed.bits());
    States.assertSame(first.state(), second.state());
  }

  @Test
  void aCopyOfTheStateStaysWhatItWas() {
    Net net = new Net();
    Optimizer optimizer = create(net.groups());
    net.train(optimizer, 3);
    NamedTensors state = optimizer.state().copy();
    NamedTensors again = state.copy();
    net.train(optimizer, 2);
    States.assertSame(again, state);
    optimizer.load(state);
    States.assertSame(again, optimizer.state());
  }

  /** A part of native memory is a handle of a few bytes; a copy would take all of it again. */
  @Test
  void stateTakesNoMemoryForTensors() {
    int size = 4_000_000;
    float[] weights = new float[size];
    Parameter large =
        Parameter.of("large", Parameter.Kind.LINEAR, weights, new float[size], 4000, 1000);
    Optimizer optimizer =
        create(List.of(new ParamGroup(List.of(large), io.parq.grids.QuantConfig.of(4))));
    optimizer.step();
    optimizer.state();
    com.sun.management.ThreadMXBean thread =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long before = thread.getCurrentThreadAllocatedBytes();
    NamedTensors state = optimizer.state();
    long allocated = thread.getCurrentThreadAllocatedBytes() - before;
    assertTrue(allocated < size / 4, allocated + " bytes for " + state.tensors().keySet());
  }

  @Test
  void refusesAForeignStateAndChangesNothing() {
    Net net = new Net();
    Optimizer optimizer = create(net.groups());
    net.train(optimizer, 3);
    NamedTensors state = optimizer.state().copy();
    refuse(optimizer, States.withValues(state, v -> v.remove("steps")), "steps", "nothing");
    refuse(optimizer, States.withValues(state, v -> v.put("steps", "-1")), "steps", "-1", "count");
    refuse(optimizer, States.withValues(state, v -> v.put("odd", "1")), "odd", "expected none");
    Consumer<java.util.Map<String, String>> otherGroup =
        v -> v.put("group/0/parameters", "layers.7.weight");
    refuse(optimizer, States.withValues(state, otherGroup), "layers.7.weight", "embed.weight");
    Consumer<java.util.Map<String, String>> otherConfig =
        v -> v.put("group/0/config", "symmetric:8 per-row fp32");
    refuse(optimizer, States.withValues(state, otherConfig), "symmetric:8", "symmetric:4");
    Consumer<java.util.Map<String, String>> badRate = v -> v.put("group/0/learning_rate", "NaN");
    refuse(optimizer, States.withValues(state, badRate), "learning_rate", "NaN", "finite");
    TensorData tensor = TensorData.of(new float[2], 2);
    refuse(optimizer, States.withTensors(state, t -> t.put("odd/w", tensor)), "odd/w", "none");
    for (String name : state.tensors().keySet()) {
      refuse(optimizer, States.withTensors(state, t -> t.remove(name)), lastPart(name));
      refuse(optimizer, States.withTensors(state, t -> t.put(name, tensor)), lastPart(name), "[2]");
    }
  }

  private static String lastPart(String name) {
    return name.substring(name.lastIndexOf('/') + 1);
  }

  static void refuse(Optimizer optimizer, NamedTensors wrong, String... words) {
    NamedTensors before = optimizer.state().copy();
    String message =
        assertThrows(IllegalArgumentException.class, () -> optimizer.load(wrong)).getMessage();
    for (String word : words) {
      assertTrue(message.contains(word), message + ": " + word);
    }
    States.assertSame(before, optimizer.state());
  }

  @Test
  void refusesParametersThatShareMemory() {
    float[] w = new float[8];
    Parameter a = Parameter.of("a", Parameter.Kind.LINEAR, w, new float[8], 2, 4);
    Parameter b = Parameter.of("b", Parameter.Kind.LINEAR, w, new float[8], 2, 4);
    Parameter sameName = Parameter.of("a", Parameter.Kind.LINEAR, w.clone(), w.clone(), 2, 4);
    for (Parameter other : List.of(b, sameName)) {
      List<ParamGroup> groups =
          List.of(new ParamGroup(List.of(a), null), new ParamGroup(List.of(other), null));
      String message =
          assertThrows(IllegalArgumentException.class, () -> create(groups)).getMessage();
      assertTrue(message.startsWith("a"), message);
    }
  }
}
