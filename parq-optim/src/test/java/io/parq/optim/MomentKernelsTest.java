package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Plain loops against vectors, bit for bit, for moments in lower precision. */
class MomentKernelsTest {
  private static final long SEED = 6;

  private final Random random = new Random(SEED);
  private final ScalarUpdates scalar = new ScalarUpdates();
  private final VectorUpdates vector = new VectorUpdates();

  private static DynamicMap map(boolean signed) {
    return signed ? DynamicMap.SIGNED : DynamicMap.UNSIGNED;
  }

  /** Any bits of magnitude up to 1, most of them above the least value. */
  private float any(boolean signed) {
    int magnitude =
        random.nextInt(4) == 0
            ? random.nextInt(Float.floatToRawIntBits(1f) + 1)
            : Float.floatToRawIntBits((float) Math.pow(10, -8 * random.nextDouble()));
    return Float.intBitsToFloat(magnitude | (signed && random.nextBoolean() ? 1 << 31 : 0));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void encodingFindsWhatBisectionFinds(boolean signed) {
    DynamicMap map = map(signed);
    float[] values = map.values();
    float[] x = new float[1 << 20];
    for (int i = 0; i < x.length; i++) {
      int k = random.nextInt(255);
      float middle = (values[k] + values[k + 1]) / 2;
      x[i] =
          switch (i % 4) {
            case 0 -> values[k];
            case 1 -> middle + Math.ulp(middle) * (random.nextInt(9) - 4);
            default -> any(signed);
          };
    }
    byte[] expected = new byte[x.length];
    for (int i = 0; i < x.length; i++) {
      expected[i] = (byte) map.search(x[i]);
    }
    byte[] codes = new byte[x.length];
    map.encode(x.clone(), 1f, codes, 0, x.length);
    assertArrayEquals(expected, codes, "seed " + SEED);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void blocks(boolean signed) {
    DynamicMap map = map(signed);
    int[] indices = new int[Moments.BLOCK];
    for (int length = 0; length <= Moments.BLOCK; length++) {
      int from = length % 5;
      float[] x = new float[from + length + 3];
      for (int i = 0; i < x.length; i++) {
        x[i] = i % 61 == 60 ? Float.NaN : 3 * any(signed);
      }
      List<Object> results = new ArrayList<>();
      for (UpdateKernels kernels : List.of(scalar, vector)) {
        byte[] codes = new byte[x.length];
        kernels.encode(map, x.clone(), 3f, codes, from, length, indices);
        float[] values = new float[x.length];
        kernels.decode(map, codes, 0.7f, values, from, length);
        int largest = Float.floatToIntBits(kernels.absMax(x, from, length));
        results.add(Arrays.toString(codes) + Arrays.toString(values) + largest);
      }
      assertEquals(results.getFirst(), results.getLast(), length + " from " + from);
    }
  }

  @Test
  void adamInBf16(@TempDir Path folder) throws Exception {
    ParamGroup group =
        new ParamGroup(
            List.of(Parameter.of("w", Parameter.Kind.OTHER, new float[1], new float[1], 1)), null);
    group.learningRate(0.01).weightDecay(0.1);
    List<MemorySegment> memories = UpdateKernelsTest.memories(folder);
    for (double beta1 : new double[] {0.9, 0.3}) {
      AdamUpdate update = AdamUpdate.of(group, 3, beta1, 0.99, 1e-8, beta1 > 0.5);
      for (int length = 0; length <= 70; length++) {
        for (int start : new int[] {0, 1, 16}) {
          for (boolean hasLatents : new boolean[] {false, true}) {
            adamInBf16(update, memories, length, start, hasLatents);
          }
        }
      }
    }
  }

  private void adamInBf16(
      AdamUpdate update, List<MemorySegment> memories, int length, int start, boolean hasLatents) {
    float[] w = values(UpdateKernelsTest.MEMORY);
    float[] g = values(UpdateKernelsTest.MEMORY);
    float[] latents = values(length);
    short[] first = new short[length];
    short[] second = new short[length];
    for (int i = 0; i < length; i++) {
      first[i] = (short) (Float.floatToRawIntBits((float) random.nextGaussian()) >>> 16);
      second[i] = (short) (Float.floatToRawIntBits(random.nextFloat()) >>> 16);
    }
    g[start + length / 2] = length % 3 == 0 ? Float.intBitsToFloat(0x7fffffff) : 1f;
    String expected = null;
    for (MemorySegment memory : memories) {
      for (UpdateKernels kernels : List.of(scalar, vector)) {
        memory.copyFrom(MemorySegment.ofArray(w));
        Tile tile = new Tile();
        tile.weights = memory;
        tile.gradient = MemorySegment.ofArray(g);
        tile.start = start;
        tile.length = length;
        tile.latents = hasLatents ? latents.clone() : null;
        short[] m = first.clone();
        short[] v = second.clone();
        kernels.adam(update, tile, m, v);
        String result =
            Arrays.toString(memory.toArray(ValueLayout.JAVA_FLOAT))
                + Arrays.toString(tile.latents)
                + Arrays.toString(m)
                + Arrays.toString(v)
                + tile.isFinite;
        expected = expected == null ? result : expected;
        assertEquals(expected, result, "length %d from %d, seed %d".formatted(length, start, SEED));
      }
    }
  }

  private float[] values(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }
}
