package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class ParameterTest {
  private static final MemorySegment EIGHT = MemorySegment.ofArray(new float[8]);

  private static void refuse(String name, long[] shape, MemorySegment memory, String message) {
    for (MemorySegment[] pair : new MemorySegment[][] {{memory, EIGHT}, {EIGHT, memory}}) {
      String found =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> new Parameter(name, Parameter.Kind.OTHER, shape, pair[0], pair[1]))
              .getMessage();
      assertTrue(found.contains(message), found);
    }
  }

  @Test
  void checksItsMemory() {
    long[] shape = {2, 4};
    refuse(" ", shape, EIGHT, "name is blank");
    refuse("w", new long[] {2, 0}, EIGHT, "w: dimension 0 in shape [2, 0], expected at least 1");
    MemorySegment seven = MemorySegment.ofArray(new float[7]);
    refuse("w", shape, seven, "of 28 bytes, expected 32 for shape [2, 4]");
    refuse("w", shape, MemorySegment.ofArray(new byte[32]), "aligned to 1 bytes, expected 4");
    MemorySegment odd = Arena.ofAuto().allocate(40, 8).asSlice(2, 32);
    refuse("w", shape, odd, "aligned to 2 bytes");
    refuse("w", shape, EIGHT.asReadOnly(), "read-only");
    try (Arena confined = Arena.ofConfined()) {
      refuse("w", shape, confined.allocate(32, 4), "confined");
    }
  }

  @Test
  void shapesAreCopied() {
    long[] shape = {2, 4};
    Parameter parameter = new Parameter("w", Parameter.Kind.OTHER, shape, EIGHT, EIGHT);
    shape[0] = 4;
    parameter.shape()[0] = 4;
    assertEquals("w[2, 4]", parameter.toString());
    assertEquals(8, parameter.size());
    assertEquals(1, parameter.row(5));
    assertEquals(1, parameter.column(5));
  }

  @Test
  void aScalarHasOneElement() {
    Parameter scalar = Parameter.of("s", Parameter.Kind.OTHER, new float[1], new float[1]);
    assertEquals(1, scalar.size());
    assertEquals(0, scalar.row(0));
  }
}
