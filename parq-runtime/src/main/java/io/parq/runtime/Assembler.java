package io.parq.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Writes machine code for x86-64 under Linux: the few instructions of {@link Dots}, which Java's
 * vectors do not reach, with vectors of 512 bits. Memory operands are a base and a displacement.
 *
 * <p>Encodings are those of Intel's Software Developer's Manual, volume 2 (EVEX: section 2.7).
 */
final class Assembler {
  /** General registers: those of the first six arguments, and two that a function may change. */
  static final int RDI = 7, RSI = 6, RDX = 2, RCX = 1, R8 = 8, R9 = 9, RAX = 0, R10 = 10;

  private static final int MOST_BYTES = 1 << 17;
  private static final int NO_PREFIX = 0;
  private static final int PREFIX_66 = 1;
  private static final int MAP_0F = 1;
  private static final int MAP_0F38 = 2;
  private static final int MAP_0F3A = 3;

  // What is read of memory: a vector, or a number for all lanes.
  private static final int VECTOR = 0;
  private static final int ONE_FOR_ALL = 1;

  private static final int READ_WRITE = 1 | 2;
  private static final int READ_EXECUTE = 1 | 4;
  private static final int PRIVATE_ANONYMOUS = 2 | 0x20;

  private final ByteBuffer code = ByteBuffer.allocate(MOST_BYTES).order(ByteOrder.LITTLE_ENDIAN);

  /** {@code to = 0}, a vector. */
  void clear(int to) {
    vectors(PREFIX_66, MAP_0F, 0xEF, to, to, to);
  }

  /** {@code to = memory}, a vector. */
  void load(int to, int base, int displacement) {
    memory(NO_PREFIX, MAP_0F, 0x10, to, 0, VECTOR, base, displacement);
  }

  /** {@code memory = from}, a vector. */
  void store(int from, int base, int displacement) {
    memory(NO_PREFIX, MAP_0F, 0x11, from, 0, VECTOR, base, displacement);
  }

  /** All 32-bit lanes of a vector are what is in memory. */
  void broadcast(int to, int base, int displacement) {
    memory(PREFIX_66, MAP_0F38, 0x58, to, 0, VECTOR, base, displacement);
  }

  /**
   * Each 32-bit lane of a vector plus four products of bytes, the first ones without sign (
   * VPDPBUSD, of AVX512_VNNI).
   */
  void addDots(int to, int unsigned, int signed) {
    vectors(PREFIX_66, MAP_0F38, 0x50, to, unsigned, signed);
  }

  /** The same of four bytes in memory for all lanes. */
  void addDots(int to, int unsigned, int base, int displacement) {
    memory(PREFIX_66, MAP_0F38, 0x50, to, unsigned, ONE_FOR_ALL, base, displacement);
  }

  /** {@code to = a * b}, 32-bit whole numbers. */
  void multiply(int to, int a, int b) {
    vectors(PREFIX_66, MAP_0F38, 0x40, to, a, b);
  }

  /** Lanes of 32-bit whole numbers become floats. */
  void toFloats(int to) {
    vectors(NO_PREFIX, MAP_0F, 0x5B, to, 0, to);
  }

  /** {@code to = from}, a vector. */
  void copy(int to, int from) {
    vectors(NO_PREFIX, MAP_0F, 0x28, to, 0, from);
  }

  /** {@code to = a & b}. */
  void and(int to, int a, int b) {
    vectors(PREFIX_66, MAP_0F, 0xDB, to, a, b);
  }

  /** {@code to |= from & mask}. */
  void orMasked(int to, int from, int mask) {
    vectors(PREFIX_66, MAP_0F3A, 0x25, to, from, mask);
    code.put((byte) 0xF8); // the truth table of a | (b & c)
  }

  /** {@code to = table[index & 15]}, 32-bit lanes. */
  void look(int to, int index, int table) {
    vectors(PREFIX_66, MAP_0F38, 0x36, to, index, table);
  }

  /** {@code to = a * memory}, floats, by one number for all lanes. */
  void multiply(int to, int a, int base, int displacement) {
    memory(NO_PREFIX, MAP_0F, 0x59, to, a, ONE_FOR_ALL, base, displacement);
  }

  /** {@code to += a * memory}, floats, by one number for all lanes, rounded once. */
  void addProducts(int to, int a, int base, int displacement) {
    memory(PREFIX_66, MAP_0F38, 0xB8, to, a, ONE_FOR_ALL, base, displacement);
  }

  /** {@code to = from >>> count}, 32-bit lanes. */
  void shiftRight(int to, int from, int count) {
    vectors(PREFIX_66, MAP_0F, 0x72, 2, to, from);
    code.put((byte) count);
  }

  /** {@code to = from << count}, 32-bit lanes. */
  void shiftLeft(int to, int from, int count) {
    vectors(PREFIX_66, MAP_0F, 0x72, 6, to, from);
    code.put((byte) count);
  }

