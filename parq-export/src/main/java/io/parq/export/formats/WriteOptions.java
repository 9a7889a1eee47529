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
 */
public record WriteOptions(
    @Nullable ActivationQuantization activations, DType dtype, long maxShardBytes) {
  /** Nothing special. */
  public static final WriteOptions DEFAULT =
      new WriteOptions(null, DType.F32, FolderWriter.SHARD_BYTES);

  /**
   * {@return this with activations rounded}
   *
   * @param other how, or null for not at all
   */
  public WriteOptions withActivations(@Nullable ActivationQuantization other) {
    return new WriteOptions(other, dtype, maxShardBytes);
  }

  /**
   * {@return this with another type of floats}
   *
   * @param other the type
   */
  public WriteOptions withDtype(DType other) {
    return new WriteOptions(activations, other, maxShardBytes);
  }

  /**
   * {@return this with files of another size}
   *
   * @param bytes bytes of data in a file of weights, at least 1
   */
  public WriteOptions withMaxShardBytes(long bytes) {
    return new WriteOptions(activations, dtype, bytes);
  }
}
