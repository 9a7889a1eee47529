package io.parq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** House rules that no other tool checks. */
class CodeStandardsTest {

  private static final int LONGEST = 400;

  @Test
  void noClassIsLong() throws IOException {
    List<Path> sources = mainSources();
    assertFalse(sources.isEmpty(), "no Java sources found");
    List<String> tooLong = new ArrayList<>();
    for (Path source : sources) {
      int lines = Files.readAllLines(source).size();
      if (lines > LONGEST) {
        tooLong.add(source + ": " + lines + " lines, more than " + LONGEST);
      }
    }
    assertEquals(List.of(), tooLong);
  }

  /** The Java sources of all modules, tests excluded. */
  private static List<Path> mainSources() throws IOException {
    // Set by Surefire; elsewhere tests start in their module's folder.
    Path module = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
    List<Path> sources = new ArrayList<>();
    try (Stream<Path> modules = Files.list(module.getParent())) {
      for (Path folder : modules.map(m -> m.resolve("src/main/java")).toList()) {
        if (Files.isDirectory(folder)) {
          try (Stream<Path> files = Files.walk(folder)) {
            files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
          }
        }
      }
    }
    return sources;
  }
}
