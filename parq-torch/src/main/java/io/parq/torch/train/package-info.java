/**
 * Training and judging of language models: token data and batches, the training loop with
 * checkpoints and metrics, perplexity and multiple choice, and generation.
 *
 * <p>Models are seen as functions from token ids to logits ({@link
 * io.parq.torch.train.LanguageModel}); quantization happens in the optimizer, so nothing here knows
 * of it.
 */
@NullMarked
package io.parq.torch.train;

import org.jspecify.annotations.NullMarked;
