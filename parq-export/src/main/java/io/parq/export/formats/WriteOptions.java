package io.parq.export.formats;

import io.parq.export.FolderWriter;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import org.jspecify.annotations.Nullable;

/**
 * What a caller may choose about a format.
 *
 * @param activations how the runtime rounds the inputs of linear layers, or null for not at all
 * @param dtype type of weights that are stored as floats
 * @param maxShardBytes bytes of data in a file of weights, at least 1
 * @param accuracyLevel ONNX's: 0 for float activations, 4 for 8-bit ones
 */
public record WriteOptions(
    @Nullable ActivationQuantization activations,
    DType dtype,
    long maxShardBytes,
    int accuracyLevel) {
  /** Nothing special. */
  public static final WriteOptions DEFAULT =
      new WriteOptions(null, DType.F32, FolderWriter.SHARD_BYTES, 0);

  /**
   * {@return this with activations rounded}
   *
   * @param other how, or null for not at all
   */
  public WriteOptions withActivations(@Nullable ActivationQuantization other) {
    return new WriteOptions(other, dtype, maxShardBytes, accuracyLevel);
  }

  /**
   * {@return this with another type of floats}
   *
   * @param other the type
   */
  public WriteOptions withDtype(DType other) {
    return new WriteOptions(activations, other, maxShardBytes, accuracyLevel);
  }

  /**
   * {@return this with files of another size}
   *
   * @param bytes bytes of data in a file of weights, at least 1
   */
  public WriteOptions withMaxShardBytes(long bytes) {
    return new WriteOptions(activations, dtype, bytes, accuracyLevel);
  }

  /**
   * {@return this with another accuracy level}
   *
   * @param level 0 or 4
   */
  public WriteOptions withAccuracyLevel(int level) {
    return new WriteOptions(activations, dtype, maxShardBytes, level);
  }
}
