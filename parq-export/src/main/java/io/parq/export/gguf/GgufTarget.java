package io.parq.export.gguf;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.TableGrid;
import io.parq.grids.Target;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What GGUF holds exactly: levels that are integer multiples of a scale, or of half of it, in the
 * smallest type that has a code for each of them; FP4 with scales of E8M0 (MXFP4) or E4M3 (NVFP4).
 *
 * <p>Scales are stored in half precision. Scales of type fp16 always fit; those of type bf16 fit if
 * they lie between 2^-13 and 65504, as those of trained weights do. The writer finds out and
 * refuses the others.
 *
 * <p>The types of 256 elements (Q2_K, Q3_K, Q4_K, TQ1_0, TQ2_0) take one scale for them, so here
 * they serve scales per row or per tensor, and groups of a multiple of 256. NVFP4 is for
 * projections only: llama.cpp has no place for the tensor's scale of an embedding.
 */
public final class GgufTarget implements Target {
  private static final int MXFP4_GROUP = Encoding.MXFP4.elements();
  private static final int NVFP4_GROUP = 16;

  /** Describes the format. */
  public GgufTarget() {}

  @Override
  public String name() {
    return "gguf";
  }

  @Override
  public ScaleType scaleType(Grid grid, Granularity granularity) {
    if (!grid.equals(TableGrid.FP4)) {
      return ScaleType.FP16;
    }
    boolean small =
        granularity instanceof Granularity.PerGroup(int size) && size % MXFP4_GROUP != 0;
    return small ? ScaleType.E4M3 : ScaleType.E8M0;
  }

  @Override
  public Holding holding(QuantConfig config, long... shape) {
    if (shape.length != 2) {
      return new Refused("shape %s, expected rows and columns".formatted(Arrays.toString(shape)));
    }
    Encoding fp4 = fp4(config);
    if (fp4 != null) {
      int group = fp4 == Encoding.NVFP4 ? NVFP4_GROUP : MXFP4_GROUP;
      String reason = misfit(fp4, group, config.granularity(), shape[1]);
      return reason == null ? exact(fp4) : new Refused(reason);
    }
    Levels levels = Levels.of(config.grid());
    if (levels == null) {
      return new Refused(
          "grid %s with %s scales, expected evenly spaced levels without an offset, ternary ones,"
                  .formatted(config.grid(), config.scaleType())
              + " or fp4 with e8m0 or e4m3 scales");
    }
    if (config.scaleType() != ScaleType.FP16 && config.scaleType() != ScaleType.BF16) {
      return new Refused("%s scales, expected fp16 or bf16 ones".formatted(config.scaleType()));
    }
    return smallest(config, levels, shape[1]);
  }

  private static @Nullable Encoding fp4(QuantConfig config) {
    if (!config.grid().equals(TableGrid.FP4)) {
      return null;
    }
    return switch (config.scaleType()) {
      case E8M0 -> Encoding.MXFP4;
      case E4M3 -> Encoding.NVFP4;
      default -> null;
    };
  }

  private static Holding smallest(QuantConfig config, Levels levels, long columns) {
    String reason =
        "grid %s has levels of %d to %d %s, expected -128 to 127"
            .formatted(
                config.grid(),
                levels.least(),
                levels.most(),
                levels.halved() ? "half scales" : "scales");
    for (Layout layout : Layout.ALL) {
      if (layout.holds(levels)) {
        Encoding encoding = layout.encoding();
        String misfit = misfit(encoding, encoding.elements(), config.granularity(), columns);
        if (misfit == null) {
          return exact(encoding);
        }
        reason = misfit;
      }
    }
    return new Refused(reason);
  }

  /** Why rows and groups are not made of whole blocks, or null if they are. */
  private static @Nullable String misfit(
      Encoding encoding, int group, Granularity granularity, long columns) {
    if (granularity instanceof Granularity.PerGroup(int size) && size % group != 0) {
      return "groups of %d, expected a multiple of %d for %s".formatted(size, group, encoding);
    }
    if (columns < 1 || columns % encoding.elements() != 0) {
      return "%d columns, expected a multiple of %d for %s"
          .formatted(columns, encoding.elements(), encoding);
    }
    return null;
  }

  private static Exact exact(Encoding encoding) {
    return new Exact(encoding.name(), encoding.bitsPerWeight());
  }
}
