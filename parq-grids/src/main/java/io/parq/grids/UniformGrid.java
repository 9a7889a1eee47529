package io.parq.grids;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Evenly spaced levels: {@code value = scale * (code - zeroPoint) + offset}, codes from {@code
 * minCode} to {@code maxCode}. All arithmetic is single precision in the reference's order, so that
 * results equal torchao's bit for bit, save that a zero never has a sign, and that stretched,
 * clipped and ternary grids take quotients from the scale's reciprocal: values that lie midway
 * between two levels, within 2 units in the last place of these, may go to either.
 *
 * <p>Scales of an all-zero block are the smallest positive normal float (1e-6 for tinygemm).
 */
public final class UniformGrid extends Grid {
  /** What the largest magnitude of a clipped grid is fitted to. */
  public enum Clip {
    /** The smaller of {@code bits * mean|w|} and {@code max|w|}. */
    MEAN,
    /** {@code max|w|}. */
    MAX
  }

  private enum Rule {
    SYMMETRIC,
    ASYMMETRIC,
    TINYGEMM,
    CLIPPED,
    ASYMMETRIC_UNIFORM,
    TERNARY
  }

  /** Zero points of the asymmetric uniform grid stay below 1 / this, where floats count exactly. */
  private static final float FINEST_STEP = 0x1p-21f;

  private static final float TINY = Float.MIN_NORMAL;

  private final String plainSpec;
  private final Rule rule;
  private final Clip clip;

  /** Added to a code before it is multiplied by the scale: minus the constant zero point. */
  private final float shift;

  private final boolean errorOptimal;

  private UniformGrid(
      String spec,
      Rule rule,
      Clip clip,
      int bits,
      int minCode,
      int maxCode,
      float shift,
      boolean centred,
      boolean errorOptimal) {
    super(errorOptimal ? spec + "+error-optimal" : spec, bits, minCode, maxCode, centred);
    this.plainSpec = spec;
    this.rule = rule;
    this.clip = clip;
    this.shift = shift;
    this.errorOptimal = errorOptimal;
  }

  private static UniformGrid signed(String name, Rule rule, int bits) {
    int half = 1 << (bits - 1);
    String spec = name + ":" + bits;
    return new UniformGrid(spec, rule, Clip.MAX, bits, -half, half - 1, 0f, false, false);
  }

  /**
   * Symmetric affine: codes -2^(b-1) to 2^(b-1) - 1, scale {@code max|w| / ((2^b - 1) / 2)}.
   *
   * <p>Source: torchao {@code choose_qparams_affine}, {@code MappingType.SYMMETRIC}.
   *
   * @param bits 2 to 8
   * @return the grid
   */
  public static UniformGrid symmetric(int bits) {
    return signed("symmetric", Rule.SYMMETRIC, checkBits("symmetric", bits, 2, 8));
  }

  /** Codes -127 to 127: the symmetric grid of activations, where -128 would have no counterpart. */
  static UniformGrid symmetricReducedRange() {
    return new UniformGrid(
        "symmetric-reduced-range", Rule.SYMMETRIC, Clip.MAX, 8, -127, 127, 0f, false, false);
  }

  /**
   * Asymmetric affine with an integer zero point; the range always holds zero: scale {@code (max -
   * min) / (2^b - 1)}, zero point {@code minCode - rint(min / scale)}.
   *
   * <p>Source: torchao {@code choose_qparams_affine}, {@code MappingType.ASYMMETRIC}.
   *
   * @param bits 2 to 8
   * @return the grid
   */
  public static UniformGrid asymmetric(int bits) {
    return signed("asymmetric", Rule.ASYMMETRIC, checkBits("asymmetric", bits, 2, 8));
  }

  /**
   * The int4 grid of the tinygemm kernels: codes 0 to 15, {@code value = (code - 8) * scale +
   * offset}, with a scale of at least 1e-6; zero need not be a level.
   *
   * <p>Source: torchao {@code Int4UnifTorchaoQuantizer}.
   *
   * @return the grid
   */
  public static UniformGrid tinygemm() {
    return new UniformGrid("tinygemm", Rule.TINYGEMM, Clip.MAX, 4, 0, 15, -8f, false, false);
  }

