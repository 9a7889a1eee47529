package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Plain loops against vectors, bit for bit, whatever the length, offset and kind of memory. */
class UpdateKernelsTest {
  private static final int LONGEST = 70;
  static final int MEMORY = 128;
  private static final long SEED = 5;

  private final ScalarUpdates scalar = new ScalarUpdates();
  private final VectorUpdates vector = new VectorUpdates();
  private final Random random = new Random(SEED);

  /** An update by one of the kernels. */
  record Update(String name, java.util.function.BiConsumer<UpdateKernels, Tile> run) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Update adam(String name, double beta1, double decay, boolean decoupled) {
    ParamGroup group = new ParamGroup(List.of(parameter()), null);
    group.learningRate(0.01).weightDecay(decay);
    AdamUpdate update = AdamUpdate.of(group, 3, beta1, 0.99, 1e-8, decoupled);
    return new Update(name, (kernels, tile) -> kernels.adam(update, tile));
  }

  private static Update sgd(String name, Sgd.Options options, double pull) {
    ParamGroup group = new ParamGroup(List.of(parameter()), null);
    group.learningRate(0.01).weightDecay(0.1);
    Sgd.Coefficients c = Sgd.Coefficients.of(options, group, 2, pull);
    return new Update(name, (kernels, tile) -> kernels.sgd(c, tile));
  }

  private static Parameter parameter() {
    return Parameter.of("w", Parameter.Kind.OTHER, new float[1], new float[1], 1);
  }

  static List<Update> updates() {
    Sgd.Options heavy = new Sgd.Options(0.1, 0.9, 0.1, 0, false);
    return List.of(
        adam("adam", 0.9, 0.1, false),
        adam("adamw", 0.9, 0.1, true),
        adam("adamw with little momentum", 0.3, 0.1, true),
        sgd("sgd", new Sgd.Options(0.1, 0, 0, 0, false), 0),
        sgd("momentum", heavy, 0),
        sgd("nesterov", new Sgd.Options(0.1, 0.9, 0, 0, true), 0),
        sgd("normal map", heavy, -0.05),
        sgd("normal map without momentum", new Sgd.Options(0.1, 0, 0, 0, false), -0.05));
  }

  /** Memory of every kind, and as tensors of another library show it. */
  @SuppressWarnings("restricted")
  static List<MemorySegment> memories(Path folder) throws java.io.IOException {
    MemorySegment nativeMemory = Arena.global().allocate(4 * MEMORY, 64);
    MemorySegment foreign = Arena.global().allocate(4 * MEMORY + 4, 64).asSlice(4);
    Path file = Files.write(folder.resolve("memory" + System.nanoTime()), new byte[4 * MEMORY]);
    MemorySegment mapped;
    try (var channel =
        java.nio.channels.FileChannel.open(
            file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      mapped =
          channel.map(
              java.nio.channels.FileChannel.MapMode.READ_WRITE, 0, 4 * MEMORY, Arena.global());
    }
    return List.of(
        MemorySegment.ofArray(new float[MEMORY]),
        nativeMemory,
        mapped,
        MemorySegment.ofAddress(foreign.address()).reinterpret(4 * MEMORY));
  }

  private float[] values(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static Tile tile(
      MemorySegment weights,
      MemorySegment gradient,
      long start,
      int length,
      float[] latents,
      float[] first,
      float[] second) {
    Tile tile = new Tile();
    tile.weights = weights;
    tile.gradient = gradient;
    tile.start = start;
    tile.length = length;
    tile.latents = latents == null ? null : latents.clone();
    tile.first = first.clone();
    tile.second = second.clone();
    return tile;
  }

  @ParameterizedTest
  @MethodSource("updates")
  void update(Update update, @TempDir Path folder) throws Exception {
    List<MemorySegment> weights = memories(folder);
    List<MemorySegment> gradients = memories(folder);
    for (int length = 0; length <= LONGEST; length++) {
      for (int start : new int[] {0, 1, 3, 16}) {
        for (boolean hasLatents : new boolean[] {false, true}) {
          List<float[]> results = new ArrayList<>();
          float[] w = values(MEMORY);
          float[] g = values(MEMORY);
          float[] latents = hasLatents ? values(length) : null;
          float[] first = values(length);
          float[] second = values(length);
          for (int i = 0; i < length; i++) {
            second[i] = Math.abs(second[i]);
          }
          for (int memory = 0; memory < weights.size(); memory++) {
            for (UpdateKernels kernels : List.of(scalar, vector)) {
              MemorySegment own = weights.get(memory);
              MemorySegment ownGradient = gradients.get((memory + length) % gradients.size());
              own.copyFrom(MemorySegment.ofArray(w));
              ownGradient.copyFrom(MemorySegment.ofArray(g));
              Tile tile = tile(own, ownGradient, start, length, latents, first, second);
              update.run.accept(kernels, tile);
              results.add(everything(tile));
            }
          }
          for (float[] result : results) {
            String at = "length %d from %d, seed %d".formatted(length, start, SEED);
            assertArrayEquals(results.getFirst(), result, at);
          }
        }
      }
    }
  }

  private static float[] everything(Tile tile) {
    float[] weights = tile.weights.toArray(ValueLayout.JAVA_FLOAT);
    float[] latents = tile.latents == null ? new float[0] : tile.latents;
    float[] all =
        new float[weights.length + latents.length + tile.first.length + tile.second.length + 1];
    int at = 0;
    for (float[] part : List.of(weights, latents, tile.first, tile.second)) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    all[at] = tile.isFinite ? 1 : 0;
    return all;
  }

  @Test
  void anInfiniteResultIsSeen() {
    for (UpdateKernels kernels : List.of(scalar, vector)) {
      for (int bad = 0; bad < 37; bad++) {
        float[] g = new float[37];
        g[bad] = bad % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
        MemorySegment weights = MemorySegment.ofArray(new float[37]);
        Tile tile =
            tile(weights, MemorySegment.ofArray(g), 0, 37, g.clone(), new float[37], new float[37]);
        updates().getFirst().run.accept(kernels, tile);
        assertEquals(false, tile.isFinite, "element " + bad);
      }
    }
  }

  @Test
  void finiteness(@TempDir Path folder) throws Exception {
    for (MemorySegment memory : memories(folder)) {
      for (int length = 0; length <= 100; length++) {
        for (int start : new int[] {0, 1, 5}) {
          for (int bad = -1; bad < length; bad += 1 + length / 10) {
            memory.copyFrom(MemorySegment.ofArray(new float[MEMORY]));
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, start + length, Float.NaN);
            if (bad >= 0) {
              float value = bad % 2 == 0 ? Float.NaN : Float.POSITIVE_INFINITY;
              memory.setAtIndex(ValueLayout.JAVA_FLOAT, start + bad, value);
            }
            for (UpdateKernels kernels : List.of(scalar, vector)) {
              assertEquals(bad < 0, kernels.isFinite(new Tile(), memory, start, length));
            }
          }
        }
      }
    }
  }

  @Test
  void sums() {
    assertInstanceOf(VectorUpdates.class, UpdateKernels.Best.KERNELS);
    for (int length = 0; length <= 100; length++) {
      float[] x = values(length + 8);
      assertEquals(
          scalar.sumOfSquares(x, length, new double[UpdateKernels.SQUARES]),
          vector.sumOfSquares(x, length, new double[UpdateKernels.SQUARES]));
    }
  }
}
