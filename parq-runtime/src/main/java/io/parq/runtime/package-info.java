/**
 * Runs decoders on the CPU: packed matrices, a cache of keys and values, and text generation.
 * {@link io.parq.runtime.LanguageModel} is the entry.
 */
@NullMarked
package io.parq.runtime;

import org.jspecify.annotations.NullMarked;
