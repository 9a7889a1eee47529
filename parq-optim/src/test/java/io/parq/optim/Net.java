package io.parq.optim;

import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A pretended model: parameters of several shapes, and gradients that depend on the weights. */
final class Net {
  enum Memory {
    HEAP,
    /** The middle of a longer array. */
    HEAP_SLICE,
    NATIVE,
    MAPPED
  }

  /** More than a chunk, and not a multiple of one. */
  static final long[] LARGE = {21, 2048};

  final List<Parameter> parameters = new ArrayList<>();
  private final Memory memory;
  private final Random weights = new Random(7);
  private final Random noise = new Random(8);

  Net() {
    this(Memory.HEAP);
  }

  Net(Memory memory) {
    this.memory = memory;
    add("embed.weight", Parameter.Kind.EMBEDDING, 5, 32);
    add("layers.0.weight", Parameter.Kind.LINEAR, 6, 64);
    add("layers.0.bias", Parameter.Kind.BIAS, 6);
    add("layers.1.weight", Parameter.Kind.LINEAR, LARGE);
    add("conv.weight", Parameter.Kind.CONVOLUTION, 4, 3, 2, 2);
    add("norm.weight", Parameter.Kind.NORM, 7);
  }

  private void add(String name, Parameter.Kind kind, long... shape) {
    long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    Parameter parameter =
        new Parameter(name, kind, shape, allocate(memory, size), allocate(memory, size));
    for (long i = 0; i < size; i++) {
      float w = (float) weights.nextGaussian();
      parameter.weights().setAtIndex(ValueLayout.JAVA_FLOAT, i, w);
    }
    parameters.add(parameter);
  }

  static MemorySegment allocate(Memory memory, long size) {
    return switch (memory) {
      case HEAP -> MemorySegment.ofArray(new float[(int) size]);
      case HEAP_SLICE -> MemorySegment.ofArray(new float[(int) size + 8]).asSlice(4 * 3, 4 * size);
      case NATIVE -> Arena.ofAuto().allocate(4 * size, 4);
      case MAPPED -> map(4 * size);
    };
  }

  private static MemorySegment map(long bytes) {
    try {
      Path file = Files.createTempFile("parq", ".bin");
      file.toFile().deleteOnExit();
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, Arena.ofAuto());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Linear layers and embeddings and convolutions quantized each in its own way. */
  List<ParamGroup> groups(QuantConfig linear, QuantConfig embedding, QuantConfig convolution) {
    return ParamGroup.assign(
        parameters,
        Map.of(
            ParameterFilter.linear(),
            linear,
            ParameterFilter.embedding(),
            embedding,
            ParameterFilter.kind(Parameter.Kind.CONVOLUTION),
            convolution));
  }

  List<ParamGroup> groups() {
    return groups(
        QuantConfig.parse("stretched:2 per-row fp32"),
        QuantConfig.parse("symmetric:4 group:16 fp32"),
        QuantConfig.parse("ternary per-tensor bf16"));
  }

  Parameter parameter(String name) {
    return parameters.stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
  }

  /** Something that depends on the weights and on chance. */
  void fillGradients() {
    for (Parameter parameter : parameters) {
      for (long i = 0; i < parameter.size(); i++) {
        float w = parameter.weights().getAtIndex(ValueLayout.JAVA_FLOAT, i);
        float g = 0.1f * w + 0.3f * (float) noise.nextGaussian();
        parameter.gradient().setAtIndex(ValueLayout.JAVA_FLOAT, i, g);
      }
    }
  }

  void train(Optimizer optimizer, int steps) {
    for (int i = 0; i < steps; i++) {
      fillGradients();
      optimizer.step();
    }
  }

  /** Skips the noise of some steps. */
  void forget(int steps) {
    long numbers = parameters.stream().mapToLong(Parameter::size).sum();
    for (long i = 0; i < steps * numbers; i++) {
      noise.nextGaussian();
    }
  }

  static float[] floats(MemorySegment memory) {
    return memory.toArray(ValueLayout.JAVA_FLOAT);
  }

  /** All weights, as bits. */
  Map<String, List<Integer>> bits() {
    Map<String, List<Integer>> bits = new LinkedHashMap<>();
    for (Parameter parameter : parameters) {
      int[] ints = parameter.weights().toArray(ValueLayout.JAVA_INT);
      bits.put(parameter.name(), Arrays.stream(ints).boxed().toList());
    }
    return bits;
  }
}
