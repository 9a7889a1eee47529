package io.parq.samples.names;

import java.util.List;
import java.util.Map;

/**
 * All that the demo found out.
 *
 * @param options what was asked for
 * @param names the text
 * @param results the scores
 * @param generated some names from each model, by its label
 * @param speeds how fast models generate
 * @param verified what was compared, a line for each packed file
 * @param stepsPerSecond training steps a second, over all models
 */
record Findings(
    NamesDemo.Options options,
    UnicodeNames names,
    Results results,
    Map<String, List<String>> generated,
    List<Speed> speeds,
    List<String> verified,
    double stepsPerSecond) {}
