package io.parq.samples.names;

import org.jspecify.annotations.Nullable;

/**
 * How well a model predicts the names that are held out.
 *
 * @param width of its weights, null for single precision
 * @param method how it came to them
 * @param bits bits that a character takes
 * @param bytes the model's packed weights, scales and all
 */
record Score(@Nullable Width width, Method method, double bits, long bytes) {}
