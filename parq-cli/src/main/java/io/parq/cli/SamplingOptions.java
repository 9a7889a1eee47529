package io.parq.cli;

import io.parq.export.text.Generation;
import io.parq.export.text.Sampling;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** How commands that generate choose tokens. */
final class SamplingOptions {
  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "0.8",
      description = "0 takes the most likely token (default: ${DEFAULT-VALUE})")
  private double temperature = 0.8;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "draw from the K most likely tokens only (default: 0, from all)")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1.0",
      description =
          "draw from the most likely tokens of this probability together (default: 1, from all)")
  private double topP = 1;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      defaultValue = "0.0",
      description =
          "draw from tokens at least P times as likely as the most likely one only (default: 0, from"
              + " all)")
  private double minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "F",
      defaultValue = "1.0",
      description = "above 1: make tokens that are there already less likely (default: 1)")
  private double repetitionPenalty = 1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "of the draws (default: ${DEFAULT-VALUE})")
  private long seed = 1;

  @Option(names = "--stop", paramLabel = "TEXT", description = "ends the text; may be repeated")
  private List<String> stops = new ArrayList<>();

  Generation generation(int maxTokens) {
    Sampling sampling = new Sampling(temperature, topK, topP, minP, repetitionPenalty, seed);
    return new Generation(maxTokens, sampling, stops);
  }
}
