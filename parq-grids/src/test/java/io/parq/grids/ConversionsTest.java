package io.parq.grids;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversions in bulk against those one by one, bit for bit. */
class ConversionsTest {
  private static final long SEED = 9;
  private static final int LONGEST = 70;

  private final List<ConversionKernels> all =
      List.of(new ScalarConversions(), new VectorConversions());
  private final Random random = new Random(SEED);

  private static int[] bits(float[] x) {
    int[] bits = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      bits[i] = Float.floatToIntBits(x[i]); // any NaN is the same
    }
    return bits;
  }

  /** Any bits; ties, NaN, infinities and subnormal numbers among them. */
  private float any() {
    int bits = random.nextInt();
    return Float.intBitsToFloat(
        switch (random.nextInt(6)) {
          case 0 -> (bits & 0xffff0000) | 0x8000;
          case 1 -> (bits & 0xffffe000) | 0x1000;
          case 2 -> bits | 0x7f800000;
          case 3 -> bits & 0x807fffff;
          case 4 -> (bits & 0x8fffffff) | 0x30000000;
          default -> bits;
        });
  }

  @Test
  void everyLengthAndOffset() {
    assertInstanceOf(VectorConversions.class, ConversionKernels.Best.KERNELS);
    for (int length = 0; length <= LONGEST; length++) {
      for (int from : new int[] {0, 1, 5}) {
        check(length, from, 7 - from);
      }
    }
  }

  private void check(int length, int from, int at) {
    float[] x = new float[from + length + 2];
    short[] bits = new short[from + length + 2];
    for (int i = 0; i < x.length; i++) {
      x[i] = any();
      bits[i] = (short) random.nextInt();
    }
    short[] bf16 = new short[at + length + 3];
    short[] fp16 = new short[at + length + 3];
    float[] fromBf16 = new float[at + length + 3];
    float[] fromFp16 = new float[at + length + 3];
    for (int i = 0; i < length; i++) {
      bf16[at + i] = SmallFloat.toBf16(x[from + i]);
      fp16[at + i] = Float.floatToFloat16(x[from + i]);
      fromBf16[at + i] = SmallFloat.fromBf16(bits[from + i]);
      fromFp16[at + i] = Float.float16ToFloat(bits[from + i]);
    }
    String where = "%d from %d, seed %d".formatted(length, from, SEED);
    for (ConversionKernels kernels : all) {
      short[] shorts = new short[at + length + 3];
      kernels.toBf16(x, from, shorts, at, length);
      assertArrayEquals(bf16, shorts, where);
      float[] floats = new float[at + length + 3];
      kernels.fromBf16(bits, from, floats, at, length);
      assertArrayEquals(bits(fromBf16), bits(floats), where);
      kernels.toFp16(x, from, shorts, at, length);
      assertArrayEquals(fp16, shorts, where);
      kernels.fromFp16(bits, from, floats, at, length);
      assertArrayEquals(bits(fromFp16), bits(floats), where);
    }
  }

  /** Whatever the memory and its alignment, and across the pieces in which it is read. */
  @Test
  void tensorsOfHalves(@TempDir Path folder) throws IOException {
    byte[] bytes = new byte[2 * 9001 + 1];
    random.nextBytes(bytes);
    Path file = Files.write(folder.resolve("halves"), bytes);
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file)) {
      MemorySegment aligned = arena.allocate(bytes.length, 64);
      aligned.copyFrom(MemorySegment.ofArray(bytes));
      List<MemorySegment> memories =
          List.of(
              MemorySegment.ofArray(bytes),
              aligned,
              channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes.length, arena));
      for (MemorySegment memory : memories) {
        for (int offset = 0; offset < 2; offset++) {
          for (int length : new int[] {0, 1, 7, 33, 4095, 4097, 9000}) {
            checkTensor(memory.asSlice(offset, 2L * length), length);
          }
        }
      }
    }
  }

  private static void checkTensor(MemorySegment memory, int length) {
    for (DType type : List.of(DType.BF16, DType.F16)) {
      float[] expected = new float[length];
      for (int i = 0; i < length; i++) {
        int low = memory.get(ValueLayout.JAVA_BYTE, 2L * i) & 0xff;
        short bits = (short) (memory.get(ValueLayout.JAVA_BYTE, 2L * i + 1) << 8 | low);
        expected[i] = type == DType.BF16 ? SmallFloat.fromBf16(bits) : Float.float16ToFloat(bits);
      }
      TensorData tensor = new TensorData(type, new long[] {length}, memory);
      assertArrayEquals(bits(expected), bits(tensor.toFloats()), type + " " + length);
      float[] part = new float[length + 2];
      tensor.toFloats(length / 2, part, 1, length - length / 2);
      for (int i = length / 2; i < length; i++) {
        assertEquals(expected[i], part[1 + i - length / 2]);
      }
    }
  }

  @Test
  void rangesAreChecked() {
    short[] shorts = new short[4];
    float[] floats = new float[5];
    Class<IndexOutOfBoundsException> expected = IndexOutOfBoundsException.class;
    assertThrows(expected, () -> SmallFloat.toBf16(floats, 0, shorts, 0, 5));
    assertThrows(expected, () -> SmallFloat.fromBf16(shorts, 1, floats, 0, 4));
    assertThrows(expected, () -> SmallFloat.toFp16(floats, 3, shorts, 0, 3));
    assertThrows(expected, () -> SmallFloat.fromFp16(shorts, -1, floats, 0, 1));
  }
}
