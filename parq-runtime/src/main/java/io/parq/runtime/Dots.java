package io.parq.runtime;

import io.parq.grids.Kernels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Products of fields with bytes: four of them in each 32-bit lane by one instruction, which Java's
 * vectors do not reach; and with floats, as fast as memory is. So these loops are machine code,
 * assembled when it is first asked for, which takes a tenth of a second. Where the processor or the
 * system is another one, there are none.
 *
 * <p>For one token, fields of up to 4 bits are taken out of a {@link Plane}'s words in registers.
 * For several, columns are unpacked into bytes in the first cache.
 */
final class Dots {
  /** Tokens that one pass over the weights takes. */
  static final int TOKENS = 4;

  /** Bytes of columns that one lane multiplies. */
  static final int COLUMNS = 4;

  private static final int BYTES = 64;

  /** Rows of a vector. */
  static final int LANES = BYTES / Integer.BYTES;

  /** Vectors of rows that one pass takes; sums of all tokens fill half of the registers. */
  private static final int VECTORS = 4;

  private static final int ROWS = Geometry.TILE;

  private static final int ROW_BYTES = ROWS * Float.BYTES;
  private static final MethodType TYPE =
      MethodType.methodType(
          void.class, Collections.nCopies(6, long.class).toArray(Class<?>[]::new));

  /** Bits of fields that are multiplied in registers, at most. */
  private static final int MOST_BITS = 4;

  /** Those of one token, of two, and so on. */
  private static final MethodHandle[] PASSES = new MethodHandle[TOKENS];

  /** Those of fields in registers, by {@link #loop}. */
  private static final MethodHandle[] LOOPS =
      new MethodHandle[2 * Token.MOST_DIGITS * MOST_BITS + 1];

  /** Why there are none; empty if there are. */
  private static final String OBSTACLE = start();

  private Dots() {}

  /** Whether the loops can be used. */
  static boolean exist() {
    return OBSTACLE.isEmpty();
  }

  private static String start() {
    String obstacle = Kernels.allowMachineCode() ? missing() : "Java's own were chosen, or none";
    if (obstacle.isEmpty()) {
      try {
        Assembler code = new Assembler();
        List<Integer> labels = new ArrayList<>();
        for (int tokens = 1; tokens <= TOKENS; tokens++) {
          labels.add(code.label());
          assemble(code, tokens);
        }
        for (int i = 0; i < LOOPS.length; i++) {
          boolean levels = i == LOOPS.length - 1;
          int bits = levels ? MOST_BITS : i / 2 % MOST_BITS + 1;
          int digits = levels ? 0 : Token.MOST_DIGITS - i / (2 * MOST_BITS);
          labels.add(code.label());
          new FieldLoop(code, bits, i % 2 == 1, digits).assemble();
        }
        List<MethodHandle> all = code.finish(TYPE, labels);
        all.subList(0, TOKENS).toArray(PASSES);
        all.subList(TOKENS, all.size()).toArray(LOOPS);
      } catch (RuntimeException e) {
        obstacle = e.toString();
      }
    }
    if (!obstacle.isEmpty()) {
      System.getLogger("io.parq.runtime")
          .log(System.Logger.Level.DEBUG, "Products without machine code: {0}", obstacle);
    }
    return obstacle;
  }

