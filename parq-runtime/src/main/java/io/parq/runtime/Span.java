package io.parq.runtime;

/**
 * Neighbouring tokens of one sequence among all that go through a layer together.
 *
 * @param from index of the first among all
 * @param count how many there are
 * @param cache of their sequence; they follow what it holds
 * @param rotation for their positions
 */
record Span(int from, int count, KeyValueCache cache, Rotation rotation) {}
