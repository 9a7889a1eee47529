package io.parq.grids;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Searches of {@link VectorKernels} among levels that fit into one vector: by bisection, in which
 * every lane picks its own bound.
 */
final class VectorSearch {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final int LANES = FLOATS.length();

  private VectorSearch() {}

  static boolean isFor(int count) {
    return LANES == 16 && count <= LANES;
  }

  /** {@link BlockKernels#search} of whole vectors. */
  static void levels(
      float[] levels,
      float[] thresholds,
      int count,
      float[] x,
      int from,
      int length,
      float[] q,
      int to) {
    for (int i = 0; i < length; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      // No value reaches NaN.
      VectorMask<Float> fewer = FLOATS.indexInRange(0, count - 1);
      IntVector bounds =
          FloatVector.broadcast(FLOATS, Float.NaN)
              .blend(FloatVector.fromArray(FLOATS, thresholds, 0, fewer), fewer)
              .reinterpretAsInts();
      IntVector at = IntVector.zero(INTS);
      if (count > 4) {
        FloatVector middle = IntVector.broadcast(INTS, 7).selectFrom(bounds).reinterpretAsFloats();
        at = at.blend(8, v.compare(VectorOperators.GE, middle).cast(INTS));
        FloatVector quarter = at.add(3).selectFrom(bounds).reinterpretAsFloats();
        at = at.add(4, v.compare(VectorOperators.GE, quarter).cast(INTS));
      }
      FloatVector pair = at.add(1).selectFrom(bounds).reinterpretAsFloats();
      at = at.add(2, v.compare(VectorOperators.GE, pair).cast(INTS));
      FloatVector last = at.selectFrom(bounds).reinterpretAsFloats();
      at = at.add(1, v.compare(VectorOperators.GE, last).cast(INTS));
      VectorMask<Float> there = FLOATS.indexInRange(0, count);
      at.selectFrom(FloatVector.fromArray(FLOATS, levels, 0, there).reinterpretAsInts())
          .reinterpretAsFloats()
          .blend(Float.NaN, v.test(VectorOperators.IS_NAN))
          .intoArray(q, to + i);
    }
  }

  /** {@link BlockKernels#searchInterval} of whole vectors. */
  static void interval(
      float[] levels,
      int count,
      float[] x,
      int from,
      int length,
      float[] lower,
      float[] upper,
      int to) {
    for (int i = 0; i < length; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, from + i);
      VectorMask<Float> there = FLOATS.indexInRange(0, count);
      IntVector all = FloatVector.fromArray(FLOATS, levels, 0, there).reinterpretAsInts();
      // The levels but the first; no value is above NaN.
      VectorMask<Float> fewer = FLOATS.indexInRange(0, count - 1);
      IntVector bounds =
          FloatVector.broadcast(FLOATS, Float.NaN)
              .blend(FloatVector.fromArray(FLOATS, levels, 1, fewer), fewer)
              .reinterpretAsInts();
      IntVector at = IntVector.zero(INTS);
      if (count > 4) {
        FloatVector middle = IntVector.broadcast(INTS, 7).selectFrom(bounds).reinterpretAsFloats();
        at = at.blend(8, v.compare(VectorOperators.GT, middle).cast(INTS));
        FloatVector quarter = at.add(3).selectFrom(bounds).reinterpretAsFloats();
        at = at.add(4, v.compare(VectorOperators.GT, quarter).cast(INTS));
      }
      FloatVector pair = at.add(1).selectFrom(bounds).reinterpretAsFloats();
      at = at.add(2, v.compare(VectorOperators.GT, pair).cast(INTS));
      FloatVector last = at.selectFrom(bounds).reinterpretAsFloats();
      at = at.add(1, v.compare(VectorOperators.GT, last).cast(INTS));
      VectorMask<Integer> above = v.compare(VectorOperators.GT, levels[0]).cast(INTS);
      IntVector next = at.add(1, above).min(count - 1);
      at.selectFrom(all).reinterpretAsFloats().intoArray(lower, to + i);
      next.selectFrom(all).reinterpretAsFloats().intoArray(upper, to + i);
    }
  }
}
