package io.parq.samples.names;

/**
 * How fast a model generates without LibTorch.
 *
 * @param label its weights
 * @param bits bits that a character takes
 * @param bytes memory that its matrices take
 * @param tokensPerSecond one after the other, in one text
 */
record Speed(String label, double bits, long bytes, double tokensPerSecond) {}
