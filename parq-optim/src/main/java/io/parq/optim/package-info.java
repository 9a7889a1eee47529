/**
 * Quantization-aware training inside the optimizer: parameters and their groups, base optimizers,
 * proximal maps, and {@link io.parq.optim.QuantOptimizer}, which keeps full-precision latents,
 * updates them with the base optimizer and writes their quantized image into the weights.
 *
 * <p>An optimizer is used by one thread at a time; it spreads its own work over the threads that
 * the system property {@code io.parq.threads} allows (default: one for each processor). Results do
 * not depend on that number.
 */
@NullMarked
package io.parq.optim;

import org.jspecify.annotations.NullMarked;
