package io.parq.samples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.TensorData;
import io.parq.optim.AdamW;
import io.parq.optim.LrSchedule;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import io.parq.optim.ParameterFilter;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The optimizer's state through a safetensors file: neither module knows the other. */
class CheckpointTest {
  private static final int STEPS = 30;

  /** A layer, an embedding and a norm, with gradients that depend on the weights. */
  private static final class Run {
    final float[] layer = wave(8 * 32, 0.1f);
    final float[] embedding = wave(16 * 32, 0.3f);
    final float[] norm = wave(32, 0.7f);
    private final float[][] gradients = {new float[8 * 32], new float[16 * 32], new float[32]};
    final QuantOptimizer optimizer;

    Run() {
      List<Parameter> parameters =
          List.of(
              Parameter.of("layer", Parameter.Kind.LINEAR, layer, gradients[0], 8, 32),
              Parameter.of("embedding", Parameter.Kind.EMBEDDING, embedding, gradients[1], 16, 32),
              Parameter.of("norm", Parameter.Kind.NORM, norm, gradients[2], 32));
      List<ParamGroup> groups =
          ParamGroup.assign(
              parameters,
              Map.of(
                  ParameterFilter.linear(), QuantConfig.parse("stretched:2 per-row bf16"),
                  ParameterFilter.embedding(), QuantConfig.parse("asymmetric:4 group:16 fp32")));
      optimizer =
          QuantOptimizer.wrap(new AdamW(groups, 0.01))
              .prox(ProxMap.parq(6, 24))
              .warmupSteps(3)
              .quantPeriod(3)
              .quantShrink(true)
              .annealWdFrac(0.5)
              .clipNorm(1)
              .schedule(LrSchedule.linearWarmup(4, LrSchedule.cosine(STEPS, 0.1)))
              .build();
    }

    void steps(int count) {
      float[][] weights = {layer, embedding, norm};
      for (int step = 0; step < count; step++) {
        for (int p = 0; p < weights.length; p++) {
          for (int i = 0; i < weights[p].length; i++) {
            gradients[p][i] = weights[p][i] - (float) Math.cos(i);
          }
        }
        optimizer.step();
      }
    }
  }

  private static float[] wave(int length, float frequency) {
    float[] x = new float[length];
    for (int i = 0; i < length; i++) {
      x[i] = (float) Math.sin(frequency * i);
    }
    return x;
  }

  @Test
  void trainingContinuesBitForBitFromAFile(@TempDir Path folder) throws Exception {
    Run straight = new Run();
    straight.steps(STEPS);
    for (int saved : new int[] {2, 3, 11, 25}) { // warm-up, its end, off a refit, after annealing
      Path file = folder.resolve("state-" + saved + ".safetensors");
      Run first = new Run();
      first.steps(saved);
      SafetensorsWriter.write(file, first.optimizer.state());
      Run resumed = new Run();
      resumed.optimizer.load(SafetensorsReader.read(file));
      resumed.steps(STEPS - saved);
      assertArrayEquals(straight.layer, resumed.layer);
      assertArrayEquals(straight.embedding, resumed.embedding);
      assertArrayEquals(straight.norm, resumed.norm);
      assertSame(straight.optimizer.state(), resumed.optimizer.state());
    }
  }

  private static void assertSame(NamedTensors expected, NamedTensors found) {
    assertEquals(expected.values(), found.values());
    assertEquals(expected.tensors().keySet(), found.tensors().keySet());
    for (Map.Entry<String, TensorData> entry : expected.tensors().entrySet()) {
      long difference =
          entry.getValue().data().mismatch(found.tensors().get(entry.getKey()).data());
      assertEquals(-1, difference, entry.getKey());
    }
  }
}
