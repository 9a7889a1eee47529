/** Small programs that show the libraries at work; the tests run them all. */
@NullMarked
package io.parq.samples;

import org.jspecify.annotations.NullMarked;
