package io.parq.runtime;

import io.parq.grids.Grid;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.ScaleType;
import io.parq.grids.UniformGrid;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Random codes, such that products are about as large as what is multiplied; vectors are ones. Long
 * runs of codes repeat.
 */
final class RandomWeights implements Weights {
  private static final int RUN = (1 << 20) - 3;

  private final QuantConfig layers;
  private final QuantConfig embedding;

  RandomWeights(QuantConfig layers, QuantConfig embedding) {
    this.layers = layers;
    this.embedding = embedding;
  }

  @Override
  public PackedMatrix matrix(String name, int rows, int columns) {
    QuantConfig config = name.startsWith("model.embed_tokens") ? embedding : layers;
    Grid grid = config.grid();
    Lattice lattice = Lattice.unfitted(config, rows, columns);
    int levels = grid.maxCode() - grid.minCode() + 1;
    // A power of two, which is exact in every type of scale; single precision needs all its bits.
    int exponent = Math.getExponent(levels * Math.sqrt(columns) / 3);
    float scale = config.scaleType() == ScaleType.FP32 ? Math.nextUp(1f) : 1f;
    Arrays.fill(lattice.scales(), Math.scalb(scale, -exponent));
    byte[] run = new byte[RUN];
    SplittableRandom random = new SplittableRandom(name.hashCode());
    int least = least(grid);
    for (int i = 0; i < run.length; i++) {
      run[i] = (byte) random.nextInt(least, grid.maxCode() + 1);
    }
    try (Arena arena = Arena.ofShared()) {
      long size = Math.multiplyExact((long) rows, columns);
      MemorySegment codes = arena.allocate(size);
      for (long at = 0; at < size; at += RUN) {
        int count = (int) Math.min(RUN, size - at);
        MemorySegment.copy(run, 0, codes, ValueLayout.JAVA_BYTE, at, count);
      }
      return PackedMatrix.of(new QuantizedTensor(lattice, codes));
    }
  }

  /**
   * The least code of a range whose mean is zero. With another mean, layer by layer all hidden
   * values would become the same.
   */
  private static int least(Grid grid) {
    return grid instanceof UniformGrid uniform
        ? Math.max(grid.minCode(), (int) Math.ceil(2 * uniform.zeroPoint() - grid.maxCode()))
        : grid.minCode();
  }

  @Override
  public float[] vector(String name, int length) {
    float[] ones = new float[length];
    Arrays.fill(ones, 1f);
    return ones;
  }
}
