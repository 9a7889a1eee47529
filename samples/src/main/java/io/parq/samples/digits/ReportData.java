package io.parq.samples.digits;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What the page's script draws, as JSON. */
final class ReportData {
  /** Images shown of each digit. */
  private static final int EXAMPLES = 2;

  private final Findings findings;
  private final Digits digits;

  private ReportData(Findings findings, Digits digits) {
    this.findings = findings;
    this.digits = digits;
  }

  /** Accuracies in percent. */
  private record Series(double mean, double deviation, List<Double> seeds) {}

  /** One image, and what the rounded and the trained networks read in it, by width. */
  private record Example(int digit, List<Integer> pixels, List<Integer> ptq, List<Integer> parq) {}

  /** How the weights of one network gather; lengths in scales. */
  private record Gathering(
      List<Double> levels, double start, int binsPerScale, List<WeightHistory.Frame> frames) {}

  /** {@return the data, safe inside a script element} */
  static String json(Findings findings, Digits digits) {
    ReportData data = new ReportData(findings, digits);
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("widths", Arrays.stream(Width.values()).map(Width::label).toList());
    all.put("base", data.series(null, Method.BASE));
    all.put("control", data.series(null, Method.CONTROL));
    for (Method method : List.of(Method.PTQ, Method.STRAIGHT_THROUGH, Method.PARQ)) {
      all.put(
          method.label(),
          Arrays.stream(Width.values()).map(width -> data.series(width, method)).toList());
    }
    all.put("gathering", Arrays.stream(Width.values()).map(data::gathering).toList());
    all.put("examples", data.examples());
    try {
      return new ObjectMapper().writeValueAsString(all).replace("</", "<\\/");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private Series series(@Nullable Width width, Method method) {
    Results results = findings.results();
    return new Series(
        results.mean(width, method),
        results.deviation(width, method),
        Arrays.stream(results.accuracies(width, method)).boxed().toList());
  }

  private Gathering gathering(Width width) {
    WeightHistory history = findings.first().history(width);
    return new Gathering(
        history.levels(), history.start(), history.binsPerScale(), history.frames());
  }

  /** The first test images of each digit. */
  private List<Example> examples() {
    int[] test = findings.first().split().test();
    int[] labels = digits.labels(test);
    List<Example> examples = new ArrayList<>();
    for (int digit = 0; digit < Digits.CLASSES; digit++) {
      int wanted = digit;
      IntStream.range(0, test.length)
          .filter(place -> labels[place] == wanted)
          .limit(EXAMPLES)
          .forEach(place -> examples.add(example(test[place], place)));
    }
    return examples;
  }

  private Example example(int image, int place) {
    List<Integer> pixels = new ArrayList<>();
    for (float input : digits.inputs(image)) {
      pixels.add(Math.round((input + 1) * 8));
    }
    return new Example(
        digits.labels(image)[0], pixels, readings(place, Method.PTQ), readings(place, Method.PARQ));
  }

  private List<Integer> readings(int place, Method method) {
    return Arrays.stream(Width.values())
        .map(width -> findings.first().predictions(width, method)[place])
        .toList();
  }
}
