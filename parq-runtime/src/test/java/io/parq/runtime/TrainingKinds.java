package io.parq.runtime;

import io.parq.export.PackedTensor;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.SmallFloat;
import io.parq.optim.Adam;
import io.parq.optim.AdamW;
import io.parq.optim.Moments;
import io.parq.optim.NormalMapSgd;
import io.parq.optim.Optimizer;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import io.parq.optim.Sgd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;

/** What trains a tensor and exports it: steps, packing and unpacking, conversions. */
final class TrainingKinds {
  private static final int ROWS = 64;
  private static final int COLUMNS = 1024;
  private static final int WEIGHTS = ROWS * COLUMNS;

  /** Bytes a weight of what is packed or unpacked, and of what it is made from. */
  private static final long PACKED = 8;

  private static final List<String> GRIDS =
      List.of(
          "stretched:1",
          "ternary",
          "stretched:2",
          "stretched:3",
          "stretched:4",
          "symmetric:4",
          "asymmetric:4",
          "tinygemm",
          "clipped:2:mean:0.5:0.5+centred",
          "lsbq-greedy:2",
          "lsbq-greedy:3+centred",
          "lsbq-optimal:2",
          "lsbq-optimal-ternary",
          "lsbq-simple-ternary:1.1",
          "nf4",
          "fp4");

  private static final List<String> MAPS =
      List.of("hard", "parq:0:1000000", "binary-relax:0:1000000", "soft-quant:0:1000000");

  private final SplittableRandom random = new SplittableRandom(4);
  private final long most;
  private final List<Garbage.Case> cases = new ArrayList<>();

  private TrainingKinds(long most) {
    this.most = most;
  }

  static List<Garbage.Case> all(long most) {
    TrainingKinds kinds = new TrainingKinds(most);
    int count = 0;
    for (String grid : GRIDS) {
      for (String granularity : List.of("per-row", "group:128", "group:32")) {
        String config = grid + " " + granularity + " fp32";
        String map = MAPS.get(count++ % MAPS.size());
        kinds.step("adamw", groups -> new AdamW(groups, 1e-4), map, config, true);
      }
      kinds.packing(grid + " group:32 fp32");
    }
    for (boolean isNative : new boolean[] {true, false}) {
      for (Moments moments : Moments.values()) {
        kinds.optimizers(moments, isNative);
      }
    }
    kinds.conversions();
    return kinds.cases;
  }

  private MemorySegment floats(boolean isNative, double deviation) {
    MemorySegment memory =
        isNative
            ? Arena.ofAuto().allocate(4L * WEIGHTS, 64)
            : MemorySegment.ofArray(new float[WEIGHTS]);
    for (int i = 0; i < WEIGHTS; i++) {
      float value = (float) (random.nextGaussian() * deviation);
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
    return memory;
  }

  private void optimizers(Moments moments, boolean isNative) {
    AdamW.Options adamW = AdamW.Options.DEFAULTS.withMoments(moments).withLearningRate(1e-4);
    Sgd.Options sgd = new Sgd.Options(1e-3, 0.9, 0, 0.01, true).withMoments(moments);
    String row = "stretched:2 per-row fp32";
    for (String config : new String[] {"", row}) {
      step("adamw " + moments, groups -> new AdamW(groups, adamW), "hard", config, isNative);
      step("sgd " + moments, groups -> new Sgd(groups, sgd), "hard", config, isNative);
    }
    step("adam", groups -> new Adam(groups, 1e-4), "hard", row, isNative);
    step("normal " + moments, groups -> new NormalMapSgd(groups, sgd, 2), "hard", row, isNative);
  }

  private void step(
      String name,
      Function<List<ParamGroup>, Optimizer> create,
      String map,
      String config,
      boolean isNative) {
    Parameter parameter =
        new Parameter(
            "w",
            Parameter.Kind.LINEAR,
            new long[] {ROWS, COLUMNS},
            floats(isNative, 0.04),
            floats(isNative, 1e-4));
    String all = String.join(", ", name, map, config, isNative ? "native" : "heap");
    if (config.isEmpty()) {
      Optimizer optimizer = create.apply(ParamGroup.assign(List.of(parameter), Map.of()));
      cases.add(new Garbage.Case(all, most, optimizer::step));
      return;
    }
    Map<ParameterFilter, QuantConfig> configs =
        Map.of(ParameterFilter.linear(), QuantConfig.parse(config));
    QuantOptimizer optimizer =
        QuantOptimizer.wrap(create.apply(ParamGroup.assign(List.of(parameter), configs)))
            .prox(ProxMap.parse(map))
            .quantPeriod(1)
            .clipNorm(1)
            .build();
    cases.add(new Garbage.Case(all, most, optimizer::step));
  }

  private void packing(String config) {
    QuantizedTensor tensor =
        QuantizedTensor.quantize(QuantConfig.parse(config), floats(false, 1), ROWS, COLUMNS);
    PackedTensor packed = PackedTensor.pack(tensor);
    long more = most + PACKED * WEIGHTS;
    cases.add(new Garbage.Case("pack, " + config, more, () -> PackedTensor.pack(tensor)));
    cases.add(new Garbage.Case("unpack, " + config, more, packed::unpack));
  }

  private void conversions() {
    float[] x = floats(false, 1).toArray(ValueLayout.JAVA_FLOAT);
    short[] bits = new short[WEIGHTS];
    cases.add(new Garbage.Case("to bf16", most, () -> SmallFloat.toBf16(x, 0, bits, 0, WEIGHTS)));
    cases.add(
        new Garbage.Case("from bf16", most, () -> SmallFloat.fromBf16(bits, 0, x, 0, WEIGHTS)));
  }
}
