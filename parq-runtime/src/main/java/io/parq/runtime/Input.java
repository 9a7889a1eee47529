package io.parq.runtime;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.Granularity;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.UniformGrid;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Vectors that matrices are multiplied with, one for each token: quantized once, and made ready
 * once for all matrices of a kind. All of it is in the caller's {@link Scratch}. Not for several
 * threads.
 */
final class Input {
  private static final QuantConfig ASYMMETRIC =
      new QuantConfig(UniformGrid.asymmetric(8), Granularity.perRow(), ScaleType.FP32);

  /** Codes -127 to 127, the scale being that of activations. */
  private static final QuantConfig SYMMETRIC =
      new QuantConfig(
          UniformGrid.clipped(8, UniformGrid.Clip.MAX, 1, 0), Granularity.perRow(), ScaleType.FP32);

  /** Multiplications that take about as long as quantizing a value. */
  private static final long WORK = 16;

  private static final float[] NO_LEVELS = {};

  private final float[] x;
  private final int tokens;
  private final int columns;
  private final @Nullable ActivationQuantization activations;
  private float @Nullable [] rounded;
  private @Nullable Codes codes;
  private final Map<Key, Operand> operands = new HashMap<>();

  private final Map<Key, Bytes> bytes = new HashMap<>();

  private record Key(Operand.Kind kind, int group, int token) {}

  /**
   * Quantized vectors: {@code (codes[token][column] - zeros[token]) * factors[token]}.
   *
   * @param codes of 8 bits
   * @param zeros one for each token
   * @param factors one for each token
   */
  @SuppressWarnings("ArrayRecordComponent") // a plain carrier of arrays
  private record Codes(byte[] codes, float[] zeros, float[] factors) {}

  /**
   * Takes vectors.
   *
   * @param x token after token; not copied
   * @param tokens their number
   * @param activations how they are quantized, or null if they are not
   */
  Input(float[] x, int tokens, @Nullable ActivationQuantization activations) {
    this.x = x;
    this.tokens = tokens;
    this.columns = x.length / tokens;
    this.activations = activations;
  }

  int tokens() {
    return tokens;
  }

  /** Values in all. */
  int length() {
    return x.length;
  }

  @Nullable ActivationQuantization activations() {
    return activations;
  }

  /** Whether the vectors are multiples of whole numbers. */
  boolean isWhole() {
    return activations == ActivationQuantization.INT8_ASYM_PER_TOKEN
        || activations == ActivationQuantization.INT8_SYM_PER_TOKEN;
  }

  /** All vectors, quantized and back; not to be modified. */
  float[] values() {
    if (activations == null) {
      return x;
    }
    if (rounded == null) {
      float[] all = Scratch.ofCaller().floats(x.length);
      if (isWhole()) {
        Codes whole = codes();
        for (int token = 0; token < tokens; token++) {
          decode(whole, token, all);
        }
      } else {
        System.arraycopy(x, 0, all, 0, x.length);
        activations.fakeQuantize(all, tokens, columns);
      }
      rounded = all;
    }
    return rounded;
  }

  private void decode(Codes from, int token, float[] to) {
    float zero = from.zeros()[token];
    float factor = from.factors()[token];
    for (int i = token * columns; i < (token + 1) * columns; i++) {
      to[i] = (from.codes()[i] - zero) * factor;
    }
  }

  private Codes codes() {
    if (codes == null) {
      Scratch own = Scratch.ofCaller();
      Codes all = new Codes(own.bytes(x.length), own.floats(tokens), own.floats(tokens));
      Team.run(WORK * x.length, tokens, token -> quantize(token, all));
      codes = all;
    }
    return codes;
  }

  private void quantize(int token, Codes all) {
    boolean symmetric = activations == ActivationQuantization.INT8_SYM_PER_TOKEN;
    // Of two rows, for one alone would be copied to be fitted.
    Lattice lattice = Lattice.unfitted(symmetric ? SYMMETRIC : ASYMMETRIC, 2, columns);
    lattice.fitBlocks(0, x, token * columns, columns);
    lattice.codes(0, x, token * columns, columns, all.codes(), token * columns);
    float[] zeros = lattice.zeroPoints();
    all.zeros()[token] = zeros == null ? 0 : zeros[0];
    all.factors()[token] = lattice.scales()[0];
  }

  /** A vector, ready for planes of a kind. */
  Operand operand(MatrixKernels kernels, Geometry geometry, Operand.Kind kind, int token) {
    Key key = new Key(kind, geometry.group(), token);
    Operand operand = operands.get(key);
    if (operand == null) {
      float[] padded = geometry.pad(values(), token);
      float unit = isWhole() ? codes().factors()[token] : 0;
      float zero = isWhole() ? codes().zeros()[token] : Float.NaN;
      if (kind.groups() > 1 && zero != 0) {
        zero = Float.NaN; // sums of all groups' weights would take too much memory
      }
      operand = kernels.prepare(kind, NO_LEVELS, padded, unit, zero);
      operands.put(key, operand);
    }
    return operand;
  }

  /** All vectors, ready for planes of a kind. */
  Bytes bytes(Geometry geometry, Operand.Kind kind, int chunk) {
    Key key = new Key(kind, geometry.group(), 0);
    Bytes known = bytes.get(key);
    if (known == null) {
      known = makeBytes(geometry, kind, chunk);
      bytes.put(key, known);
    }
    return known;
  }

  private Bytes makeBytes(Geometry geometry, Operand.Kind kind, int chunk) {
    int stride = geometry.columnsPadded();
    long size = Math.multiplyExact(stride / chunk, Dots.size(tokens, chunk));
    MemorySegment values = Scratch.ofCaller().memory(Math.toIntExact(size));
    Codes all = codes();
    Bytes made = new Bytes(tokens, stride, chunk, values, all.zeros(), all.factors());
    float middle = (1 << (kind.bits() - 1)) - kind.centre();
    Team.run(
        WORK * x.length,
        tokens,
        token -> {
          Scratch scratch = Scratch.ofTask();
          int mark = scratch.mark();
          int[] some = scratch.ints(chunk);
          int zero = (int) all.zeros()[token];
          for (int column = 0; column < geometry.columnsPadded(); column += chunk) {
            int inGroup = column % geometry.groupPadded();
            int count = Math.clamp(geometry.group() - inGroup, 0, chunk);
            int group = column / geometry.groupPadded();
            int from = token * columns + group * geometry.group() + inGroup;
            int sum = 0;
            for (int i = 0; i < count; i++) {
              some[i] = all.codes()[from + i];
              sum += some[i];
            }
            Arrays.fill(some, count, chunk, zero);
            made.put(token, column, some, middle * (sum - count * zero));
          }
          scratch.release(mark);
        });
    return made;
  }
}
