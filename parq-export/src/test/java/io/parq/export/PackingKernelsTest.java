package io.parq.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Longs against vectors: the same bytes, the same verdict, at every length. */
class PackingKernelsTest {
  private static final int LONGEST = 300;
  private static final long SEED = 5;

  private final PackingKernels scalar = new ScalarPacking();
  private final PackingKernels vector = new VectorPacking();
  private final Random random = new Random(SEED);

  @Test
  void vectorsAreChosenHere() {
    assertInstanceOf(VectorPacking.class, PackingKernels.BEST);
  }

  private Packing packing(int bits) {
    int levels = Math.max(1, (1 << bits) - random.nextInt(4));
    int min = random.nextInt(-128, 129 - levels);
    return new Packing(bits, min, min + levels - 1);
  }

  @Test
  void packed() {
    boolean[] seen = new boolean[2];
    for (int length = 0; length <= LONGEST; length++) {
      for (int bits = 1; bits <= 8; bits++) {
        Packing packing = packing(bits);
        byte[] codes = new byte[length + PackingKernels.ROOM];
        for (int i = 0; i < length; i++) {
          codes[i] = (byte) random.nextInt(packing.minCode(), packing.maxCode() + 1);
        }
        if (length > 0 && random.nextInt(4) == 0) {
          codes[random.nextInt(length)] = (byte) random.nextInt();
        }
        byte[] a = new byte[length + 2 * PackingKernels.ROOM];
        byte[] b = a.clone();
        boolean fits = scalar.pack(packing, codes.clone(), length, a);
        String at = "%s, length %d, seed %d".formatted(packing, length, SEED);
        assertEquals(fits, vector.pack(packing, codes, length, b), at);
        seen[fits ? 1 : 0] = true;
        int bytes = (int) packing.rowBytes(length);
        if (fits) {
          assertArrayEquals(Arrays.copyOf(a, bytes), Arrays.copyOf(b, bytes), at);
        }
      }
    }
    assertTrue(seen[0] && seen[1]);
  }

  @Test
  void unpacked() {
    boolean[] seen = new boolean[2];
    for (int length = 0; length <= LONGEST; length++) {
      for (int bits = 1; bits <= 8; bits++) {
        Packing packing = packing(bits);
        byte[] packed = new byte[length + 2 * PackingKernels.ROOM];
        random.nextBytes(packed);
        int bytes = (int) packing.rowBytes(length);
        if (length * bits % 8 != 0) {
          packed[bytes - 1] &= (byte) ((1 << (length * bits % 8)) - 1);
        }
        byte[] a = new byte[length + PackingKernels.ROOM];
        byte[] b = a.clone();
        boolean fits = scalar.unpack(packing, packed.clone(), length, a);
        String at = "%s, length %d, seed %d".formatted(packing, length, SEED);
        assertEquals(fits, vector.unpack(packing, packed, length, b), at);
        seen[fits ? 1 : 0] = true;
        assertArrayEquals(Arrays.copyOf(a, length), Arrays.copyOf(b, length), at);
      }
    }
    assertTrue(seen[0] && seen[1]);
  }
}
