package io.parq.runtime;

import static io.parq.runtime.Memory.ALL;

import io.parq.runtime.Operand.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Tables of a vector's sums, an entry in every lane. Every step of a {@link Plane} has four tables,
 * one for each four bits: of two columns' fields of 2 bits, or of four columns' single bits.
 *
 * <p>Every thread makes its own, for as long as it multiplies with one vector: they are much to be
 * fetched from another processor, and more to be written after that one has read the former ones.
 */
final class VectorTables {
  /** Entries of a table. Of shorts there are twice as many, both halves the same. */
  static final int SIZE = 16;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_512;

  private static final int BYTES = FLOATS.vectorByteSize();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final ThreadLocal<VectorTables> OF_THREAD =
      ThreadLocal.withInitial(VectorTables::new);

  private MemorySegment memory = MemorySegment.NULL;
  private @Nullable Operand of;

  private VectorTables() {}

  /** The address of this thread's tables of a vector. */
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
    long bytes = (long) x.kind().columns() / Geometry.UNIT * x.kind().bits() * 4 * BYTES;
    if (memory.byteSize() < bytes) {
      memory = Arena.ofAuto().allocate(bytes, BYTES);
    }
    switch (x) {
      case Operand.Floats floats -> floats(x.kind(), floats.x(), memory.address());
      case Operand.Shorts shorts -> shorts(x.kind(), shorts.x(), memory.address());
    }
  }

  /** What a column's field counts in each entry: {@code weight * field - centre}. */
  private static float[] counts(int column, int bits, int weight, float centre) {
    float[] counts = Scratch.ofTask().floats(2 * SIZE);
    for (int entry = 0; entry < counts.length; entry++) {
      counts[entry] = weight * (((entry % SIZE) >> (column * bits)) & ((1 << bits) - 1)) - centre;
    }
    return counts;
  }

  private static short[] whole(float[] counts) {
    short[] whole = Scratch.ofTask().shorts(counts.length);
    for (int i = 0; i < whole.length; i++) {
      whole[i] = (short) counts[i];
    }
    return whole;
  }

  private static void floats(Kind kind, float[] x, long out) {
    int bits = kind.bits();
    int columns = kind.columns();
    if (bits > 1) {
      float[] c0 = counts(0, 2, 1, kind.centre());
      float[] c1 = counts(1, 2, 1, kind.centre());
      for (int i = 0; i < columns; i += 2) {
        long to = out + (i / Geometry.UNIT * 4 * bits + i % Geometry.UNIT / 2) * (long) BYTES;
        FloatVector.fromArray(FLOATS, c0, 0)
            .mul(x[i])
            .add(FloatVector.fromArray(FLOATS, c1, 0).mul(x[i + 1]))
            .intoMemorySegment(ALL, to, ORDER);
      }
    }
    if (bits != 2) {
      int weight = bits == 1 ? 1 : 4;
      float centre = bits == 1 ? kind.centre() : 0;
      int first = bits == 1 ? 0 : 8;
      float[] c0 = counts(0, 1, weight, centre);
      float[] c1 = counts(1, 1, weight, centre);
      float[] c2 = counts(2, 1, weight, centre);
      float[] c3 = counts(3, 1, weight, centre);
      for (int i = 0; i < columns; i += 4) {
        long to =
            out + (i / Geometry.UNIT * 4 * bits + first + i % Geometry.UNIT / 4) * (long) BYTES;
        FloatVector sum =
            FloatVector.fromArray(FLOATS, c0, 0)
                .mul(x[i])
                .add(FloatVector.fromArray(FLOATS, c1, 0).mul(x[i + 1]));
        sum.add(
                FloatVector.fromArray(FLOATS, c2, 0)
                    .mul(x[i + 2])
                    .add(FloatVector.fromArray(FLOATS, c3, 0).mul(x[i + 3])))
            .intoMemorySegment(ALL, to, ORDER);
      }
    }
  }

  /** Of whole numbers in pairs. */
  private static void shorts(Kind kind, int[] pairs, long out) {
    int bits = kind.bits();
    int columns = kind.columns();
    if (bits > 1) {
      short[] c0 = whole(counts(0, 2, 1, kind.half()));
      short[] c1 = whole(counts(1, 2, 1, kind.half()));
      for (int i = 0; i < columns; i += 2) {
        long to = out + (i / Geometry.UNIT * 4 * bits + i % Geometry.UNIT / 2) * (long) BYTES;
        ShortVector x0 = IntVector.broadcast(INTS, pairs[i]).reinterpretAsShorts();
        ShortVector x1 = IntVector.broadcast(INTS, pairs[i + 1]).reinterpretAsShorts();
        ShortVector.fromArray(SHORTS, c0, 0)
            .mul(x0)
            .add(ShortVector.fromArray(SHORTS, c1, 0).mul(x1))
            .intoMemorySegment(ALL, to, ORDER);
      }
    }
    if (bits != 2) {
      int weight = bits == 1 ? 1 : 4;
      int centre = bits == 1 ? kind.half() : 0;
      int first = bits == 1 ? 0 : 8;
      short[] c0 = whole(counts(0, 1, weight, centre));
      short[] c1 = whole(counts(1, 1, weight, centre));
      short[] c2 = whole(counts(2, 1, weight, centre));
      short[] c3 = whole(counts(3, 1, weight, centre));
      for (int i = 0; i < columns; i += 4) {
        long to =
            out + (i / Geometry.UNIT * 4 * bits + first + i % Geometry.UNIT / 4) * (long) BYTES;
        ShortVector x0 = IntVector.broadcast(INTS, pairs[i]).reinterpretAsShorts();
        ShortVector x1 = IntVector.broadcast(INTS, pairs[i + 1]).reinterpretAsShorts();
        ShortVector x2 = IntVector.broadcast(INTS, pairs[i + 2]).reinterpretAsShorts();
        ShortVector x3 = IntVector.broadcast(INTS, pairs[i + 3]).reinterpretAsShorts();
        ShortVector.fromArray(SHORTS, c0, 0)
            .mul(x0)
            .add(ShortVector.fromArray(SHORTS, c1, 0).mul(x1))
            .add(
                ShortVector.fromArray(SHORTS, c2, 0)
                    .mul(x2)
                    .add(ShortVector.fromArray(SHORTS, c3, 0).mul(x3)))
            .intoMemorySegment(ALL, to, ORDER);
      }
    }
  }
}