  /** All 32-bit lanes of a vector are a constant, by way of {@link #RAX}. */
  void constant(int to, int value) {
    code.put((byte) 0xB8).putInt(value);
    vectors(PREFIX_66, MAP_0F38, 0x7C, to, 0, RAX);
  }

  /** {@code to += other}, floats. */
  void addFloats(int to, int other) {
    vectors(NO_PREFIX, MAP_0F, 0x58, to, to, other);
  }

  /** {@code to += factor * other}, floats, rounded once. */
  void addProducts(int to, int factor, int other) {
    vectors(PREFIX_66, MAP_0F38, 0xB8, to, factor, other);
  }

  /** Asks for a line of a cache. */
  void prefetch(int base, int displacement) {
    code.put((byte) 0x0F).put((byte) 0x18).put((byte) (0x88 | base));
    code.putInt(displacement);
  }

  /** Copies a general register. */
  void move(int to, int from) {
    general(0x89, from, to);
  }

  /** Adds a constant to a general register. */
  void add(int to, int constant) {
    general(0x81, 0, to);
    code.putInt(constant);
  }

  /** Here; for {@link #countDown}, or where a function starts. */
  int label() {
    return code.position();
  }

  /** Subtracts 1 from a general register, and jumps unless it is 0 then. */
  void countDown(int register, int label) {
    general(0xFF, 1, register);
    code.put((byte) 0x0F).put((byte) 0x85);
    code.putInt(label - code.position() - Integer.BYTES);
  }

  /** Leaves the function. */
  void leave() {
    code.put(new byte[] {(byte) 0xC5, (byte) 0xF8, 0x77, (byte) 0xC3}); // vzeroupper, ret
  }

  private void general(int opcode, int register, int other) {
    code.put((byte) (0x48 | (bit(register, 3) << 2) | bit(other, 3)));
    code.put((byte) opcode);
    code.put((byte) (0xC0 | low(register) | (other & 7)));
  }

  private void vectors(int prefix, int map, int opcode, int to, int first, int second) {
    evex(prefix, map, to, first, (bit(~second, 3) << 5) | (bit(~second, 4) << 6), VECTOR);
    code.put((byte) opcode);
    code.put((byte) (0xC0 | low(to) | (second & 7)));
  }

  private void memory(
      int prefix, int map, int opcode, int to, int first, int wide, int base, int displacement) {
    evex(prefix, map, to, first, (1 << 5) | (1 << 6), wide);
    code.put((byte) opcode);
    code.put((byte) (0x80 | low(to) | base));
    code.putInt(displacement);
  }

  /** The prefix of instructions on 512 bits; of registers, the inverted upper bits. */
  private void evex(int prefix, int map, int to, int first, int other, int wide) {
    code.put((byte) 0x62);
    code.put((byte) ((bit(~to, 3) << 7) | (bit(~to, 4) << 4) | other | map));
    code.put((byte) (((~first & 15) << 3) | (1 << 2) | prefix));
    code.put((byte) ((2 << 5) | (wide << 4) | (bit(~first, 4) << 3)));
  }

  private static int bit(int number, int place) {
    return (number >> place) & 1;
  }

  /** A register's lower bits, where those of the first operand are. */
  private static int low(int register) {
    return (register & 7) << 3;
  }

  /**
   * What was written as functions, for good.
   *
   * @param type of {@code long} arguments, and no result
   * @param labels where the functions start
   * @throws UnsupportedOperationException if the system gives no memory to execute
   */
  @SuppressWarnings("restricted") // of the process itself
  List<MethodHandle> finish(MethodType type, List<Integer> labels) {
    Linker linker = Linker.nativeLinker();
    MemorySegment memory;
    try {
      MethodHandle map =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("mmap"),
              FunctionDescriptor.of(
                  ValueLayout.ADDRESS,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_LONG));
      MethodHandle protect =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("mprotect"),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT));
      long size = code.position();
      MemorySegment pages =
          (MemorySegment)
              map.invokeExact(MemorySegment.NULL, size, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L);
      if (pages.address() == -1) {
        throw new UnsupportedOperationException("no memory for machine code");
      }
      memory = pages.reinterpret(size, Arena.global(), null);
      memory.copyFrom(MemorySegment.ofArray(code.array()).asSlice(0, code.position()));
      if ((int) protect.invokeExact(memory, size, READ_EXECUTE) != 0) {
        throw new UnsupportedOperationException("no memory that may be executed");
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new UnsupportedOperationException("machine code", e);
    }
    var arguments = type.parameterList().stream().map(p -> ValueLayout.JAVA_LONG);
    var function = FunctionDescriptor.ofVoid(arguments.toArray(ValueLayout[]::new));
    return labels.stream()
        .map(
            label ->
                linker.downcallHandle(
                    memory.asSlice(label), function, Linker.Option.critical(false)))
        .toList();
  }
}
