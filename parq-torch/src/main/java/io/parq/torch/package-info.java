/**
 * Models in LibTorch, read from and written to the folders that Hugging Face's libraries use, and
 * their tokenizers.
 *
 * <p>Native objects live until the {@code PointerScope} in which they were made is closed. What a
 * {@link io.parq.torch.CausalLm} is made of outlives every scope and goes with {@link
 * io.parq.torch.CausalLm#close}; everything else belongs to the caller's scope, one for each step:
 *
 * <pre>{@code
 * Torch.setThreads(2);
 * try (CausalLm model = CausalLm.load(folder)) {
 *   for (long[] batch : batches) {
 *     try (PointerScope step = new PointerScope()) {
 *       Tensor logits = model.forward(Tensor.create(batch, rows, batch.length / rows));
 *       ...
 *     }
 *   }
 * }
 * }</pre>
 */
@NullMarked
package io.parq.torch;

import org.jspecify.annotations.NullMarked;
