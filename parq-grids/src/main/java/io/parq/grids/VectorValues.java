package io.parq.grids;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/** {@link BlockKernels#values(AffineBlocks, int, byte[], int, int, float[], int)} with vectors. */
final class VectorValues {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  /** As many bytes as a vector has floats; there are none for vectors of four floats. */
  private static final boolean HAS_BYTES = LANES >= 8;

  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(
          byte.class,
          VectorShape.forBitSize(HAS_BYTES ? LANES * Byte.SIZE : FLOATS.vectorBitSize()));

  /** As logarithm of a block's length: one block only. */
  private static final int ONE_BLOCK = 31;

  private VectorValues() {}

  static void values(
      ScalarKernels scalar,
      AffineBlocks blocks,
      int block,
      byte[] codes,
      int codesFrom,
      int length,
      float[] out,
      int from) {
    int size = blocks.size();
    if (!HAS_BYTES || size < LANES) {
      scalar.values(blocks, block, codes, codesFrom, length, out, from);
      return;
    }
    // One loop over all blocks if a shift tells them apart and vectors do not straddle them.
    boolean run = size % LANES == 0 && (size & (size - 1)) == 0;
    int step = run ? length : size;
    int log = run ? Integer.numberOfTrailingZeros(size) : ONE_BLOCK;
    for (int done = 0, b = block; done < length; done += step, b++) {
      int n = Math.min(step, length - done);
      int whole = n - n % LANES;
      loop(blocks, b, log, codes, codesFrom + done, whole, out, from + done);
      if (whole < n) {
        int last = b + (whole >>> log);
        int at = codesFrom + done + whole;
        scalar.values(blocks, last, codes, at, n - whole, out, from + done + whole);
      }
    }
  }

  private static void loop(
      AffineBlocks blocks,
      int block,
      int log,
      byte[] codes,
      int codesFrom,
      int length,
      float[] out,
      int from) {
    float[] scales = blocks.scales();
    float[] zeroPoints = blocks.zeroPoints();
    float[] offsets = blocks.offsets();
    float shift = blocks.shift();
    if (zeroPoints == null && offsets == null) {
      for (int i = 0; i < length; i += LANES) {
        FloatVector x =
            (FloatVector)
                ByteVector.fromArray(BYTES, codes, codesFrom + i)
                    .convertShape(VectorOperators.B2F, FLOATS, 0);
        x.add(shift).mul(scales[block + (i >>> log)]).add(0f).intoArray(out, from + i);
      }
      return;
    }
    for (int i = 0; i < length; i += LANES) {
      int b = block + (i >>> log);
      FloatVector x =
          (FloatVector)
              ByteVector.fromArray(BYTES, codes, codesFrom + i)
                  .convertShape(VectorOperators.B2F, FLOATS, 0);
      x.sub(at(zeroPoints, b))
          .add(shift)
          .mul(scales[b])
          .add(at(offsets, b))
          .intoArray(out, from + i);
    }
  }

  private static float at(float @Nullable [] values, int block) {
    return values == null ? 0f : values[block];
  }
}
