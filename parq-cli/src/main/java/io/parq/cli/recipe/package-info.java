/**
 * Recipes: what {@code parq train} is told to do, read from YAML and checked before anything runs.
 */
@NullMarked
package io.parq.cli.recipe;

import org.jspecify.annotations.NullMarked;
