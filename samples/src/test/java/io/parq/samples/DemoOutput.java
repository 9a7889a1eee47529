package io.parq.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What a demo prints and writes. */
public final class DemoOutput {
  /** What would load something, or is a place that was not filled. */
  private static final List<String> LOADS =
      List.of(
          "(?i)\\b(src|srcset|action|poster|background)\\s*=\\s*[\"']?\\s*(https?:)?//",
          "(?i)<link\\b(?![^>]*href=\"data:)",
          "(?i)<(script|img|iframe|object|embed)\\b[^>]*\\bsrc",
          "@import",
          "url\\(\\s*[\"']?(?!data:|#)",
          "sourceMappingURL",
          "\\bfetch\\(|XMLHttpRequest|WebSocket|EventSource|importScripts|\\bimport\\s*\\(",
          "\\{\\{\\w+}}");

  private DemoOutput() {}

  /** A demo with its options. */
  public interface Demo {
    /** Runs it. */
    void run(PrintStream out) throws IOException;
  }

  /** Runs a demo and returns what it prints. */
  public static String printed(Demo demo) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      demo.run(out);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** The names of the files in a folder, sorted. */
  public static List<String> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  /** Checks that a report is one page that loads nothing, with as many tables, all data finite. */
  public static void assertOnePage(String page, int tables) {
    for (String pattern : LOADS) {
      assertAbsent(pattern, page);
    }
    for (String tag : List.of("html", "head", "body", "main", "style")) {
      assertCount(1, tag, page);
    }
    assertCount(tables, "table", page);
    assertCount(3, "script", page);
    assertAbsent("NaN|Infinity\"", dataText(page));
  }

  private static void assertAbsent(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    assertFalse(
        matcher.find(),
        () -> "found '" + matcher.group() + "' at " + matcher.start() + " of the report");
  }

  private static void assertCount(int expected, String tag, String page) {
    for (String pattern : List.of("<" + tag + "\\b", "</" + tag + ">")) {
      assertEquals(expected, Pattern.compile(pattern).matcher(page).results().count(), pattern);
    }
  }

  /** What a report's script draws. */
  public static JsonNode data(String page) throws IOException {
    return new ObjectMapper().readTree(dataText(page));
  }

  private static String dataText(String page) {
    Matcher matcher =
        Pattern.compile("<script type=\"application/json\" id=\"data\">(.*?)</script>")
            .matcher(page);
    assertTrue(matcher.find());
    return matcher.group(1);
  }
}
