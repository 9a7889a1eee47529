package io.parq.grids;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/** Every grid, and random blocks for them. */
final class Grids {
  static final List<String> SPECS = specs();

  private Grids() {}

  private static List<String> specs() {
    List<String> all = new ArrayList<>();
    for (int b = 1; b <= 8; b++) {
      all.add("stretched:" + b);
      all.add("asymmetric-uniform:" + b);
      all.add("clipped:" + b + ":mean:0.5:0.5");
      all.add("clipped:" + b + ":max:0.5:0.5+centred");
      if (b >= 2) {
        all.add("symmetric:" + b);
        all.add("asymmetric:" + b);
        all.add("clipped:" + b + ":max:1.0:0.0");
        all.add("clipped:" + b + ":mean:1.0:2.0+centred");
      }
      if (b >= 2 && b <= 4) {
        all.add("symmetric:" + b + "+error-optimal");
        all.add("stretched:" + b + "+error-optimal");
      }
      if (b <= 4) {
        all.add("lsbq-greedy:" + b);
        all.add("lsbq-greedy:" + b + "+centred");
      }
    }
    all.addAll(
        List.of(
            "tinygemm",
            "ternary",
            "ternary+centred",
            "ternary+error-optimal",
            "lsbq-optimal:1",
            "lsbq-optimal:2",
            "lsbq-optimal:2+centred",
            "lsbq-optimal-ternary",
            "lsbq-simple-ternary:1.1",
            "nf4",
            "fp4"));
    return all;
  }

  /** A random configuration that some tensor of 4 rows and 24 columns can take. */
  static Arbitrary<QuantConfig> configs() {
    Arbitrary<Granularity> granularities =
        Arbitraries.of(Granularity.perTensor(), Granularity.perRow(), Granularity.perGroup(8));
    Arbitrary<ScaleType> scaleTypes = Arbitraries.of(ScaleType.class);
    return Combinators.combine(Arbitraries.of(SPECS), granularities, scaleTypes)
        .as(
            (spec, granularity, type) -> {
              Grid grid = Grid.parse(spec);
              boolean single = !grid.hasZeroPoint() && !grid.hasOffset() && !isLsbq(grid);
              ScaleType usable = type == ScaleType.E4M3 && !single ? ScaleType.BF16 : type;
              return new QuantConfig(grid, granularity, usable);
            });
  }

  private static boolean isLsbq(Grid grid) {
    return grid instanceof LsbqGrid;
  }

  /** 4 x 24 weights: smooth, with outliers, ties, zeros and constant rows. */
  static Arbitrary<float[]> tensors() {
    Arbitrary<Float> smooth = Arbitraries.floats().between(-2f, 2f);
    Arbitrary<Float> ties = Arbitraries.integers().between(-16, 16).map(i -> i / 8f);
    Arbitrary<Float> outliers = Arbitraries.floats().between(-100f, 100f);
    Arbitrary<Float> values =
        Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(8, smooth),
            net.jqwik.api.Tuple.of(4, ties),
            net.jqwik.api.Tuple.of(1, outliers),
            net.jqwik.api.Tuple.of(2, Arbitraries.just(0f)));
    Arbitrary<float[]> mixed = values.array(Float[].class).ofSize(96).map(Grids::unbox);
    Arbitrary<float[]> constantRow =
        Combinators.combine(mixed, smooth)
            .as(
                (x, c) -> {
                  java.util.Arrays.fill(x, 24, 48, c);
                  java.util.Arrays.fill(x, 48, 72, 0f);
                  return x;
                });
    return Arbitraries.oneOf(List.of(mixed, constantRow));
  }

  private static float[] unbox(Float[] boxed) {
    float[] x = new float[boxed.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = boxed[i];
    }
    return x;
  }
}
