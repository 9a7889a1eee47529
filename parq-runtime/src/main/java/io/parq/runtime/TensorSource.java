package io.parq.runtime;

import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tensors of a model, whatever they are stored in, under the names that they have there. */
interface TensorSource extends AutoCloseable {
  Set<String> names();

  long[] shape(String name) throws IOException;

  /** Codes and lattice of a tensor that is kept quantized, otherwise null. */
  @Nullable QuantizedTensor quantized(String name) throws IOException;

  /** Floats of any other; valid until this is closed. */
  TensorData plain(String name) throws IOException;

  @Override
  void close() throws IOException;
}
