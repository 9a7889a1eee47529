/**
 * Handwritten digits, read by a small network whose weights are rounded to 1 to 4 bits: after
 * training, and while training. {@link io.parq.samples.digits.DigitsDemo} is the entry.
 */
@NullMarked
package io.parq.samples.digits;

import org.jspecify.annotations.NullMarked;
