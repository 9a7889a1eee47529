package io.parq.samples.digits;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * All that the demo found out.
 *
 * @param options what was asked for
 * @param results the scores of all seeds
 * @param first the first seed's networks, which are written to files
 * @param baseBytes bytes of the network in single precision
 * @param bytes bytes of the packed network by width
 */
record Findings(
    DigitsDemo.Options options,
    Results results,
    SeedRun.Outcome first,
    long baseBytes,
    Map<Width, Long> bytes) {

  static Findings of(DigitsDemo.Options options, List<SeedRun.Outcome> outcomes) {
    SeedRun.Outcome first = outcomes.getFirst();
    Map<Width, Long> bytes = new EnumMap<>(Width.class);
    first.parq().forEach((width, quantized) -> bytes.put(width, quantized.bytes()));
    List<Score> scores = outcomes.stream().flatMap(outcome -> outcome.scores().stream()).toList();
    return new Findings(options, new Results(scores), first, Quantized.bytes(first.base()), bytes);
  }

  /** How many times smaller than single precision the packed network is. */
  double smaller(Width width) {
    return (double) baseBytes / packedBytes(width);
  }

  long packedBytes(Width width) {
    Long packed = bytes.get(width);
    if (packed == null) {
      throw new IllegalStateException("no network of " + width.label());
    }
    return packed;
  }
}
