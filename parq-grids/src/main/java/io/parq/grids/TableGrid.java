package io.parq.grids;

import org.jspecify.annotations.Nullable;

/** A fixed table of levels times one scale for each block: {@link #NF4} or {@link #FP4}. */
public final class TableGrid extends CodebookGrid {
  private static final float[] NF4_LEVELS = {
    -1.0f,
    -0.6961928f,
    -0.52507305f,
    -0.3949175f,
    -0.28444138f,
    -0.18477343f,
    -0.091050036f,
    0.0f,
    0.0795803f,
    0.1609302f,
    0.2461123f,
    0.33791524f,
    0.44070983f,
    0.562617f,
    0.72295684f,
    1.0f
  };
  private static final float[] FP4_LEVELS = {
    -6f, -4f, -3f, -2f, -1.5f, -1f, -0.5f, 0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f
  };

  /** Exponent of the largest E2M1 value, 6 = 1.5 * 2^2. */
  private static final int FP4_EXPONENT = 2;

  /**
   * The 16 levels of the 4-bit NormalFloat type, scale {@code max|w|}. Usual in groups of 64.
   *
   * <p>Source: Dettmers et al., QLoRA (arXiv 2305.14314), appendix E.
   */
  public static final TableGrid NF4 = new TableGrid("nf4", NF4_LEVELS);

  /**
   * The 15 values of the 4-bit float E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives, scale
   * {@code max|w| / 6}. With scale type e8m0 in groups of 32 it is MXFP4, whose scale is {@code
   * 2^(floor(log2 max|w|) - 2)} so that the largest weights may saturate; with e4m3 in groups of 16
   * it is NVFP4. Ties go to the even E2M1 fraction. Codes 0 to 14 ascend from -6 to 6.
   *
   * <p>Source: OCP Microscaling Formats 1.0, section 6.3; torchao {@code to_mx} (floor mode) and
   * {@code nvfp4_quantize}.
   */
  public static final TableGrid FP4 = new TableGrid("fp4", FP4_LEVELS);

  private final float[] table;

  private TableGrid(String spec, float[] table) {
    super(spec, 4, table.length, false);
    this.table = table;
  }

  private boolean isFp4() {
    return table == FP4_LEVELS;
  }

  @Override
  boolean tieGoesDown(int code) {
    // An FP4 code is 7 plus or minus the E2M1 magnitude, so even magnitudes have odd codes.
    return isFp4() ? (code & 1) == 1 : super.tieGoesDown(code);
  }

  @Override
  public int scalesPerBlock() {
    return 1;
  }

  @Override
  public Grid centred() {
    throw new IllegalArgumentException(spec() + " has no centred variant");
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
    if (isFp4() && out.scaleType() == ScaleType.E8M0) {
      int exponent = Math.max(Math.getExponent(largest) - FP4_EXPONENT, -127);
      out.setScale(block, Math.scalb(1f, exponent));
    } else {
      out.setScale(block, largest == 0f ? Float.MIN_NORMAL : largest / table[table.length - 1]);
    }
  }

  @Override
  float tensorScale(float largestScale, float largestValue) {
    float top = table[table.length - 1];
    return largestValue / (SmallFloat.E4M3_MAX * top);
  }

  @Override
  void rawLevels(Lattice l, int block, float[] out) {
    float scale = l.scales[block];
    for (int i = 0; i < table.length; i++) {
      out[i] = table[i] * scale;
    }
  }
}
