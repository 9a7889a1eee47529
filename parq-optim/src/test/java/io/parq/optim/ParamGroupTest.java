package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.Granularity;
import io.parq.grids.QuantConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ParamGroupTest {
  private static final QuantConfig TWO = QuantConfig.of(2);
  private static final QuantConfig FOUR = QuantConfig.of(4);

  private final float[] table = new float[12];
  private final float[] tableGradient = new float[12];
  private final Parameter embedding =
      Parameter.of("embed.weight", Parameter.Kind.EMBEDDING, table, tableGradient, 3, 4);
  private final Parameter linear = parameter("layers.0.weight", Parameter.Kind.LINEAR, 2, 4);
  private final Parameter bias = parameter("layers.0.bias", Parameter.Kind.BIAS, 2);

  private static Parameter parameter(String name, Parameter.Kind kind, long... shape) {
    int size = (int) (shape.length == 1 ? shape[0] : shape[0] * shape[1]);
    return Parameter.of(name, kind, new float[size], new float[size], shape);
  }

  private static String message(List<Parameter> parameters, Map<ParameterFilter, QuantConfig> map) {
    return assertThrows(IllegalArgumentException.class, () -> ParamGroup.assign(parameters, map))
        .getMessage();
  }

  @Test
  void groupsFollowTheOrderOfTheParameters() {
    Map<ParameterFilter, QuantConfig> configs = new LinkedHashMap<>();
    configs.put(ParameterFilter.linear(), TWO);
    configs.put(ParameterFilter.named("nothing"), TWO);
    configs.put(ParameterFilter.embedding(), FOUR);
    List<ParamGroup> groups = ParamGroup.assign(List.of(bias, embedding, linear), configs);
    assertEquals(3, groups.size());
    assertEquals(List.of(embedding), groups.get(0).parameters());
    assertEquals(FOUR, groups.get(0).config());
    assertEquals(List.of(linear), groups.get(1).parameters());
    assertEquals(TWO, groups.get(1).config());
    assertEquals(List.of(bias), groups.get(2).parameters());
    assertNull(groups.get(2).config());
  }

  @Test
  void everythingQuantizedLeavesNoOtherGroup() {
    List<ParamGroup> groups =
        ParamGroup.assign(List.of(linear), Map.of(ParameterFilter.all(), TWO));
    assertEquals(1, groups.size());
    assertSame(linear, groups.getFirst().parameters().getFirst());
  }

  @Test
  void twoFiltersOnOneParameterAreAnError() {
    Map<ParameterFilter, QuantConfig> configs =
        Map.of(ParameterFilter.linear(), TWO, ParameterFilter.named("layers.*"), FOUR);
    assertEquals(
        "layers.0.weight: chosen by both linear (stretched:2 per-row fp32) and named 'layers.*'"
            + " (symmetric:4 per-row fp32), expected at most one filter",
        message(List.of(embedding, linear), configs));
  }

  @Test
  void aGranularityThatDoesNotFitIsAnErrorBeforeTraining() {
    QuantConfig groups = FOUR.withGranularity(Granularity.perGroup(32));
    Parameter up = parameter("layers.1.mlp.up.weight", Parameter.Kind.LINEAR, 3, 100);
    assertEquals(
        "layers.1.mlp.up.weight: 100 columns are not divisible by group size 32",
        message(List.of(up), Map.of(ParameterFilter.all(), groups)));
  }

  @Test
  void tiedParametersAreOneWithAliases() {
    Parameter head =
        Parameter.of("lm_head.weight", Parameter.Kind.LINEAR, table, tableGradient, 3, 4);
    List<ParamGroup> groups =
        ParamGroup.assign(
            List.of(embedding, linear, head), Map.of(ParameterFilter.named("lm_head.*"), FOUR));
    Parameter tied = groups.getFirst().parameters().getFirst();
    assertEquals("embed.weight", tied.name());
    assertEquals(Parameter.Kind.EMBEDDING, tied.kind());
    assertEquals(List.of("lm_head.weight"), tied.aliases());
    assertEquals(List.of(linear), groups.getLast().parameters());
  }

  @Test
  void tiesAreFoundInNativeMemory() {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(64, 4);
      MemorySegment weights = memory.asSlice(16, 32);
      MemorySegment gradient = arena.allocate(32, 4);
      Parameter a = new Parameter("a", Parameter.Kind.LINEAR, new long[] {2, 4}, weights, gradient);
      Parameter b =
          new Parameter(
              "b", Parameter.Kind.LINEAR, new long[] {2, 4}, memory.asSlice(16, 32), gradient);
      List<ParamGroup> groups = ParamGroup.assign(List.of(a, b), Map.of());
      assertEquals(List.of("b"), groups.getFirst().parameters().getFirst().aliases());
      Parameter shifted =
          new Parameter(
              "c", Parameter.Kind.LINEAR, new long[] {2, 4}, memory.asSlice(20, 32), gradient);
      String found = message(List.of(a, shifted), Map.of());
      assertTrue(found.startsWith("a and c overlap in memory"), found);
    }
  }

  @Test
  void halfTiesAreErrorsThatNameBoth() {
    Parameter ownGradient = Parameter.of("head", Parameter.Kind.LINEAR, table, new float[12], 3, 4);
    String found = message(List.of(embedding, ownGradient), Map.of());
    assertTrue(found.startsWith("embed.weight and head share their weights but not"), found);
    Parameter turned = Parameter.of("head", Parameter.Kind.LINEAR, table, tableGradient, 4, 3);
    found = message(List.of(embedding, turned), Map.of());
    assertTrue(found.contains("shapes [3, 4] and [4, 3]"), found);
    Parameter sameName = parameter("embed.weight", Parameter.Kind.LINEAR, 2, 2);
    found = message(List.of(embedding, sameName), Map.of());
    assertTrue(found.startsWith("embed.weight: two parameters of this name"), found);
  }

  @Test
  void ratesAreChecked() {
    ParamGroup group = new ParamGroup(List.of(linear), TWO);
    assertTrue(Double.isNaN(group.learningRate()));
    assertSame(group, group.learningRate(0.5).weightDecay(0.25));
    assertThrows(IllegalArgumentException.class, () -> group.learningRate(-1));
    assertThrows(IllegalArgumentException.class, () -> group.weightDecay(Double.NaN));
    assertEquals(0.5, group.learningRate());
    assertEquals(0.25, group.weightDecay());
    assertThrows(IllegalArgumentException.class, () -> new ParamGroup(List.of(), null));
  }
}
