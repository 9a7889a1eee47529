package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a target refuses is known when the optimizer is built. */
class TargetTest {
  /** Holds rows that are whole groups of 8, up to 4 bits. */
  private static final Target EIGHTS =
      new Target() {
        @Override
        public String name() {
          return "eights";
        }

        @Override
        public Holding holding(QuantConfig config, long... shape) {
          if (config.bits() > 4) {
            return new Refused(config.bits() + " bits, expected at most 4");
          }
          long columns = shape[shape.length - 1];
          return columns % 8 == 0
              ? new Exact("E8", config.bits() + 2)
              : new Refused(columns + " columns, expected a multiple of 8");
        }

        @Override
        public ScaleType scaleType(Grid grid, Granularity granularity) {
          return ScaleType.FP16;
        }
      };

  private static List<ParamGroup> groups(int bits) {
    Parameter wide = parameter("wide.weight", Parameter.Kind.LINEAR, 4, 16);
    Parameter narrow = parameter("narrow.weight", Parameter.Kind.LINEAR, 16, 6);
    Parameter table = parameter("table.weight", Parameter.Kind.EMBEDDING, 5, 7);
    Parameter norm = parameter("norm.weight", Parameter.Kind.NORM, 1, 3);
    return ParamGroup.assign(
        List.of(wide, narrow, table, norm),
        Map.of(
            ParameterFilter.linear(), QuantConfig.of(4),
            ParameterFilter.embedding(), QuantConfig.of(bits)));
  }

  private static Parameter parameter(String name, Parameter.Kind kind, int rows, int columns) {
    return Parameter.of(
        name, kind, new float[rows * columns], new float[rows * columns], rows, columns);
  }

  @Test
  void everyRefusalIsNamed() {
    QuantOptimizer.Builder builder = QuantOptimizer.wrap(new AdamW(groups(8), 1e-3)).target(EIGHTS);
    TargetException e = assertThrows(TargetException.class, builder::build);
    List<String> lines = e.getMessage().lines().sorted().toList();
    assertEquals(
        List.of(
            "  narrow.weight [16, 6] as symmetric:4 per-row fp32: 6 columns, expected a multiple of"
                + " 8",
            "  table.weight [5, 7] as symmetric:8 per-row fp32: 8 bits, expected at most 4",
            "target eights cannot hold 2 parameters:"),
        lines);
    assertEquals(2, e.refusals().size());
  }

  @Test
  void whatIsHeldOrNotQuantizedIsNotRefused() {
    Parameter wide = parameter("wide.weight", Parameter.Kind.LINEAR, 4, 16);
    Parameter norm = parameter("norm.weight", Parameter.Kind.NORM, 1, 3);
    List<ParamGroup> groups =
        ParamGroup.assign(List.of(wide, norm), Map.of(ParameterFilter.linear(), QuantConfig.of(2)));
    assertEquals(
        2, QuantOptimizer.wrap(new AdamW(groups, 1e-3)).target(EIGHTS).build().groups().size());
  }
}
