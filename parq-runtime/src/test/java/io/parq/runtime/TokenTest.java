package io.parq.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.runtime.Operand.Kind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vectors in digits, and what becomes of the smallest, the largest, and no numbers. */
class TokenTest {
  private static final int COLUMNS = 2 * Geometry.UNIT;
  private static final Kind KIND = new Kind(2, 2, 1, 1.5f);

  @BeforeEach
  void machineCode() {
    assumeTrue(Dots.exist(), "neither Linux on x86-64 nor AVX512_VNNI");
  }

  @ParameterizedTest
  @ValueSource(
      floats = {1f, 0x1.fffffep0f, 1e-30f, 0x1p-126f, 7 * Float.MIN_VALUE, 3e38f, Float.MAX_VALUE})
  void digitsAreTheNumbers(float most) {
    SplittableRandom random = new SplittableRandom(5);
    float[] x = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      x[i] = (float) ((2 * random.nextDouble() - 1) * most);
    }
    x[3] = most;
    x[40] = -most;
    Token token = Token.of(KIND, x, 0, Float.NaN);
    assertNotNull(token);
    assertTrue(token.unit() <= Math.max(most * 0x1p-21, Float.MIN_VALUE), "fine enough");
    check(token, x, token.unit() / 2);
  }

  @Test
  void multiplesAreExact() {
    float unit = 0.0123f;
    float[] x = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      x[i] = (i % 2 == 0 ? 255 - i : i - 255) * unit;
    }
    Token token = Token.of(KIND, x, unit, Float.NaN);
    assertNotNull(token);
    assertEquals(2, token.digits());
    check(token, x, 1e-6);
  }

  @ParameterizedTest
  @ValueSource(ints = {-128, -3, 0, 100, 127})
  void bytesAreOneDigit(int zero) {
    float unit = 0.0123f;
    float[] x = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      x[i] = (i * 255 / (COLUMNS - 1) - 128 - zero) * unit;
    }
    Token token = Token.of(KIND, x, unit, zero);
    assertNotNull(token);
    assertEquals(1, token.digits());
    assertEquals(zero, token.excess());
    check(token, x, 1e-5);
  }

  private static void check(Token token, float[] x, double most) {
    int digits = token.digits();
    int size = Geometry.UNIT * digits + Float.BYTES;
    for (int g = 0; g < KIND.groups(); g++) {
      long sum = 0;
      for (int i = 0; i < Geometry.UNIT; i++) {
        long number = 0;
        for (int digit = 0; digit < digits; digit++) {
          long at = (long) g * size + (long) digit * Geometry.UNIT + i;
          number = number * 256 + token.memory().get(ValueLayout.JAVA_BYTE, at);
        }
        sum += number;
        double value = (number - token.excess()) * (double) token.unit();
        assertEquals(x[g * Geometry.UNIT + i], value, most, "" + i);
      }
      long at = (g + 1L) * size - Float.BYTES;
      float offset = token.memory().get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
      assertEquals((float) (-1.5 * sum), offset);
    }
  }

  @Test
  void zerosAreZeros() {
    Token token = Token.of(KIND, new float[COLUMNS], 0, Float.NaN);
    assertNotNull(token);
    check(token, new float[COLUMNS], 0);
  }

  /** They have no digits, and are multiplied as floats. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void whatIsNotFiniteStays(float value) {
    float[] x = new float[COLUMNS];
    x[33] = value;
    assertNull(Token.of(KIND, x, 0, Float.NaN));
    float[] weights = new float[COLUMNS];
    Arrays.fill(weights, 1f);
    for (String config :
        new String[] {"symmetric:4", "stretched:3", "stretched:2", "stretched:1"}) {
      PackedMatrix matrix =
          PackedMatrix.of(
              QuantizedTensor.quantize(
                  QuantConfig.parse(config + " per-row fp32"),
                  MemorySegment.ofArray(weights),
                  1,
                  COLUMNS),
              new VectorKernels());
      float product = matrix.multiply(x)[0];
      assertTrue(Float.isNaN(product) || product == value, config + ": " + product);
    }
  }
}
