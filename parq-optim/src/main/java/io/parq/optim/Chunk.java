package io.parq.optim;

/**
 * A run of one tensor's elements that is processed at a time: whole blocks, or a part of one.
 *
 * @param index number among all chunks of an optimizer
 * @param slot which tensor
 * @param start its first element
 * @param length number of elements
 * @param block the block of the first element
 */
record Chunk(int index, int slot, long start, int length, int block) {}
