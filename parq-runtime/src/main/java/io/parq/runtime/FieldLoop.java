package io.parq.runtime;

import static io.parq.runtime.Assembler.R10;
import static io.parq.runtime.Assembler.R8;
import static io.parq.runtime.Assembler.R9;
import static io.parq.runtime.Assembler.RCX;
import static io.parq.runtime.Assembler.RDI;
import static io.parq.runtime.Assembler.RDX;
import static io.parq.runtime.Assembler.RSI;

/**
 * Assembles a loop of {@link Dots} over a tile's groups for one token. Its arguments are addresses
 * of the tile's words, of the {@link Token}, of the tile's scales and of its sums; the number of
 * groups, and the units of each. Fields are taken out of words in registers, where the sums of all
 * the tile's rows are too: {@code sums += scale * (sum of field * x + offset)}.
 *
 * <p>Without digits, fields of 4 bits are looked up in levels and multiplied with floats: {@code
 * sums += scale * (sum of level * x)}.
 */
final class FieldLoop {
  private static final int BYTES = Plane.BLOCK_BYTES;

  /** Lines of the next tile that are asked for in the end: the caller takes a while. */
  private static final int AHEAD = 64;

  // Registers of vectors.
  private static final int SUM = 0;
  private static final int MASK = SUM + Token.MOST_DIGITS * Geometry.BLOCKS;
  private static final int WORD = MASK + 1;
  private static final int FIELD = WORD + 1;
  private static final int REST = FIELD + 2;

  /** Of 3 bits: where each word's part of the last columns goes. */
  private static final int PLACE = REST + 1;

  private static final int[] PLACES = {0x11111111, 0x22222222, 0x44444444};

  // What the end of a group needs.
  private static final int OFFSET = REST;
  private static final int UPPER = PLACE;
  private static final int WEIGHT = PLACE + 1;

  private static final int UPPER_HALF = 0xFFFF0000;

  // What levels need.
  private static final int LEVELS = MASK;
  private static final int PART = REST;

  private final Assembler a;
  private final int bits;
  private final boolean brief;
  private final int digits;

  FieldLoop(Assembler a, int bits, boolean brief, int digits) {
    this.a = a;
    this.bits = bits;
    this.brief = brief;
    this.digits = digits;
  }

  void assemble() {
    if (digits == 0) {
      a.load(LEVELS, RSI, 0);
      a.add(RSI, BYTES);
    } else {
      a.constant(MASK, ((1 << bits) - 1) * 0x01010101);
    }
    int nextGroup = a.label();
    for (int sum = 0; sum < Math.max(digits, 1) * Geometry.BLOCKS; sum++) {
      a.clear(SUM + sum);
    }
    for (int j = 0; bits == 3 && j < PLACES.length; j++) {
      a.constant(PLACE + j, PLACES[j]);
    }
    a.move(R10, R9);
    int nextUnit = a.label();
    for (int k = 0; k < Geometry.BLOCKS; k++) {
      if (digits == 0) {
        levels(k);
      } else {
        fields(k);
      }
    }
    a.add(RSI, Geometry.UNIT * (digits == 0 ? Float.BYTES : digits));
    a.add(RDI, Geometry.BLOCKS * bits * BYTES);
    a.countDown(R10, nextUnit);
    scale();
    a.countDown(R8, nextGroup);
    for (int line = 0; line < AHEAD; line++) {
      a.prefetch(RDI, line * BYTES);
    }
    a.leave();
  }

  /** A unit of a row block. */
  private void fields(int k) {
    int perWord = Byte.SIZE / Plane.apart(bits);
    a.clear(REST);
    for (int j = 0; j < bits; j++) {
      a.load(WORD, RDI, (k * bits + j) * BYTES);
      if (bits == 3) {
        a.shiftRight(FIELD, WORD, bits - j);
        a.orMasked(REST, FIELD, PLACE + j);
      }
      quads(k, WORD, j * perWord, perWord);
    }
    if (bits == 3) {
      quads(k, REST, bits * perWord, perWord);
    }
  }

  /** Four columns after the other out of a word. */
  private void quads(int k, int word, int first, int count) {
    int apart = Plane.apart(bits);
    for (int i = 0; i < count; i++) {
      int field = FIELD + i % 2;
      if (i == 0) {
        a.and(field, word, MASK);
      } else {
        a.shiftRight(field, word, i * apart);
        a.and(field, field, MASK);
      }
      for (int digit = 0; digit < digits; digit++) {
        int from = digit * Geometry.UNIT + (first + i) * Dots.COLUMNS;
        a.addDots(SUM + digit * Geometry.BLOCKS + k, field, RSI, from);
      }
    }
  }

  /** A unit of a row block, each four bits of a word after the other. */
  private void levels(int k) {
    for (int j = 0; j < bits; j++) {
      a.load(WORD, RDI, (k * bits + j) * BYTES);
      for (int i = 0; i < Integer.SIZE / 4; i++) {
        int field = FIELD + i % 2;
        int part = PART + i % 2;
        int x = (8 * j + i % 2 * 4 + i / 2) * Float.BYTES;
        a.shiftRight(field, WORD, i * 4);
        a.look(field, field, LEVELS);
        if (i < 2) {
          a.multiply(part, field, RSI, x);
        } else {
          a.addProducts(part, field, RSI, x);
        }
      }
      a.addFloats(SUM + k, PART);
      a.addFloats(SUM + k, PART + 1);
    }
  }

  /** The end of a group. */
  private void scale() {
    if (digits > 0) {
      a.broadcast(OFFSET, RSI, 0);
      a.add(RSI, Float.BYTES);
    }
    for (int digit = 0; digit < digits - 1; digit++) {
      int weight = 1 << (Byte.SIZE * (digits - 1 - digit));
      a.constant(WEIGHT + digit, Float.floatToRawIntBits(weight));
    }
    if (brief) {
      a.constant(UPPER, UPPER_HALF);
    }
    for (int k = 0; k < Geometry.BLOCKS; k++) {
      int total = SUM + k;
      if (digits > 0) {
        total = FIELD;
        a.copy(total, OFFSET);
        for (int digit = 0; digit < digits; digit++) {
          int sum = SUM + digit * Geometry.BLOCKS + k;
          a.toFloats(sum);
          if (digit < digits - 1) {
            a.addProducts(total, sum, WEIGHT + digit);
          } else {
            a.addFloats(total, sum);
          }
        }
      }
      int half = Geometry.BLOCKS / 2;
      int scale = FIELD + 1;
      a.load(scale, RDX, (brief ? k % half : k) * BYTES);
      if (brief && k < half) {
        a.shiftLeft(scale, scale, Short.SIZE);
      } else if (brief) {
        a.and(scale, scale, UPPER);
      }
      a.load(WORD, RCX, k * BYTES);
      a.addProducts(WORD, total, scale);
      a.store(WORD, RCX, k * BYTES);
    }
    a.add(RDX, Geometry.TILE * (brief ? Short.BYTES : Float.BYTES));
  }
}
