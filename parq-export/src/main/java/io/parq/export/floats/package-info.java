/** Hugging Face folders whose weights are floats that lie on their levels. */
@NullMarked
package io.parq.export.floats;

import org.jspecify.annotations.NullMarked;