  /**
   * Levels {@code (code + 0.5) * scale}, so that 2^b levels lie symmetrically around zero, scale
   * {@code min(b * mean|w|, max|w|) / (2^(b-1) - 0.5)}.
   *
   * <p>Source: torchao {@code StretchedUnifTorchaoQuantizer}; Tseng et al., ParetoQ.
   *
   * @param bits 1 to 8
   * @return the grid
   */
  public static UniformGrid stretched(int bits) {
    int half = 1 << (checkBits("stretched", bits, 1, 8) - 1);
    String spec = "stretched:" + bits;
    return new UniformGrid(
        spec, Rule.CLIPPED, Clip.MEAN, bits, -half, half - 1, 0.5f, false, false);
  }

  /**
   * PARQ's uniform quantizer: levels {@code -r, -r + 1, .., r} times the scale, with {@code r =
   * 2^(b-1) - intShift} and scale {@code q / r}, where q is fitted as {@code clip} says. {@code
   * clipped(b, MEAN, 0.5, 0.5)} is its {@code UnifQuantizer}, {@code clipped(b, MAX, 1, 0)} its
   * {@code MaxUnifQuantizer}. Unlike there, a zero point that would put values between the levels
   * is refused.
   *
   * @param bits 1 to 8
   * @param clip what the largest level is fitted to
   * @param intShift 0.5 (2^b levels), 1 (2^b - 1 levels, zero among them), or another multiple of
   *     0.5 that leaves at least two levels
   * @param zeroPoint what rounding is shifted by: any number that differs from {@code intShift} by
   *     an integer
   * @return the grid
   */
  public static UniformGrid clipped(int bits, Clip clip, float intShift, float zeroPoint) {
    checkBits("clipped", bits, 1, 8);
    float range = (1 << (bits - 1)) - intShift;
    if (!(intShift >= 0.5f && range >= 0.5f && intShift * 2 == Math.rint(intShift * 2))) {
      throw new IllegalArgumentException(
          "int shift %s of a %d-bit clipped grid, expected a multiple of 0.5 from 0.5 to %s"
              .formatted(intShift, bits, (1 << (bits - 1)) - 0.5f));
    }
    float fraction = range - (float) Math.floor(range);
    if (zeroPoint - fraction != Math.rint(zeroPoint - fraction)) {
      throw new IllegalArgumentException(
          "zero point %s with int shift %s puts values between the levels, expected %s plus an integer"
              .formatted(zeroPoint, intShift, fraction));
    }
    String spec =
        "clipped:%d:%s:%s:%s"
            .formatted(bits, clip.name().toLowerCase(java.util.Locale.ROOT), intShift, zeroPoint);
    int least = Math.round(-range - fraction);
    int most = Math.round(range - fraction);
    return new UniformGrid(spec, Rule.CLIPPED, clip, bits, least, most, fraction, false, false);
  }

  /**
   * Evenly spaced levels from the block's minimum to its maximum, on integer multiples of the scale
   * {@code (max - min) / (2^b - 1)}; zero need not lie within. This is what PARQ's {@code
   * AsymUnifQuantizer} aims at; that one returns values outside its own level set. The scale is at
   * least {@code max|w| * 2^-21}, so that zero points stay exact in single precision.
   *
   * @param bits 1 to 8
   * @return the grid
   */
  public static UniformGrid asymmetricUniform(int bits) {
    return signed(
        "asymmetric-uniform", Rule.ASYMMETRIC_UNIFORM, checkBits("asymmetric-uniform", bits, 1, 8));
  }

  /**
   * Levels -s, 0, s with {@code s = max|w| / 1.5}.
   *
   * <p>Source: PARQ {@code TernaryUnifQuantizer}.
   *
   * @return the grid
   */
  public static UniformGrid ternary() {
    return new UniformGrid("ternary", Rule.TERNARY, Clip.MAX, 2, -1, 1, 0f, false, false);
  }

