package io.parq.runtime;

import static io.parq.runtime.Memory.ALL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Tables of a vector's sums, an entry in every lane. Every word of a {@link Plane} has eight
 * tables, one for each four bits: of four columns' single bits, of two columns' fields of 2 bits,
 * or of a column's field of 3 bits and a bit of another one.
 *
 * <p>Every thread makes its own, for as long as it multiplies with one vector: they are much to be
 * fetched from another processor, and more to be written after that one has read the former ones.
 */
final class VectorTables {
  /** Entries of a table. */
  static final int SIZE = 16;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;

  private static final int BYTES = FLOATS.vectorByteSize();

  /** Tables of a word. */
  private static final int TABLES = 8;

  /** Bytes of a word's tables. */
  static final long OF_WORD = (long) TABLES * BYTES;

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final ThreadLocal<VectorTables> OF_THREAD =
      ThreadLocal.withInitial(VectorTables::new);

  private MemorySegment memory = MemorySegment.NULL;
  private @Nullable Operand of;

  private VectorTables() {}

  /** The address of this thread's tables of a vector. */
  @SuppressWarnings("ReferenceEquality") // another vector may be in the same arrays
  static long of(Operand x) {
    VectorTables tables = OF_THREAD.get();
    if (tables.of != x) {
      tables.of = null;
      tables.fill(x);
      tables.of = x;
    }
    return tables.memory.address();
  }

  private void fill(Operand x) {
    int bits = x.kind().bits();
    long bytes = (long) x.kind().columns() / Geometry.UNIT * bits * OF_WORD;
    if (memory.byteSize() < bytes) {
      memory = Arena.ofAuto().allocate(bytes, BYTES);
    }
    for (int word = 0; word < bits; word++) {
      if (bits == 1) {
        ones(x, memory.address());
      } else {
        pairs(x, word, memory.address());
      }
    }
  }

  /** What a column's field counts in each entry: {@code weight * field - centre}. */
  private static float[] counts(int shift, int bits, int weight, float centre) {
    float[] counts = Scratch.ofTask().floats(SIZE);
    for (int entry = 0; entry < counts.length; entry++) {
      counts[entry] = weight * ((entry >> shift) & ((1 << bits) - 1)) - centre;
    }
    return counts;
  }

  /** The tables of a word of each unit, of 2 or 3 bits. */
  private static void pairs(Operand x, int word, long out) {
    int bits = x.kind().bits();
    boolean three = bits == 3;
    float centre = x.kind().centre();
    float[] c0 = counts(0, bits, 1, centre);
    float[] c1 = three ? counts(3, 1, 1 << word, word == 0 ? centre : 0) : counts(2, 2, 1, centre);
    for (int i = 0; i < x.kind().columns() / Geometry.UNIT * TABLES; i++) {
      int unit = i / TABLES;
      int table = i % TABLES;
      int byteOf = table / 2;
      int high = table % 2;
      int first = unit * Geometry.UNIT;
      int a = first + (three ? 8 * word + 4 * high : 16 * word + 8 * high) + byteOf;
      int b = three ? first + 24 + 4 * high + byteOf : a + 4;
      long to = out + (unit * bits + word) * OF_WORD + (long) table * BYTES;
      FloatVector.fromArray(FLOATS, c0, 0)
          .mul(x.x()[a])
          .add(FloatVector.fromArray(FLOATS, c1, 0).mul(x.x()[b]))
          .intoMemorySegment(ALL, to, ORDER);
    }
  }

  /** The tables of single bits. */
  private static void ones(Operand x, long out) {
    float centre = x.kind().centre();
    float[] c0 = counts(0, 1, 1, centre);
    float[] c1 = counts(1, 1, 1, centre);
    float[] c2 = counts(2, 1, 1, centre);
    float[] c3 = counts(3, 1, 1, centre);
    for (int i = 0; i < x.kind().columns() / Geometry.UNIT * TABLES; i++) {
      int a = i / TABLES * Geometry.UNIT + i % 2 * 16 + i % TABLES / 2;
      FloatVector sum =
          FloatVector.fromArray(FLOATS, c0, 0)
              .mul(x.x()[a])
              .add(FloatVector.fromArray(FLOATS, c1, 0).mul(x.x()[a + 4]));
      sum.add(
              FloatVector.fromArray(FLOATS, c2, 0)
                  .mul(x.x()[a + 8])
                  .add(FloatVector.fromArray(FLOATS, c3, 0).mul(x.x()[a + 12])))
          .intoMemorySegment(ALL, out + (long) i * BYTES, ORDER);
    }
  }
}
