package io.parq.export;

import io.parq.grids.BlockLayout;
import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A quantized tensor as bytes: packed codes, scales in their scale type, and what else its grid
 * has.
 *
 * <p>With {@code rows x columns} as {@link BlockLayout} sees the tensor and {@code B} blocks in a
 * row (for per-tensor granularity: rows 1, B 1), the parts are
 *
 * <pre>
 * codes         U8          [rows, bytes of a row]   see {@link Packing}
 * scales        scale type  [rows, B]                with S scales a block (LSBQ): [rows, B, S]
 * zero_points   F32         [rows, B]                if the grid has zero points
 * offsets       F32         [rows, B]                if the grid has offsets
 * tensor_scale  F32         [1]                      if the scale type is e4m3
 * </pre>
 *
 * where the codes' rows are always the tensor's own. Zero points are whole numbers, kept as floats
 * because that is what the lattice computes with. An e4m3 scale counts times the tensor scale.
 */
public final class PackedTensor {
  private static final long MAX_HEAP_BYTES = 1L << 30;

  private final QuantConfig config;
  private final long[] shape;
  private final Map<String, TensorData> parts;

  private PackedTensor(QuantConfig config, long[] shape, Map<String, TensorData> parts) {
    this.config = config;
    this.shape = shape.clone();
    this.parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
  }

  /**
   * Packs a tensor, and unpacks it again to be sure that every code and every scale is the same.
   *
   * @param tensor the tensor; not modified, and not kept
   * @return the packed tensor
   * @throws IllegalArgumentException if a scale is not exactly a value of its scale type; the
   *     message gives the block
   */
  public static PackedTensor pack(QuantizedTensor tensor) {
    Lattice lattice = tensor.lattice();
    BlockLayout layout = lattice.layout();
    Packing packing = Packing.of(lattice.grid());
    long bytes = Math.multiplyExact(layout.rows(), packing.rowBytes(layout.columns()));
    MemorySegment codes = allocate(bytes);
    packing.pack(tensor.codes(), layout.rows(), layout.columns(), codes);
    Map<String, TensorData> parts = new LinkedHashMap<>();
    parts.put(
        PackedParts.CODES,
        new TensorData(DType.U8, new long[] {layout.rows(), bytes / layout.rows()}, codes));
    parts.putAll(PackedParts.encode(lattice));
    PackedTensor packed = new PackedTensor(lattice.config(), lattice.shape(), parts);
    long difference = packed.unpack().codes().mismatch(tensor.codes());
    if (difference >= 0) {
      throw new IllegalStateException("packing changed the code at index " + difference);
    }
    return packed;
  }

  /**
   * Puts a tensor together from its parts.
   *
   * @param config grid, granularity, scale type
   * @param shape the tensor's dimensions, 1 to 4 of them; copied
   * @param parts the parts by name, of the types and shapes given above; kept, not copied
   * @return the packed tensor
   * @throws IllegalArgumentException if shape and granularity do not fit, or a part is missing,
   *     unknown, or of another type or shape
   */
  public static PackedTensor of(QuantConfig config, long[] shape, Map<String, TensorData> parts) {
    PackedParts.check(config, shape, parts);
    return new PackedTensor(config, shape, parts);
  }

  /**
   * Unpacks codes and scales.
   *
   * @return the tensor, in memory of its own
   * @throws IllegalArgumentException if a scale or zero point is not finite, a code is not the
   *     grid's, or a row is not filled up with zeros, as can be in a damaged file
   */
  public QuantizedTensor unpack() {
    Lattice lattice = lattice();
    BlockLayout layout = lattice.layout();
    MemorySegment codes = allocate(layout.size());
    Packing.of(config.grid())
        .unpack(part(PackedParts.CODES).data(), layout.rows(), layout.columns(), codes);
    return new QuantizedTensor(lattice, codes);
  }

  /**
   * Prepares to unpack it piece by piece.
   *
   * @throws IllegalArgumentException if a scale or zero point is not finite
   */
  PackedCodes codes() {
    return new PackedCodes(lattice(), part(PackedParts.CODES).data());
  }

  /**
   * Decodes the lattice without the codes.
   *
   * @return a new lattice
   * @throws IllegalArgumentException if a scale or zero point is not finite
   */
  public Lattice lattice() {
    return PackedParts.decode(config, shape, parts);
  }

  private static MemorySegment allocate(long bytes) {
    return bytes <= MAX_HEAP_BYTES
        ? MemorySegment.ofArray(new byte[(int) bytes])
        : Arena.ofAuto().allocate(bytes);
  }

  private TensorData part(String name) {
    TensorData part = parts.get(name);
    if (part == null) {
      throw new IllegalStateException("no part " + name);
    }
    return part;
  }

  /** {@return grid, granularity, scale type} */
  public QuantConfig config() {
    return config;
  }

  /** {@return the tensor's dimensions, a copy} */
  public long[] shape() {
    return shape.clone();
  }

  /** {@return the parts by name: codes, scales, and what else the configuration asks for} */
  public Map<String, TensorData> parts() {
    return parts;
  }

  /** {@return the bytes of all parts} */
  public long byteSize() {
    return parts.values().stream().mapToLong(part -> part.data().byteSize()).sum();
  }

  /** {@return bits an element takes, its share of scales included} */
  public double bitsPerWeight() {
    return 8.0 * byteSize() / TensorData.elements(shape);
  }
}
