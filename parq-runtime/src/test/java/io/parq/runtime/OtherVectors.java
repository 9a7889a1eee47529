package io.parq.runtime;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Uses vectors of all lengths, as other libraries may: the methods of vectors are then not known to
 * be called with one class of them.
 */
final class OtherVectors {
  private static final int TIMES = 5_000;

  private static final VectorShape[] SHAPES = {
    VectorShape.S_64_BIT, VectorShape.S_128_BIT, VectorShape.S_256_BIT, VectorShape.S_512_BIT
  };

  private OtherVectors() {}

  /** {@return a number that depends on all of them} */
  static double use() {
    float[] x = new float[16];
    double[] y = new double[8];
    double sum = 0;
    for (int i = 0; i < TIMES; i++) {
      for (VectorShape shape : SHAPES) {
        sum += floats(VectorSpecies.of(float.class, shape), x);
        sum += doubles(VectorSpecies.of(double.class, shape), y);
      }
    }
    return sum;
  }

  private static double floats(VectorSpecies<Float> species, float[] x) {
    FloatVector a = FloatVector.fromArray(species, x, 0);
    FloatVector b = a.add(1f).mul(a.sub(2f)).div(3f).max(a).min(2f).abs().sqrt();
    FloatVector c = b.add(a).mul(b).sub(a).div(b.add(1f));
    FloatVector d =
        a.blend(c, a.compare(VectorOperators.GE, b)).add(b, a.compare(VectorOperators.LT, c));
    IntVector bits = d.reinterpretAsInts().and(0x7fffffff).max(a.reinterpretAsInts());
    IntVector moved = bits.or(b.reinterpretAsInts()).add(1).sub(bits).min(bits);
    return moved.lanewise(VectorOperators.LSHR, 3).reduceLanes(VectorOperators.MAX)
        + d.reduceLanes(VectorOperators.ADD);
  }

  private static double doubles(VectorSpecies<Double> species, double[] x) {
    DoubleVector a = DoubleVector.fromArray(species, x, 0);
    DoubleVector b = a.add(1.0).mul(a).sub(a).abs().add(a);
    return b.reduceLanes(VectorOperators.ADD) + b.lane(0);
  }
}
