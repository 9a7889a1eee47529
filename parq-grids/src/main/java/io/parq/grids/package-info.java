/**
 * Lattices: fit scales to a block of weights, round the weights to codes, turn codes back into
 * values.
 *
 * <p>A {@link io.parq.grids.Grid} says which values a block may take once its scale is known; a
 * {@link io.parq.grids.Lattice} is a grid with the fitted scales of one tensor, that is the very
 * values a deployed tensor may hold.
 */
@NullMarked
package io.parq.grids;

import org.jspecify.annotations.NullMarked;