  @Override
  public UniformGrid centred() {
    if (hasZeroPoint() || rule == Rule.TINYGEMM || rule == Rule.SYMMETRIC || errorOptimal) {
      throw new IllegalArgumentException(
          spec() + " has no centred variant, expected clipped, stretched or ternary");
    }
    return copy(true, false);
  }

  /**
   * {@return the same levels with the scale that minimizes the squared error} The error may be
   * weighted by the importance of each column ({@link Lattice#fit(java.lang.foreign.MemorySegment,
   * float[])}). Meant for post-training quantization: fitting costs a sort of the block.
   *
   * @throws IllegalArgumentException if the grid has a zero point or an offset
   */
  public UniformGrid errorOptimal() {
    if (hasZeroPoint() || hasOffset()) {
      throw new IllegalArgumentException(
          spec() + " has no error-optimal fit, expected symmetric, stretched, clipped or ternary");
    }
    return copy(false, true);
  }

  private UniformGrid copy(boolean centre, boolean optimal) {
    return new UniformGrid(
        plainSpec, rule, clip, bits(), minCode(), maxCode(), shift, centre, optimal);
  }

  @Override
  public int scalesPerBlock() {
    return 1;
  }

  @Override
  public boolean hasZeroPoint() {
    return rule == Rule.ASYMMETRIC || rule == Rule.ASYMMETRIC_UNIFORM;
  }

  @Override
  public boolean hasOffset() {
    return rule == Rule.TINYGEMM || isCentred();
  }

  /**
   * {@return the zero point that all blocks share, if they have none of their own: 0, -0.5 or 8}
   */
  public float zeroPoint() {
    return shift == 0f ? 0f : -shift;
  }

  @Override
  void fit(
      float[] x,
      int from,
      int length,
      float largest,
      float @Nullable [] importance,
      Lattice out,
      int block) {
    if (errorOptimal) {
      double optimum =
          ErrorOptimalScale.fit(x, from, length, importance, minCode(), maxCode(), shift);
      float scale = Math.max((float) optimum, TINY);
      out.scales[block] =
          ErrorOptimalScale.round(
              scale, out.scaleType(), x, from, length, importance, minCode(), maxCode(), shift);
      return;
    }
    if (fitsMagnitudes()) {
      MagnitudeFit.fit(this, out, block, x, from, 1);
      return;
    }
    switch (rule) {
      case ASYMMETRIC -> fitAsymmetric(x, from, length, out, block);
      case TINYGEMM -> {
        float min = Lattice.KERNELS.min(x, from, length);
        float range = Lattice.KERNELS.max(x, from, length) - min;
        float scale = out.setScale(block, Math.max(range / 15f, 1e-6f));
        out.offset(block, min + scale * 8f);
      }
      case SYMMETRIC, CLIPPED, TERNARY -> fitCentred(x, from, length, out, block);
      case ASYMMETRIC_UNIFORM -> fitAsymmetricUniform(x, from, length, out, block);
    }
  }

  /** Whether the largest magnitude and the mean of the magnitudes are all that a fit needs. */
  boolean fitsMagnitudes() {
    boolean byMagnitude = rule == Rule.SYMMETRIC || rule == Rule.CLIPPED || rule == Rule.TERNARY;
    return byMagnitude && !errorOptimal && !isCentred();
  }

  /** Scales before they are rounded, of blocks whose magnitudes were looked at. */
  void scale(MagnitudeFit fit, int blocks, int size) {
    if (rule == Rule.SYMMETRIC) {
      fit.scale(blocks, size, true, 1, (maxCode() - minCode()) / 2.0, TINY);
    } else {
      double range = rule == Rule.TERNARY ? 1.5 : maxCode() + shift;
      fit.scale(blocks, size, clip == Clip.MAX, bits(), range, TINY / range);
    }
  }

  private void fitAsymmetric(float[] x, int from, int length, Lattice out, int block) {
    float min = Math.min(Lattice.KERNELS.min(x, from, length), 0f);
    float max = Math.max(Lattice.KERNELS.max(x, from, length), 0f);
    float scale = out.setScale(block, Math.max((max - min) / (maxCode() - minCode()), TINY));
    float zeroPoint = minCode() - (float) Math.rint(min / scale);
    out.zeroPoint(block, Math.clamp(zeroPoint, minCode(), maxCode()));
  }

