package io.parq.cli;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/** Prints what was checked with other people's software, when all tests have run. */
final class ConsumersSummary implements BeforeAllCallback {
  private static final List<Row> ROWS = Collections.synchronizedList(new ArrayList<>());

  private record Row(String check, String result, long nanos) {}

  static void add(String check, String result, long nanos) {
    ROWS.add(new Row(check, result, nanos));
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    AutoCloseable printing = ConsumersSummary::print;
    context
        .getRoot()
        .getStore(Namespace.create(ConsumersSummary.class))
        .getOrComputeIfAbsent("printing", _ -> printing);
  }

  private static void print() {
    int width = ROWS.stream().mapToInt(row -> row.check().length()).max().orElse(0);
    PythonVenv.say("what was checked:");
    for (Row row : ROWS) {
      PythonVenv.say(
          ("%-" + width + "s  %4d s  %s")
              .formatted(row.check(), Math.round(row.nanos() / 1e9), row.result()));
    }
  }
}
