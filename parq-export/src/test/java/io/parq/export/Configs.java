package io.parq.export;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Every grid with every granularity and every scale type that it can have, and weights for them.
 */
public final class Configs {
  private Configs() {}

  public static List<String> grids() {
    List<String> specs = new ArrayList<>();
    for (int b = 1; b <= 8; b++) {
      specs.add("stretched:" + b);
      specs.add("asymmetric-uniform:" + b);
      specs.add("clipped:" + b + ":mean:0.5:0.5");
      specs.add("clipped:" + b + ":max:0.5:0.5+centred");
      if (b > 1) {
        specs.add("symmetric:" + b);
        specs.add("symmetric:" + b + "+error-optimal");
        specs.add("asymmetric:" + b);
        specs.add("clipped:" + b + ":max:1.0:0.0");
      }
      if (b <= 4) {
        specs.add("lsbq-greedy:" + b);
        specs.add("lsbq-greedy:" + b + "+centred");
      }
    }
    specs.addAll(
        List.of(
            "tinygemm",
            "ternary",
            "ternary+centred",
            "stretched:2+error-optimal",
            "stretched:3+centred",
            "lsbq-optimal:1",
            "lsbq-optimal:2",
            "lsbq-optimal-ternary",
            "lsbq-optimal-ternary+centred",
            "lsbq-simple-ternary:1.1",
            "nf4",
            "fp4"));
    return specs;
  }

  public static List<QuantConfig> all() {
    List<QuantConfig> configs = new ArrayList<>();
    for (String spec : grids()) {
      for (String granularity : List.of("per-tensor", "per-row", "group:8")) {
        for (ScaleType type : ScaleType.values()) {
          try {
            configs.add(new QuantConfig(Grid.parse(spec), Granularity.parse(granularity), type));
          } catch (IllegalArgumentException e) {
            if (type != ScaleType.E4M3) {
              throw e;
            }
          }
        }
      }
    }
    return configs;
  }

  public static float[] weights(int count, long seed) {
    Random random = new Random(seed);
    float[] weights = new float[count];
    for (int i = 0; i < count; i++) {
      weights[i] = (float) (random.nextGaussian() * 0.1 + 0.03);
    }
    return weights;
  }
}
