package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.BlockLayout;
import io.parq.grids.DType;
import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The parts of a packed tensor: which there are, and a lattice to and from them. */
final class PackedParts {
  static final String CODES = "codes";
  private static final String SCALES = "scales";
  private static final String ZERO_POINTS = "zero_points";
  private static final String OFFSETS = "offsets";
  private static final String TENSOR_SCALE = "tensor_scale";

  private PackedParts() {}

  /**
   * Lists the parts of a tensor that is to be packed.
   *
   * @throws IllegalArgumentException if shape and granularity do not fit
   */
  static List<TensorInfo> declare(QuantConfig config, long... shape) {
    BlockLayout layout = BlockLayout.of(shape, config.granularity());
    Grid grid = config.grid();
    boolean oneBlock = config.granularity() instanceof Granularity.PerTensor;
    long rows = oneBlock ? 1 : layout.rows();
    long[] blocks = {rows, layout.blocks() / rows};
    List<TensorInfo> parts = new ArrayList<>();
    long rowBytes = Packing.of(grid).rowBytes(layout.columns());
    parts.add(TensorInfo.of(CODES, DType.U8, layout.rows(), rowBytes));
    int scales = grid.scalesPerBlock();
    long[] scaleShape = scales == 1 ? blocks : new long[] {blocks[0], blocks[1], scales};
    parts.add(TensorInfo.of(SCALES, config.scaleType().dtype(), scaleShape));
    if (grid.hasZeroPoint()) {
      parts.add(TensorInfo.of(ZERO_POINTS, DType.F32, blocks));
    }
    if (grid.hasOffset()) {
      parts.add(TensorInfo.of(OFFSETS, DType.F32, blocks));
    }
    if (config.scaleType() == ScaleType.E4M3) {
      parts.add(TensorInfo.of(TENSOR_SCALE, DType.F32, 1));
    }
    return parts;
  }

  /** Checks that there are all parts and no others. */
  static void check(QuantConfig config, long[] shape, Map<String, TensorData> parts) {
    List<TensorInfo> declared = declare(config, shape);
    for (TensorInfo expected : declared) {
      TensorData found = parts.get(expected.name());
      if (found == null
          || found.dtype() != expected.dtype()
          || !Arrays.equals(found.shape(), expected.shape())) {
        throw new IllegalArgumentException(
            "part %s: found %s, expected %s%s"
                .formatted(
                    expected.name(),
                    found == null ? "none" : found,
                    expected.dtypeName(),
                    Arrays.toString(expected.shape())));
      }
    }
    if (parts.size() != declared.size()) {
      throw new IllegalArgumentException(
          "parts %s, expected %d of them".formatted(parts.keySet(), declared.size()));
    }
  }

  /**
   * Encodes a lattice: all parts but the codes.
   *
   * @throws IllegalArgumentException if a scale is not exactly a value of its type
   */
  static Map<String, TensorData> encode(Lattice lattice) {
    Map<String, TensorData> parts = new LinkedHashMap<>();
    for (TensorInfo part : declare(lattice.config(), lattice.shape())) {
      if (part.name().equals(CODES)) {
        continue;
      }
      MemorySegment data =
          switch (part.name()) {
            case SCALES -> scales(lattice);
            case ZERO_POINTS -> copy(lattice.zeroPoints());
            case OFFSETS -> copy(lattice.offsets());
            default -> copy(new float[] {lattice.tensorScale()});
          };
      DType type = Objects.requireNonNull(part.dtype());
      parts.put(part.name(), new TensorData(type, part.shape(), data));
    }
    checkEqual(lattice, decode(lattice.config(), lattice.shape(), parts));
    return parts;
  }

  private static MemorySegment copy(float @Nullable [] values) {
    return MemorySegment.ofArray(values == null ? new float[0] : values.clone());
  }

  private static MemorySegment scales(Lattice lattice) {
    float[] scales = lattice.scales();
    ScaleType type = lattice.scaleType();
    return switch (type) {
      case FP32 -> copy(scales);
      case BF16, FP16 -> {
        short[] shorts = new short[scales.length];
        for (int i = 0; i < scales.length; i++) {
          shorts[i] =
              type == ScaleType.BF16
                  ? SmallFloat.toBf16(scales[i])
                  : Float.floatToFloat16(scales[i]);
        }
        yield MemorySegment.ofArray(shorts);
      }
      case E8M0, E4M3 -> {
        byte[] bytes = new byte[scales.length];
        for (int i = 0; i < scales.length; i++) {
          bytes[i] =
              type == ScaleType.E8M0
                  ? SmallFloat.toE8m0(scales[i])
                  : SmallFloat.toE4m3(scales[i] / lattice.tensorScale());
        }
        yield MemorySegment.ofArray(bytes);
      }
    };
  }

  /** Decodes a lattice. */
  static Lattice decode(QuantConfig config, long[] shape, Map<String, TensorData> parts) {
    Map<String, TensorData> state = new LinkedHashMap<>();
    parts.forEach(
        (name, part) -> {
          if (!name.equals(CODES)) {
            state.put(name, TensorData.of(part.toFloats(), part.shape()));
          }
        });
    TensorData tensorScale =
        state.computeIfAbsent(TENSOR_SCALE, _ -> TensorData.of(new float[] {1f}, 1));
    if (config.scaleType() == ScaleType.E4M3) {
      state.computeIfPresent(SCALES, (_, scales) -> times(scales, tensorScale.toFloats()[0]));
    }
    Lattice lattice = Lattice.unfitted(config, shape);
    lattice.load(new NamedTensors(state, Map.of("config", config.toString())));
    state.forEach((name, part) -> checkFinite(name, part.toFloats(), lattice.layout().blocks()));
    return lattice;
  }

  private static TensorData times(TensorData scales, float factor) {
    float[] values = scales.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
    return TensorData.of(values, scales.shape());
  }

  private static void checkFinite(String name, float[] values, int blocks) {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw new IllegalArgumentException(
            "block %d: %s %s, expected finite"
                .formatted((long) i * blocks / values.length, name, values[i]));
      }
    }
  }

  /** Checks that a decoded lattice has the same values, bit for bit. */
  private static void checkEqual(Lattice expected, Lattice found) {
    Map<String, TensorData> decoded = found.state().tensors();
    expected
        .state()
        .tensors()
        .forEach(
            (name, tensor) -> {
              TensorData other = decoded.get(name);
              long difference = other == null ? 0 : tensor.data().mismatch(other.data());
              if (difference >= 0) {
                int i = (int) (difference / Float.BYTES);
                throw new IllegalArgumentException(
                    "block %d: %s %s is not exact as %s, which gives %s"
                        .formatted(
                            (long) i * expected.layout().blocks() / tensor.elements(),
                            name,
                            tensor.toFloats()[i],
                            expected.scaleType(),
                            other == null ? "none" : other.toFloats()[i]));
              }
            });
  }
}
