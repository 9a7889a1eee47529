/** All formats by name. */
@NullMarked
package io.parq.export.formats;

import org.jspecify.annotations.NullMarked;
