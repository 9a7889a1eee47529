package io.parq.optim;

import io.parq.grids.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;

/** One moment of all parameters, chunk by chunk, and its saved form. */
final class Moment {
  private final String name;
  private final Moments precision;
  private final ChunkPlan plan;

  /** By chunk. */
  private final MomentPart[] parts;

  /**
   * A moment that is zero.
   *
   * @param name its name in a saved state; averages of squares end in "sq"
   */
  Moment(String name, Moments precision, ChunkPlan plan, List<Parameter> parameters) {
    this.name = name;
    this.precision = precision;
    this.plan = plan;
    this.parts = new MomentPart[plan.chunks().size()];
    for (int slot = 0; slot < parameters.size(); slot++) {
      Moments own = precision(slot, parameters.get(slot).size());
      for (Chunk chunk : plan.chunks(slot)) {
        parts[chunk.index()] = part(own, chunk.length());
      }
    }
  }

  private Moments precision(int slot, long size) {
    boolean fits =
        size >= Moments.LEAST_ELEMENTS
            && (precision != Moments.BLOCKWISE_8BIT || plan.isAligned(slot));
    return fits ? precision : Moments.FP32;
  }

  private MomentPart part(Moments own, int length) {
    return switch (own) {
      case FP32 -> new MomentPart.Single(length);
      case BF16 -> new MomentPart.Bf16(length);
      case BLOCKWISE_8BIT ->
          new MomentPart.Blockwise(
              length, name.endsWith("sq") ? DynamicMap.UNSIGNED : DynamicMap.SIGNED);
    };
  }

  MomentPart part(Chunk chunk) {
    return parts[chunk.index()];
  }

  void write(StateWriter writer, int slot, Parameter parameter) {
    Moments own = precision(slot, parameter.size());
    writer.tensor(
        key(parameter),
        Stored.view(dtype(own), parameter.shape(), memory(slot, MomentPart::elements)));
    if (own == Moments.BLOCKWISE_8BIT) {
      long[] blocks = {Math.ceilDiv(parameter.size(), Moments.BLOCK)};
      writer.tensor(
          scaleKey(parameter),
          Stored.view(DType.F32, blocks, memory(slot, MomentPart::scaleMemory)));
    }
  }

  void read(StateReader reader, int slot, Parameter parameter) {
    Moments own = precision(slot, parameter.size());
    reader.tensor(
        key(parameter),
        dtype(own),
        parameter.shape(),
        saved -> Stored.fill(saved, memory(slot, MomentPart::elements)));
    if (own == Moments.BLOCKWISE_8BIT) {
      long[] blocks = {Math.ceilDiv(parameter.size(), Moments.BLOCK)};
      reader.tensor(
          scaleKey(parameter),
          DType.F32,
          blocks,
          saved -> Stored.fill(saved, memory(slot, MomentPart::scaleMemory)));
    }
  }

  private List<MemorySegment> memory(int slot, Function<MomentPart, MemorySegment> what) {
    return plan.chunks(slot).stream().map(this::part).map(what).toList();
  }

  private static DType dtype(Moments precision) {
    return switch (precision) {
      case FP32 -> DType.F32;
      case BF16 -> DType.BF16;
      case BLOCKWISE_8BIT -> DType.U8;
    };
  }

  private String key(Parameter parameter) {
    return name + "/" + parameter.name();
  }

  private String scaleKey(Parameter parameter) {
    return name + "_scale/" + parameter.name();
  }
}
