/**
 * Serves a model over HTTP, the way OpenAI's API does. {@link io.parq.serve.ParqServer} is the
 * entry.
 */
@NullMarked
package io.parq.serve;

import org.jspecify.annotations.NullMarked;
