package io.parq.runtime;

import io.parq.runtime.Operand.Kind;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Fills tables of sums, an entry in every lane. Every step of a {@link Plane} has four tables, one
 * for each four bits: of two columns' fields of 2 bits, or of four columns' single bits.
 */
final class VectorTables {
  /** Entries of a table. Of shorts there are twice as many, both halves the same. */
  static final int SIZE = 16;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_512;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_512;

  private VectorTables() {}

  /** Entries of all tables of a row. */
  private static int length(Kind kind, int size) {
    return Math.multiplyExact(kind.columns() / Geometry.UNIT * kind.bits() * 4, size);
  }

  /** What a column's field counts in each entry: {@code weight * field - centre}. */
  private static float[] counts(int column, int bits, int weight, float centre) {
    float[] counts = Scratch.ofCaller().floats(2 * SIZE);
    for (int entry = 0; entry < counts.length; entry++) {
      counts[entry] = weight * (((entry % SIZE) >> (column * bits)) & ((1 << bits) - 1)) - centre;
    }
    return counts;
  }

  private static short[] whole(float[] counts) {
    short[] whole = Scratch.ofCaller().shorts(counts.length);
    for (int i = 0; i < whole.length; i++) {
      whole[i] = (short) counts[i];
    }
    return whole;
  }

  /** Tables of floats. */
  static float[] of(Kind kind, float[] x) {
    float[] out = Scratch.ofCaller().floats(length(kind, SIZE));
    int bits = kind.bits();
    int columns = kind.columns();
    if (bits == 4) {
      float[] c0 = counts(0, 4, 1, kind.centre());
      for (int i = 0; i < columns; i++) {
        FloatVector.fromArray(FLOATS, c0, 0).mul(x[i]).intoArray(out, i * SIZE);
      }
      return out;
    }
    if (bits > 1) {
      float[] c0 = counts(0, 2, 1, kind.centre());
      float[] c1 = counts(1, 2, 1, kind.centre());
      for (int i = 0; i < columns; i += 2) {
        int to = (i / Geometry.UNIT * 4 * bits + i % Geometry.UNIT / 2) * SIZE;
        FloatVector.fromArray(FLOATS, c0, 0)
            .mul(x[i])
            .add(FloatVector.fromArray(FLOATS, c1, 0).mul(x[i + 1]))
            .intoArray(out, to);
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
        int to = (i / Geometry.UNIT * 4 * bits + first + i % Geometry.UNIT / 4) * SIZE;
        FloatVector sum =
            FloatVector.fromArray(FLOATS, c0, 0)
                .mul(x[i])
                .add(FloatVector.fromArray(FLOATS, c1, 0).mul(x[i + 1]));
        sum.add(
                FloatVector.fromArray(FLOATS, c2, 0)
                    .mul(x[i + 2])
                    .add(FloatVector.fromArray(FLOATS, c3, 0).mul(x[i + 3])))
            .intoArray(out, to);
      }
    }
    return out;
  }

  /** Tables of whole numbers, of which those of x come in pairs. */
  static short[] of(Kind kind, int[] pairs) {
    short[] out = Scratch.ofCaller().shorts(length(kind, 2 * SIZE));
    int bits = kind.bits();
    int columns = kind.columns();
    if (bits > 1) {
      short[] c0 = whole(counts(0, 2, 1, kind.half()));
      short[] c1 = whole(counts(1, 2, 1, kind.half()));
      for (int i = 0; i < columns; i += 2) {
        int to = (i / Geometry.UNIT * 4 * bits + i % Geometry.UNIT / 2) * 2 * SIZE;
        ShortVector x0 = IntVector.broadcast(INTS, pairs[i]).reinterpretAsShorts();
        ShortVector x1 = IntVector.broadcast(INTS, pairs[i + 1]).reinterpretAsShorts();
        ShortVector.fromArray(SHORTS, c0, 0)
            .mul(x0)
            .add(ShortVector.fromArray(SHORTS, c1, 0).mul(x1))
            .intoArray(out, to);
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
        int to = (i / Geometry.UNIT * 4 * bits + first + i % Geometry.UNIT / 4) * 2 * SIZE;
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
            .intoArray(out, to);
      }
    }
    return out;
  }
}