  private static String missing() {
    String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (!system.equals("Linux amd64")) {
      return system + ", expected Linux amd64";
    }
    try {
      String processor = Files.readString(Path.of("/proc/cpuinfo"));
      return processor.contains(" avx512_vnni") ? "" : "a processor without avx512_vnni";
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Bytes of what is multiplied with {@code columns} columns. */
  static long size(int tokens, int columns) {
    return (long) tokens * (Integer.BYTES + columns + Float.BYTES);
  }

  /** Whether there are loops for one token. */
  static boolean knows(int bits) {
    return bits <= MOST_BITS;
  }

  /** Which of the loops; levels have scales that are not brief. */
  private static int loop(int bits, boolean brief, int digits) {
    int before = (Token.MOST_DIGITS - digits) * MOST_BITS;
    return digits == 0 ? LOOPS.length - 1 : (before + bits - 1) * 2 + (brief ? 1 : 0);
  }

  /** Adds products with one token to sums, but for its unit. */
  static void multiply(
      Plane plane, int tile, Scales scales, Operand.Kind kind, Token x, MemorySegment sums) {
    try {
      LOOPS[loop(kind.bits(), scales.brief(), x.digits())].invokeExact(
          plane.address(tile, 0),
          x.memory().address(),
          scales.address(tile, 0),
          sums.address(),
          (long) kind.groups(),
          (long) kind.units());
    } catch (Throwable e) {
      throw new AssertionError("a call of machine code", e);
    }
  }

  /** {@link MatrixKernels#dots}. */
  static void multiply(
      Plane plane, int tile, Scales scales, int group, Bytes x, MemorySegment sums) {
    Scratch scratch = Scratch.ofTask();
    int mark = scratch.mark();
    long weights = scratch.memory(x.chunk() * ROWS).address();
    long factors = scratch.memory(ROW_BYTES).address();
    for (int column = 0; column < x.columns(); column += x.chunk()) {
      if (column % group == 0) {
        VectorUnpack.scales(scales, tile, column / group, factors);
      }
      VectorUnpack.bytes(plane, tile, column, x.chunk(), weights);
      add(weights, x.address(column), factors, sums.address(), x.chunk(), x.tokens());
    }
    scratch.release(mark);
  }

  /**
   * Adds {@code scale * (sum of weight * (code - zero) + offset)} to the sums of a tile's rows.
   * What is in brackets first is a whole number of 32 bits.
   *
   * @param weights address of signed bytes, {@code [column / 4][row][column % 4]}
   * @param codes address of {@link #size} bytes. For each four tokens, or fewer in the end, {@code
   *     [token]} whole numbers {@code -zero}; {@code [column / 4][token][column % 4]} codes, bytes
   *     without sign; {@code [token]} offsets, floats
   * @param scales address of floats, one for each row
   * @param sums address of floats, {@code [token][row]}; added to
   * @param columns a multiple of 4, not 0
   * @param tokens not 0
   */
  static void add(long weights, long codes, long scales, long sums, int columns, int tokens) {
    long steps = columns / COLUMNS;
    int whole = tokens / TOKENS * TOKENS;
    for (int row = 0; row < ROWS; row += VECTORS * LANES) {
      long w = weights + (long) row * COLUMNS;
      long s = scales + (long) row * Float.BYTES;
      long y = sums + (long) row * Float.BYTES;
      try {
        if (whole > 0) {
          PASSES[TOKENS - 1].invokeExact(w, codes, s, y, steps, (long) (whole / TOKENS));
        }
        if (whole < tokens) {
          PASSES[tokens - whole - 1].invokeExact(
              w, codes + size(whole, columns), s, y + (long) whole * ROW_BYTES, steps, 1L);
        }
      } catch (Throwable e) {
        throw new AssertionError("a call of machine code", e);
      }
    }
  }

  /** A loop over several tokens at a time, and in it one over columns. */
  private static void assemble(Assembler a, int tokens) {
    int weights = Assembler.RDI;
    int codes = Assembler.RSI;
    int scales = Assembler.RDX;
    int sums = Assembler.RCX;
    int steps = Assembler.R8;
    int times = Assembler.R9;
    int at = Assembler.RAX;
    int left = Assembler.R10;
    // Vectors: products of [token][v], sums of weights [v], and what was loaded.
    int total = tokens * VECTORS;
    int weight = total + VECTORS;
    int code = weight + VECTORS;
    int other = code + 1;

    a.constant(code, 0x01010101);
    for (int v = 0; v < VECTORS; v++) {
      a.clear(total + v);
    }
    a.move(at, weights);
    a.move(left, steps);
    int nextTotal = a.label();
    for (int v = 0; v < VECTORS; v++) {
      a.load(weight, at, v * BYTES);
      a.addDots(total + v, code, weight);
    }
    a.add(at, ROWS * COLUMNS);
    a.countDown(left, nextTotal);

    int nextTokens = a.label();
    for (int token = 0; token < tokens; token++) {
      a.broadcast(code, codes, token * Integer.BYTES);
      for (int v = 0; v < VECTORS; v++) {
        a.multiply(token * VECTORS + v, total + v, code);
      }
    }
    a.add(codes, tokens * Integer.BYTES);
    a.move(at, weights);
    a.move(left, steps);
    int nextColumns = a.label();
    for (int v = 0; v < VECTORS; v++) {
      a.load(weight + v, at, v * BYTES);
    }
    for (int token = 0; token < tokens; token++) {
      a.broadcast(code + token, codes, token * COLUMNS);
      for (int v = 0; v < VECTORS; v++) {
        a.addDots(token * VECTORS + v, code + token, weight + v);
      }
    }
    a.add(at, ROWS * COLUMNS);
    a.add(codes, tokens * COLUMNS);
    a.countDown(left, nextColumns);

    for (int v = 0; v < VECTORS; v++) {
      a.load(weight + v, scales, v * BYTES);
    }
    for (int token = 0; token < tokens; token++) {
      a.broadcast(code, codes, token * Float.BYTES);
      for (int v = 0; v < VECTORS; v++) {
        int sum = token * VECTORS + v;
        int place = token * ROW_BYTES + v * BYTES;
        a.toFloats(sum);
        a.addFloats(sum, code);
        a.load(other, sums, place);
        a.addProducts(other, sum, weight + v);
        a.store(other, sums, place);
      }
    }
    a.add(codes, tokens * Float.BYTES);
    a.add(sums, tokens * ROW_BYTES);
    a.countDown(times, nextTokens);
    a.leave();
  }
}
