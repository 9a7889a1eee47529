package io.parq.export;

import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model to be written in some format: tensors under Hugging Face's names, some of them quantized,
 * read one by one, also by several threads at a time. A tied head is not among them.
 */
public interface ModelSource extends AutoCloseable {
  /** {@return the folder with {@code config.json} and the tokenizer's files} */
  Path folder();

  /** {@return all tensors, with their logical shapes; a quantized one is of type F32} */
  List<TensorInfo> tensors();

  /**
   * {@return how a tensor is quantized, or null if it is not}
   *
   * @param name of the tensor
   */
  @Nullable QuantConfig config(String name);

  /**
   * Reads a quantized tensor.
   *
   * @param name of the tensor
   * @return codes and lattice as they were trained, in memory of their own
   * @throws IOException if it cannot be read
   */
  QuantizedTensor quantized(String name) throws IOException;

  /**
   * Prepares to read the codes of a quantized tensor.
   *
   * @param name of the tensor
   * @return codes and lattice as they were trained, valid until this is closed
   * @throws IOException if it cannot be read
   */
  default TensorCodes codes(String name) throws IOException {
    return TensorCodes.of(quantized(name));
  }

  /**
   * Views a tensor that is not quantized.
   *
   * @param name of the tensor
   * @return F32, BF16 or F16 values, valid until this is closed; not to be modified
   * @throws IOException if it cannot be read
   */
  TensorData plain(String name) throws IOException;

  /**
   * Prepares to read the values of a tensor.
   *
   * @param name of the tensor
   * @return its values, valid until this is closed
   * @throws IOException if it cannot be read
   */
  default TensorValues values(String name) throws IOException {
    return config(name) == null ? plain(name)::toFloats : codes(name);
  }

  @Override
  void close() throws IOException;
}
