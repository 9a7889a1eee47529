/** The {@code parq} command. */
@NullMarked
package io.parq.cli;

import org.jspecify.annotations.NullMarked;
