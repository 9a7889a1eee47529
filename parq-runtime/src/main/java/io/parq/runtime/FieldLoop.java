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
 * of the tile's words, of the token, of the tile's scales and of its sums; the number of groups,
 * and the units of each. Sums of all rows of the tile are in registers.
 *
 * <p>Of a token in bytes, {@code sums += scale * (sum of field * (code - zero) + offset)}: for each
 * group there are the zero in each byte of a word, the codes, and the offset. The bytes of a unit's
 * fields are summed up before they are multiplied with the zero.
 *
 * <p>Of a token in floats, {@code sums += scale * (sum of what fields stand for times x)}: there
 * are 16 levels and the numbers x for fields of 4 bits, and {@link VectorTables} for fewer.
 */
final class FieldLoop {
  private static final int BYTES = Plane.BLOCK_BYTES;

  /** Bytes of a word's tables. */
  private static final int TABLES = (int) VectorTables.OF_WORD;

  private static final int QUADS = Geometry.UNIT / Dots.COLUMNS;

  // Registers of vectors.
  private static final int SUM = 0;
  private static final int CODE = SUM + Geometry.BLOCKS;
  private static final int ZERO = CODE + QUADS;
  private static final int MASK = ZERO + 1;

  /** Of 3 bits: where each word's part of the last columns goes. */
  private static final int PLACE = MASK + 1;

  private static final int LESS = PLACE + 3;
  private static final int WORD = LESS + 1;
  private static final int FIELD = WORD + 1;
  private static final int REST = FIELD + 2;
  private static final int OTHER = REST + 1;

  // The same with floats.
  private static final int LEVELS = MASK;
  private static final int PART = REST;

  private static final int[] PLACES = {0x11111111, 0x22222222, 0x44444444};
  private static final int UPPER = 0xFFFF0000;

  private final Assembler a;
  private final int bits;
  private final boolean brief;
  private final boolean floats;

  FieldLoop(Assembler a, int bits, boolean brief, boolean floats) {
    this.a = a;
    this.bits = bits;
    this.brief = brief;
    this.floats = floats;
  }

  void assemble() {
    if (floats && bits == 4) {
      a.load(LEVELS, RSI, 0);
      a.add(RSI, BYTES);
    } else if (!floats) {
      a.constant(MASK, ((1 << bits) - 1) * 0x01010101);
      for (int j = 0; bits == 3 && j < PLACES.length; j++) {
        a.constant(PLACE + j, PLACES[j]);
      }
    }
    int nextGroup = a.label();
    if (!floats) {
      a.broadcast(ZERO, RSI, 0);
      a.add(RSI, Integer.BYTES);
    }
    for (int k = 0; k < Geometry.BLOCKS; k++) {
      a.clear(SUM + k);
    }
    a.move(R10, R9);
    int nextUnit = a.label();
    for (int quad = 0; !floats && quad < QUADS; quad++) {
      a.broadcast(CODE + quad, RSI, quad * Dots.COLUMNS);
    }
    for (int k = 0; k < Geometry.BLOCKS; k++) {
      if (floats) {
        looked(k);
      } else {
        block(k);
      }
    }
    a.add(RSI, floats ? bits == 4 ? Geometry.UNIT * Float.BYTES : bits * TABLES : Geometry.UNIT);
    a.add(RDI, Geometry.BLOCKS * bits * BYTES);
    a.countDown(R10, nextUnit);
    scale();
    a.countDown(R8, nextGroup);
    a.leave();
  }

  /** A unit of a row block with floats: each four bits of a word are looked up. */
  private void looked(int k) {
    for (int j = 0; j < bits; j++) {
      a.load(WORD, RDI, (k * bits + j) * BYTES);
      for (int i = 0; i < Integer.SIZE / 4; i++) {
        int index = WORD;
        if (i > 0) {
          index = FIELD + i % 2;
          a.shiftRight(index, WORD, i * 4);
        }
        int part = PART + i % 2;
        int to = bits < 4 && i < 2 ? part : FIELD + i % 2;
        if (bits < 4) {
          a.look(to, index, RSI, j * TABLES + i * BYTES);
          if (i >= 2) {
            a.addFloats(part, to);
          }
        } else {
          a.look(to, index, LEVELS);
          int x = (8 * j + i % 2 * 4 + i / 2) * Float.BYTES;
          if (i < 2) {
            a.multiplyBy(part, to, RSI, x);
          } else {
            a.addProducts(part, to, RSI, x);
          }
        }
      }
      a.addFloats(SUM + k, PART);
      a.addFloats(SUM + k, PART + 1);
    }
  }

  /** A unit of a row block. */
  private void block(int k) {
    a.clear(LESS);
    if (bits == 3) {
      a.clear(REST);
    }
    int perWord = bits == 3 ? 2 : Byte.SIZE / bits;
    for (int j = 0; j < bits; j++) {
      a.load(WORD, RDI, (k * bits + j) * BYTES);
      fields(k, j * perWord, perWord);
      if (bits == 3) {
        a.shiftRight(OTHER, WORD, bits - j);
        a.orMasked(REST, OTHER, PLACE + j);
      }
    }
    if (bits == 3) {
      a.copy(WORD, REST);
      fields(k, bits * perWord, perWord);
    }
    a.addDots(SUM + k, ZERO, LESS);
  }

  /** Four columns after the other out of a word. */
  private void fields(int k, int quad, int count) {
    int apart = bits == 3 ? 4 : bits;
    for (int i = 0; i < count; i++) {
      int field = FIELD + i % 2;
      if (i == 0) {
        a.and(field, WORD, MASK);
      } else {
        a.shiftRight(field, WORD, i * apart);
        a.and(field, field, MASK);
      }
      a.addDots(SUM + k, CODE + quad + i, field);
      a.subtractBytes(LESS, field);
    }
  }

  /** The end of a group. */
  private void scale() {
    if (!floats) {
      a.broadcast(CODE, RSI, 0);
      a.add(RSI, Float.BYTES);
    }
    if (brief) {
      a.constant(OTHER, UPPER);
    }
    for (int k = 0; k < Geometry.BLOCKS; k++) {
      int half = Geometry.BLOCKS / 2;
      a.load(FIELD, RDX, (brief ? k % half : k) * BYTES);
      if (brief && k < half) {
        a.shiftLeft(FIELD, FIELD, Short.SIZE);
      } else if (brief) {
        a.and(FIELD, FIELD, OTHER);
      }
      if (!floats) {
        a.toFloats(SUM + k);
        a.addFloats(SUM + k, CODE);
      }
      a.load(WORD, RCX, k * BYTES);
      a.addProducts(WORD, SUM + k, FIELD);
      a.store(WORD, RCX, k * BYTES);
    }
    a.add(RDX, Geometry.TILE * (brief ? Short.BYTES : Float.BYTES));
  }
}
