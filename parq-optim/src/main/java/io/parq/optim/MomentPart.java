package io.parq.optim;

import io.parq.grids.SmallFloat;
import java.lang.foreign.MemorySegment;

/** One moment of one chunk, which an update works on in single precision. */
sealed interface MomentPart {
  /**
   * Gives the moment to an update.
   *
   * @param scratch of the chunk's length or more
   * @return the numbers from index 0, in {@code scratch} or where they are kept
   */
  float[] open(float[] scratch);

  /**
   * Takes over what an update made.
   *
   * @param values what {@link #open} gave; modified
   * @param indices scratch for {@link Moments#BLOCK} of them
   */
  void close(float[] values, int[] indices);

  /** The memory of the elements, in native byte order. */
  MemorySegment elements();

  /** The memory of the scales, of which there may be none. */
  default MemorySegment scaleMemory() {
    return MemorySegment.NULL;
  }

  /** Single precision. */
  final class Single implements MomentPart {
    private final float[] values;

    Single(int length) {
      values = new float[length];
    }

    @Override
    public float[] open(float[] scratch) {
      return values;
    }

    @Override
    public void close(float[] updated, int[] indices) {}

    @Override
    public MemorySegment elements() {
      return MemorySegment.ofArray(values);
    }
  }

  /** bfloat16. */
  final class Bf16 implements MomentPart {
    private final short[] bits;

    Bf16(int length) {
      bits = new short[length];
    }

    short[] bits() {
      return bits;
    }

    @Override
    public float[] open(float[] scratch) {
      SmallFloat.fromBf16(bits, 0, scratch, 0, bits.length);
      return scratch;
    }

    @Override
    public void close(float[] values, int[] indices) {
      SmallFloat.toBf16(values, 0, bits, 0, bits.length);
    }

    @Override
    public MemorySegment elements() {
      return MemorySegment.ofArray(bits);
    }
  }

  /** Codes, and a scale for each block, the last of which may be shorter. */
  final class Blockwise implements MomentPart {
    /** Smaller scales are not used: what they would divide becomes 0, or close to it. */
    private static final float LEAST_SCALE = 1e-12f;

    private static final UpdateKernels KERNELS = UpdateKernels.Best.KERNELS;

    private final byte[] codes;
    private final float[] scales;
    private final DynamicMap map;

    Blockwise(int length, DynamicMap map) {
      this.codes = new byte[length];
      this.scales = new float[Math.ceilDiv(length, Moments.BLOCK)];
      this.map = map;
    }

    byte[] codes() {
      return codes;
    }

    float[] scales() {
      return scales;
    }

    @Override
    public float[] open(float[] scratch) {
      for (int block = 0; block < scales.length; block++) {
        int from = block * Moments.BLOCK;
        int length = length(from);
        KERNELS.decode(map, codes, scales[block], scratch, from, length);
      }
      return scratch;
    }

    @Override
    public void close(float[] values, int[] indices) {
      for (int block = 0; block < scales.length; block++) {
        int from = block * Moments.BLOCK;
        int length = length(from);
        float largest = KERNELS.absMax(values, from, length);
        scales[block] = Math.max(largest, LEAST_SCALE);
        KERNELS.encode(map, values, scales[block], codes, from, length, indices);
      }
    }

    private int length(int from) {
      return Math.min(Moments.BLOCK, codes.length - from);
    }

    @Override
    public MemorySegment elements() {
      return MemorySegment.ofArray(codes);
    }

    @Override
    public MemorySegment scaleMemory() {
      return MemorySegment.ofArray(scales);
    }
  }
}
