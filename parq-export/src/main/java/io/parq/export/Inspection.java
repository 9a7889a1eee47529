package io.parq.export;

import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a safetensors file holds, packed or not.
 *
 * @param files the files it is made of, an index first
 * @param packed whether it is of the {@link ParqFile packed format}
 * @param metadata plain values, without those of the packed format
 * @param tensors its tensors: the quantized ones, then the others in the file's order
 */
public record Inspection(
    List<Path> files, boolean packed, Map<String, String> metadata, List<Tensor> tensors) {

  /**
   * A tensor; a quantized one is a single tensor here, whatever its parts.
   *
   * @param name its name
   * @param dtype the element type as the file spells it, {@code packed} for a quantized tensor
   * @param shape its dimensions
   * @param bytes bytes of all its parts
   * @param fp32Bytes bytes it would take with floats in single precision; {@code bytes} if it is
   *     not of floats
   * @param quantization what its lattice is like, or null if it is not quantized
   */
  public record Tensor(
      String name,
      String dtype,
      List<Long> shape,
      long bytes,
      long fp32Bytes,
      @Nullable Quantization quantization) {

    /** {@return bits an element takes, its share of scales included; 0 if there is none} */
    public double bitsPerWeight() {
      long elements = shape.stream().reduce(1L, (a, b) -> a * b);
      return elements == 0 ? 0 : 8.0 * bytes / elements;
    }
  }

  /**
   * What a lattice is like.
   *
   * @param config grid, granularity, scale type
   * @param minScale the smallest scale
   * @param maxScale the largest scale
   * @param histogram how many elements each level has, lowest level first
   */
  public record Quantization(
      QuantConfig config, float minScale, float maxScale, List<Long> histogram) {}

  /**
   * Inspects a file. Quantized tensors are unpacked one at a time.
   *
   * @param path a file, index or folder as for {@link SafetensorsReader#open}
   * @return what it holds
   * @throws IOException if it cannot be read or is not valid
   */
  public static Inspection of(Path path) throws IOException {
    try (SafetensorsReader reader = SafetensorsReader.open(path)) {
      if (!ParqFile.isPacked(reader)) {
        List<Tensor> tensors = reader.tensors().stream().map(Inspection::plain).toList();
        return new Inspection(List.copyOf(reader.files()), false, reader.metadata(), tensors);
      }
      ParqFile file = new ParqFile(reader);
      List<Tensor> tensors = new ArrayList<>();
      for (String name : file.quantizedNames()) {
        tensors.add(quantized(file, name));
      }
      for (TensorInfo info : reader.tensors()) {
        if (file.otherNames().contains(info.name())) {
          tensors.add(plain(info));
        }
      }
      return new Inspection(
          List.copyOf(reader.files()), true, file.metadata(), List.copyOf(tensors));
    }
  }

  /** {@return the bytes of all tensors} */
  public long bytes() {
    return tensors.stream().mapToLong(Tensor::bytes).sum();
  }

  /** {@return the bytes of all tensors with floats in single precision} */
  public long fp32Bytes() {
    return tensors.stream().mapToLong(Tensor::fp32Bytes).sum();
  }

  private static Tensor plain(TensorInfo info) {
    DType dtype = info.dtype();
    boolean floats = dtype != null && dtype.isFloat();
    return new Tensor(
        info.name(),
        info.dtypeName(),
        dimensions(info.shape()),
        info.byteSize(),
        floats ? 4 * info.elements() : info.byteSize(),
        null);
  }

  private static Tensor quantized(ParqFile file, String name) throws IOException {
    PackedTensor packed = file.packed(name);
    QuantizedTensor tensor = file.quantized(name);
    float min = Float.POSITIVE_INFINITY;
    float max = Float.NEGATIVE_INFINITY;
    for (float scale : tensor.lattice().scales()) {
      min = Math.min(min, scale);
      max = Math.max(max, scale);
    }
    Quantization quantization = new Quantization(packed.config(), min, max, histogram(tensor));
    return new Tensor(
        name,
        "packed",
        dimensions(packed.shape()),
        packed.byteSize(),
        4 * TensorData.elements(packed.shape()),
        quantization);
  }

  private static List<Long> histogram(QuantizedTensor tensor) {
    int min = tensor.lattice().grid().minCode();
    long[] counts = new long[tensor.lattice().grid().levelCount()];
    MemorySegment codes = tensor.codes();
    for (long i = 0; i < codes.byteSize(); i++) {
      counts[codes.get(ValueLayout.JAVA_BYTE, i) - min]++;
    }
    return Arrays.stream(counts).boxed().toList();
  }

  private static List<Long> dimensions(long[] shape) {
    return Arrays.stream(shape).boxed().toList();
  }
}
