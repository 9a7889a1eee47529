/** Texts that models generate: what is asked for, how tokens are chosen, pieces as they come. */
@NullMarked
package io.parq.export.text;

import org.jspecify.annotations.NullMarked;
