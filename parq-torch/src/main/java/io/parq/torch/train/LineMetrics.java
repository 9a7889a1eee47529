package io.parq.torch.train;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Metrics as CSV or JSONL. */
final class LineMetrics extends Metrics {
  /** How a line is written. */
  enum Format {
    CSV("^(\\d+),"),
    JSONL("^\\{\"step\":(\\d+)[,}]");

    /** Finds the step in a line. */
    private final Pattern step;

    Format(String step) {
      this.step = Pattern.compile(step);
    }

    String line(long number, Map<String, Double> values) {
      if (this == CSV) {
        StringJoiner line = new StringJoiner(",");
        line.add(Long.toString(number));
        NAMES.forEach(name -> line.add(number(values.get(name))));
        return line.toString();
      }
      StringJoiner line = new StringJoiner(",", "{", "}");
      line.add("\"step\":" + number);
      values.forEach(
          (name, value) ->
              line.add(
                  "\"%s\":%s".formatted(name, Double.isFinite(value) ? number(value) : "null")));
      return line.toString();
    }

    /** Counts without a fraction, all else with all its digits. */
    private static String number(@Nullable Double value) {
      if (value == null) {
        return "";
      }
      boolean whole = value == Math.rint(value) && Math.abs(value) < 1e15;
      return whole ? Long.toString(value.longValue()) : value.toString();
    }
  }

  private final Path file;
  private final Format format;
  private @Nullable BufferedWriter writer;

  LineMetrics(Path file, Format format) {
    this.file = file;
    this.format = format;
  }

  @Override
  void write(long step, Map<String, Double> values) throws IOException {
    BufferedWriter open = writer == null ? begin(List.of()) : writer;
    line(open, format.line(step, values));
    open.flush();
  }

  @Override
  void continueAfter(long step) throws IOException {
    close();
    List<String> kept = new ArrayList<>();
    if (Files.exists(file)) {
      for (String line : Files.readAllLines(file)) {
        Matcher matcher = format.step.matcher(line);
        // Twenty digits are no step of ours.
        if (matcher.find()
            && matcher.group(1).length() < 19
            && Long.parseLong(matcher.group(1)) <= step) {
          kept.add(line);
        }
      }
    }
    begin(kept);
  }

  private BufferedWriter begin(List<String> lines) throws IOException {
    BufferedWriter opened = Files.newBufferedWriter(file);
    writer = opened;
    if (format == Format.CSV) {
      line(opened, "step," + String.join(",", NAMES));
    }
    for (String line : lines) {
      line(opened, line);
    }
    opened.flush();
    return opened;
  }

  /** Ends with a line feed on every system, so that equal runs give equal files. */
  private static void line(BufferedWriter to, String line) throws IOException {
    to.write(line);
    to.write('\n');
  }

  @Override
  public void close() {
    BufferedWriter open = writer;
    if (open != null) {
      unchecked(open::close);
      writer = null;
    }
  }
}
