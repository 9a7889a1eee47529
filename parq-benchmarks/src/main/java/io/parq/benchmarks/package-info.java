/**
 * What a step costs. A {@link io.parq.benchmarks.Case} is something to be timed, which checks its
 * own result; the {@code *Benchmark} classes hand cases to JMH, and {@link
 * io.parq.benchmarks.Bench} times them itself, interleaved with what they are compared to, for
 * {@code parq bench}.
 */
@NullMarked
package io.parq.benchmarks;

import org.jspecify.annotations.NullMarked;
