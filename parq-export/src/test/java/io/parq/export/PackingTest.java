package io.parq.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.UniformGrid;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class PackingTest {
  private static byte[] randomCodes(Packing packing, int count, long seed) {
    byte[] codes = new byte[count];
    Random random = new Random(seed);
    for (int i = 0; i < count; i++) {
      codes[i] = (byte) random.nextInt(packing.minCode(), packing.maxCode() + 1);
    }
    return codes;
  }

  private static byte[] pack(Packing packing, byte[] codes, int rows) {
    int columns = codes.length / rows;
    byte[] packed = new byte[(int) packing.rowBytes(columns) * rows];
    Arrays.fill(packed, (byte) 0x5a);
    packing.pack(MemorySegment.ofArray(codes), rows, columns, MemorySegment.ofArray(packed));
    return packed;
  }

  private static byte[] unpack(Packing packing, byte[] packed, int rows, int columns) {
    byte[] codes = new byte[rows * columns];
    packing.unpack(MemorySegment.ofArray(packed), rows, columns, MemorySegment.ofArray(codes));
    return codes;
  }

  /** The layout said once more, in the plainest words: the row is one big little-endian number. */
  private static byte[] oracle(Packing packing, byte[] codes, int rows) {
    int columns = codes.length / rows;
    int rowBytes = Math.ceilDiv(columns * packing.bits(), 8);
    byte[] packed = new byte[rowBytes * rows];
    for (int row = 0; row < rows; row++) {
      BigInteger number = BigInteger.ZERO;
      for (int i = columns - 1; i >= 0; i--) {
        int index = codes[row * columns + i] - packing.minCode();
        number = number.shiftLeft(packing.bits()).or(BigInteger.valueOf(index));
      }
      byte[] bigEndian = number.toByteArray();
      for (int k = 0; k < rowBytes && k < bigEndian.length; k++) {
        packed[row * rowBytes + k] = bigEndian[bigEndian.length - 1 - k];
      }
    }
    return packed;
  }

  private static Packing full(int bits) {
    return new Packing(bits, -(1 << (bits - 1)), (1 << (bits - 1)) - 1);
  }

  @Property(tries = 2000, edgeCases = EdgeCasesMode.NONE)
  void packingIsTheStreamOfBitsAndUnpackingItsInverse(
      @ForAll @IntRange(min = 1, max = 8) int bits,
      @ForAll @IntRange(min = 0, max = 70) int columns,
      @ForAll long seed) {
    Random random = new Random(seed);
    int rows = random.nextInt(1, 6);
    int levels = Math.max(1, (1 << bits) - random.nextInt(4));
    int min = random.nextInt(-128, 129 - levels);
    Packing packing = new Packing(bits, min, min + levels - 1);
    byte[] codes = randomCodes(packing, rows * columns, seed);
    byte[] packed = pack(packing, codes, rows);
    assertArrayEquals(oracle(packing, codes, rows), packed);
    assertArrayEquals(codes, unpack(packing, packed, rows, columns));
  }

  @Example
  void rowsLongerThanAPieceArePackedAlike() {
    for (int bits = 1; bits <= 8; bits++) {
      for (int columns : new int[] {16383, 16384, 16385, 40001}) {
        byte[] codes = randomCodes(full(bits), 2 * columns, bits);
        int rowBytes = Math.ceilDiv(columns * bits, 8);
        BitSet stream = new BitSet();
        for (int i = 0; i < codes.length; i++) {
          int index = codes[i] - full(bits).minCode();
          int start = i / columns * rowBytes * 8 + i % columns * bits;
          for (int bit = 0; bit < bits; bit++) {
            stream.set(start + bit, (index >> bit & 1) == 1);
          }
        }
        byte[] packed = pack(full(bits), codes, 2);
        assertArrayEquals(Arrays.copyOf(stream.toByteArray(), 2 * rowBytes), packed);
        assertArrayEquals(codes, unpack(full(bits), packed, 2, columns));
      }
    }
  }

  @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
  void aCodeThatDoesNotFitIsNamed(
      @ForAll @IntRange(min = 1, max = 7) int bits,
      @ForAll @IntRange(min = 1, max = 40) int columns,
      @ForAll @IntRange(min = 0, max = 79) int where,
      @ForAll byte wrong) {
    Packing packing = full(bits);
    byte[] codes = randomCodes(packing, 2 * columns, columns);
    int index = where % codes.length;
    codes[index] = wrong;
    if (wrong >= packing.minCode() && wrong <= packing.maxCode()) {
      pack(packing, codes, 2);
      return;
    }
    Exception e = assertThrows(IllegalArgumentException.class, () -> pack(packing, codes, 2));
    String expected =
        "code %d at index %d, expected %d to %d"
            .formatted(wrong, index, packing.minCode(), packing.maxCode());
    assertEquals(expected, e.getMessage());
  }

  /** Heap, native and mapped memory, from any byte on. */
  @Example
  void whereMemoryLiesDoesNotMatter() throws IOException {
    Path file = Files.createTempFile("parq", ".codes");
    file.toFile().deleteOnExit();
    try (Arena arena = Arena.ofConfined();
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      List<MemorySegment> memories =
          List.of(
              MemorySegment.ofArray(new byte[512]),
              arena.allocate(512, 64),
              channel.map(FileChannel.MapMode.READ_WRITE, 0, 512, arena));
      for (int bits = 1; bits <= 8; bits++) {
        for (int columns = 1; columns <= 67; columns += 3) {
          byte[] codes = randomCodes(full(bits), 3 * columns, columns);
          byte[] expected = pack(full(bits), codes, 3);
          for (int i = 0; i < 9; i++) {
            MemorySegment in = memories.get(i % 3).asSlice(columns % 8, codes.length);
            MemorySegment out = memories.get(i / 3).asSlice(251 + bits, expected.length);
            in.copyFrom(MemorySegment.ofArray(codes));
            full(bits).pack(in, 3, columns, out);
            assertArrayEquals(expected, out.toArray(ValueLayout.JAVA_BYTE));
            in.fill((byte) 0);
            full(bits).unpack(out, 3, columns, in);
            assertArrayEquals(codes, in.toArray(ValueLayout.JAVA_BYTE));
          }
        }
      }
    } finally {
      Files.delete(file);
    }
  }

  @Example
  void ternaryHasNoFourthCode() {
    Packing ternary = Packing.of(UniformGrid.ternary());
    assertEquals(new Packing(2, -1, 1), ternary);
    byte[] packed = {(byte) 0b00_00_11_00};
    Exception e = assertThrows(IllegalArgumentException.class, () -> unpack(ternary, packed, 1, 4));
    assertEquals("code 2 at index 1, expected -1 to 1", e.getMessage());
  }

  @Example
  void paddingMustBeZero() {
    byte[] packed = {0, 0b0000_1000};
    Exception e = assertThrows(IllegalArgumentException.class, () -> unpack(full(1), packed, 2, 3));
    assertEquals("row 1: the last 5 bits are not zero, expected padding", e.getMessage());
  }

  @Example
  void sizesAreChecked() {
    MemorySegment five = MemorySegment.ofArray(new byte[5]);
    Packing packing = full(4);
    for (List<Integer> rowsColumns :
        List.of(List.of(2, 3), List.of(1, 5), List.of(-1, -5), List.of(5, 1))) {
      MemorySegment packed = MemorySegment.ofArray(new byte[4]);
      assertThrows(
          IllegalArgumentException.class,
          () -> packing.pack(five, rowsColumns.get(0), rowsColumns.get(1), packed));
      assertThrows(
          IllegalArgumentException.class,
          () -> packing.unpack(packed, rowsColumns.get(0), rowsColumns.get(1), five));
    }
    assertThrows(IllegalArgumentException.class, () -> new Packing(0, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Packing(9, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Packing(2, 0, 4));
    assertThrows(IllegalArgumentException.class, () -> new Packing(8, 0, 128));
    assertThrows(ArithmeticException.class, () -> packing.rowBytes(Long.MAX_VALUE));
  }

  /** The drawing in the Javadoc is read from the source and compared with what is packed. */
  @Example
  void theDrawingIsTrue() throws IOException {
    String source =
        Files.readString(Path.of("src/main/java/io/parq/export/Packing.java"))
            .replaceAll("(?m)^ \\* {7}(?=[a-h]\\d)", " * same ")
            .replaceAll("\n \\* same", "");
    Matcher line = Pattern.compile("(?m)^ \\*  ([1-8]) ((?: +[a-h0-9]{16})+)").matcher(source);
    int drawn = 0;
    while (line.find()) {
      int bits = Integer.parseInt(line.group(1));
      String[] cells = line.group(2).trim().split(" +");
      if (bits < 8) {
        assertEquals(bits, cells.length, "bytes drawn for " + bits + " bits");
      }
      for (int i = 0; i < cells.length; i++) {
        assertEquals(drawByte(bits, i), cells[i], bits + " bits, byte " + i);
      }
      drawn |= 1 << bits;
    }
    assertEquals(0b1_1111_1110, drawn, "widths drawn");
  }

  /** Finds out which element's which bit a packed bit is, by setting one bit of one element. */
  private static String drawByte(int bits, int index) {
    StringBuilder drawing = new StringBuilder();
    for (int place = 7; place >= 0; place--) {
      for (int element = 0; element < 8; element++) {
        for (int bit = 0; bit < bits; bit++) {
          byte[] codes = new byte[8];
          Arrays.fill(codes, (byte) full(bits).minCode());
          codes[element] += (byte) (1 << bit);
          if ((pack(full(bits), codes, 1)[index] >> place & 1) == 1) {
            drawing.append((char) ('a' + element)).append(bit);
          }
        }
      }
    }
    assertTrue(drawing.length() == 16);
    return drawing.toString();
  }
}
