package io.parq.export.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.QuantConfig;
import io.parq.grids.ScaleType;
import io.parq.grids.Target.Exact;
import io.parq.grids.Target.Refused;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The tables of docs/formats.md. With -Dparq.docs.write=true it is written instead of compared. */
class FormatsDocsTest {
  private static final Path FILE =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolveSibling("docs/formats.md");
  private static final String BEGIN = "<!-- table -->\n";
  private static final String END = "<!-- /table -->\n";
  private static final int SIZE = 4096;

  private static final List<String> CONFIGS =
      List.of(
          "symmetric:2 per-row bf16",
          "symmetric:2 group:32 bf16",
          "symmetric:2 group:64 bf16",
          "symmetric:3 per-row bf16",
          "symmetric:3 group:32 bf16",
          "symmetric:4 per-row bf16",
          "symmetric:4 group:32 bf16",
          "symmetric:4 group:128 bf16",
          "symmetric:8 per-row bf16",
          "symmetric:8 group:32 bf16",
          "stretched:1 per-row bf16",
          "stretched:2 per-row bf16",
          "stretched:2 group:32 bf16",
          "stretched:3 per-row bf16",
          "stretched:3 group:32 bf16",
          "stretched:4 per-row bf16",
          "stretched:4 group:32 bf16",
          "ternary per-row bf16",
          "ternary group:32 bf16",
          "asymmetric:2 per-row bf16",
          "asymmetric:4 per-row bf16",
          "asymmetric:4 group:32 bf16",
          "asymmetric:8 per-row bf16",
          "fp4 group:32 e8m0",
          "fp4 group:16 e4m3",
          "nf4 group:64 fp32",
          "lsbq-greedy:2 per-row bf16",
          "tinygemm group:32 bf16");

  private static String cell(String target, QuantConfig config) {
    return switch (Formats.target(target).holding(config, SIZE, SIZE)) {
      case Exact(String encoding, double bits) ->
          String.format(Locale.ROOT, "%s, %.2f", encoding, bits);
      case Refused _ -> "-";
    };
  }

  private static String table() {
    StringBuilder table = new StringBuilder("| weights | ");
    table.append(String.join(" | ", Formats.names())).append(" |\n");
    table.append("|---".repeat(1 + Formats.names().size())).append("|\n");
    for (String text : CONFIGS) {
      QuantConfig config = QuantConfig.parse(text);
      String label = text.replace(" " + ScaleType.BF16, "");
      String cells =
          Formats.names().stream()
              .map(target -> cell(target, config))
              .collect(Collectors.joining(" | "));
      table.append("| `%s` | %s |%n".formatted(label, cells));
    }
    return table.toString();
  }

  @Test
  void theTableIsWhatTheTargetsSay() throws IOException {
    String text = Files.readString(FILE);
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    int end = text.indexOf(END);
    String table = table();
    if (Boolean.getBoolean("parq.docs.write")) {
      Files.writeString(FILE, text.substring(0, begin) + table + text.substring(end));
    } else {
      assertEquals(table, text.substring(begin, end), "-Dparq.docs.write=true writes it anew");
    }
  }

  @Test
  void everyTargetIsExplained() throws IOException {
    String text = Files.readString(FILE);
    for (String name : Formats.names()) {
      assertTrue(text.contains("| `" + name + "` |"), name);
    }
  }
}
