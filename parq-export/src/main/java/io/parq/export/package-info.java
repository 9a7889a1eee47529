/**
 * Export of quantized tensors: codes packed to bits, files that hold them, and what {@code parq
 * quantize} and {@code parq inspect} do with such files.
 *
 * <p>Nothing is refitted or quantized again at export: {@link io.parq.export.PackedTensor#pack}
 * stores codes and scales as they were trained and checks that they decode to the same bits.
 */
@NullMarked
package io.parq.export;

import org.jspecify.annotations.NullMarked;
