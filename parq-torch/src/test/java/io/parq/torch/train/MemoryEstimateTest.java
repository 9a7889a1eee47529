package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.model.ModelConfig;
import io.parq.grids.Granularity;
import io.parq.grids.QuantConfig;
import io.parq.grids.UniformGrid;
import io.parq.optim.Moments;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The memory estimate: its parts, and peaks that were measured. */
class MemoryEstimateTest {
  /**
   * Peaks of resident memory on Linux x86-64 (JDK 25, glibc, LibTorch 2.10) of whole runs of {@code
   * ./parq train}, 2 or 3 steps, 20 for the smallest, with AdamW, all matrices quantized, a
   * checkpoint and the packed model included.
   */
  @ParameterizedTest
  @CsvSource({
    // layers, hidden, inner, heads, key heads, vocabulary, tied, batch, time, parameters, peak MiB
    "24, 896, 4864, 14, 2, 151936, true, 1, 256, 494032768, 12780",
    "24, 896, 4864, 14, 2, 151936, true, 1, 128, 494032768, 12684",
    "6, 1024, 2816, 16, 16, 32000, false, 4, 128, 142000000, 4100",
    "2, 256, 768, 4, 4, 256, true, 16, 128, 1770000, 856"
  })
  void isWithinFivePercentOfMeasuredPeaks(
      int layers,
      int hidden,
      int inner,
      int heads,
      int keyHeads,
      int vocabulary,
      boolean tied,
      int batch,
      int time,
      long parameters,
      long peak) {
    ModelConfig config =
        SmallModels.config(layers, hidden, inner, heads, keyHeads, vocabulary, tied);
    MemoryEstimate.Sizes sizes = new MemoryEstimate.Sizes(parameters, parameters, 0);
    MemoryEstimate estimate = MemoryEstimate.of(config, sizes, 2, Moments.FP32, batch, time);
    double mebibytes = estimate.total() / (1024.0 * 1024.0);
    assertEquals(1, mebibytes / peak, 0.05, estimate::toString);
  }

  @Test
  void partsAreCounted() {
    Parameter matrix =
        Parameter.of("a", Parameter.Kind.LINEAR, new float[6400], new float[6400], 64, 100);
    Parameter vector = Parameter.of("b", Parameter.Kind.NORM, new float[50], new float[50], 50);
    QuantConfig quant =
        QuantConfig.of(4).withGrid(UniformGrid.asymmetric(4)).withGranularity(Granularity.perRow());
    List<ParamGroup> groups =
        List.of(new ParamGroup(List.of(matrix), quant), new ParamGroup(List.of(vector), null));
    ModelConfig config = SmallModels.config(3, 32, 64, 4, 2, 100, true);
    MemoryEstimate estimate = MemoryEstimate.of(config, groups, 2, Moments.FP32, 2, 8);
    assertEquals(4 * 6450, estimate.weights());
    assertEquals(4 * 6450, estimate.gradients());
    assertEquals(2 * 4 * 6450, estimate.moments());
    assertEquals(4 * 6400, estimate.latents());
    assertEquals(64 * 2 * 4, estimate.lattices());
    assertEquals(4 * 16 * 3 * (4 * 64 + 4 * 32 + 5 * 32 + 2 * 16), estimate.activations());
    assertEquals(3 * 4 * 100 * 32, estimate.temporaries());
    assertEquals(
        estimate.total(), estimate.breakdown().values().stream().mapToLong(Long::longValue).sum());
    assertTrue(estimate.heap() > estimate.moments() + estimate.latents());
    assertTrue(estimate.toString().contains(" MB = weights "), estimate::toString);
    long bf16 = MemoryEstimate.of(config, groups, 2, Moments.BF16, 2, 8).moments();
    assertEquals(2 * (2 * 6400 + 4 * 50), bf16);
    long blockwise = MemoryEstimate.of(config, groups, 1, Moments.BLOCKWISE_8BIT, 2, 8).moments();
    assertEquals(6400 + 4 * 25 + 4 * 50, blockwise);
    long untied =
        MemoryEstimate.of(
                SmallModels.config(3, 32, 64, 4, 2, 100, false), groups, 2, Moments.FP32, 2, 8)
            .temporaries();
    assertEquals(3 * 4 * 16 * 100, untied);
    assertThrows(
        IllegalArgumentException.class,
        () -> MemoryEstimate.of(config, groups, -1, Moments.FP32, 2, 8));
    assertThrows(
        IllegalArgumentException.class,
        () -> MemoryEstimate.of(config, groups, 2, Moments.FP32, 0, 8));
  }
}
