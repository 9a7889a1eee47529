/** A language model of the names of the Unicode characters, at 2 to 4 bits. */
@NullMarked
package io.parq.samples.names;

import org.jspecify.annotations.NullMarked;