  private void fitAsymmetricUniform(float[] x, int from, int length, Lattice out, int block) {
    float min = Lattice.KERNELS.min(x, from, length);
    float max = Lattice.KERNELS.max(x, from, length);
    float step = (float) (((double) max - min) / (maxCode() - minCode()));
    float finest = Math.max(Math.abs(min), Math.abs(max)) * FINEST_STEP;
    float scale = out.setScale(block, Math.max(Math.max(step, finest), TINY));
    out.zeroPoint(block, minCode() - (float) Math.rint(min / scale));
  }

  private void fitCentred(float[] x, int from, int length, Lattice out, int block) {
    BlockKernels kernels = Lattice.KERNELS;
    float mean = (float) kernels.mean(x, from, length);
    out.offset(block, mean);
    float largest = kernels.absMax(x, from, length, mean);
    double sum = clip == Clip.MAX ? 0 : kernels.sumAbs(x, from, length, mean);
    out.setScale(block, MagnitudeFit.scale(this, largest, sum, length));
  }

  /** What is subtracted from a weight before it is divided by the scale. */
  float origin(Lattice l, int block) {
    float offset = l.offset(block);
    return rule == Rule.TINYGEMM ? offset + l.scales[block] * shift : offset;
  }

  /** What is subtracted after the division and before rounding; it makes levels integers. */
  float fraction() {
    return rule == Rule.TINYGEMM ? 0f : shift;
  }

  /** What weights are multiplied by, or 0 where they are divided by the scale. */
  float reciprocal(float scale) {
    return divides() || scale < TINY || scale > 0.5f / TINY ? 0f : 1f / scale;
  }

  /** Whether weights are always divided, as offsets and fine steps leave levels close together. */
  boolean divides() {
    return hasOffset() || rule == Rule.ASYMMETRIC_UNIFORM;
  }

  /**
   * Whether {@link BlockKernels#piecewise} is exact: it finds intervals by quotients whose error
   * grows with the codes, and near a level either must give it, as the identity's slope does not.
   */
  boolean isPiecewise(float inverseSlope) {
    return !divides() && 1f - inverseSlope >= levelCount() * 0x1p-20f;
  }

  /** The smallest code less the zero point: what rounded quotients are limited to. */
  float least(Lattice l, int block) {
    return minCode() - l.zeroPoint(block);
  }

  /** The largest code less the zero point. */
  float most(Lattice l, int block) {
    return maxCode() - l.zeroPoint(block);
  }

  /** Added to a code before it is multiplied by the scale. */
  float shift() {
    return shift;
  }

  @Override
  void nearest(Lattice l, int block, float[] x, int from, int length, MemorySegment q, long at) {
    Lattice.KERNELS.nearest(this, l, block, x, from, length, q, at);
  }

  @Override
  void codes(Lattice l, int block, float[] x, int from, int length, byte[] codes, int codesFrom) {
    Lattice.KERNELS.codes(this, l, block, x, from, length, codes, codesFrom);
  }

  @Override
  void levels(Lattice l, int block, float[] out) {
    for (int i = 0; i < levelCount(); i++) {
      out[i] = value(l, block, minCode() + i);
    }
  }

  private float value(Lattice l, int block, int code) {
    return (code - l.zeroPoint(block) + shift) * l.scales[block] + l.offset(block);
  }

  @Override
  void values(
      Lattice l, int block, byte[] codes, int codesFrom, int length, float[] out, int from) {
    Lattice.KERNELS.values(this, l, block, codes, codesFrom, length, out, from);
  }

  @Override
  void interval(
      Lattice l, int block, float[] x, int from, int length, float[] lower, float[] upper, int at) {
    if (hasOffset()) { // a large offset leaves levels too close for the division to tell apart
      searchInterval(l, block, x, from, length, lower, upper, at);
    } else {
      Lattice.KERNELS.interval(this, l, block, x, from, length, lower, upper, at);
    }
  }
}
