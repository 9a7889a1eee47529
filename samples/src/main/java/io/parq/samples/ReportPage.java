package io.parq.samples;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** HTML pages that load nothing: script, style and data are inside. */
public final class ReportPage {
  private static final String CHART =
      "/META-INF/resources/webjars/chart.js/4.4.9/dist/chart.umd.js";
  private static final Pattern PLACE = Pattern.compile("\\{\\{(\\w+)}}");
  private static final Pattern SOURCE_MAP = Pattern.compile("(?m)^//# sourceMappingURL=.*$");

  private ReportPage() {}

  /**
   * Fills {@code report.html}, whose {@code {{places}}} name parts: {@code style}, {@code chart}
   * (Chart.js) and {@code script} ({@code report.js}) are always there.
   *
   * @param owner the class beside which report.html and report.js are
   * @param parts further parts by name
   * @return the page
   */
  public static String render(Class<?> owner, Map<String, String> parts) {
    Map<String, String> all = new HashMap<>(parts);
    all.put("style", resource(ReportPage.class, "report.css"));
    all.put("chart", SOURCE_MAP.matcher(resource(owner, CHART)).replaceAll(""));
    all.put("script", resource(owner, "report.js"));
    return PLACE
        .matcher(resource(owner, "report.html"))
        .replaceAll(
            place -> {
              String part = all.get(place.group(1));
              if (part == null) {
                throw new IllegalStateException("nothing to put in place of " + place.group());
              }
              return Matcher.quoteReplacement(part);
            });
  }

  private static String resource(Class<?> owner, String name) {
    try (InputStream in = owner.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
