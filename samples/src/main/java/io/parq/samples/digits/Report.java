package io.parq.samples.digits;

import io.parq.samples.ReportPage;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The findings as one HTML page that loads nothing: script, style and data are inside. */
final class Report {
  private final Findings findings;
  private final Results results;

  private Report(Findings findings) {
    this.findings = findings;
    this.results = findings.results();
  }

  /**
   * Renders the page.
   *
   * @param findings what to show
   * @param digits the data, of which some images are shown
   * @return the page
   */
  static String render(Findings findings, Digits digits) {
    Report report = new Report(findings);
    return ReportPage.render(
        Report.class,
        Map.of(
            "data", ReportData.json(findings, digits),
            "cards", report.cards(),
            "rows", report.rows(),
            "baseRow", report.baseRow(),
            "tested", String.valueOf(findings.results().tested()),
            "seeds", report.seeds(),
            "settings", report.settings()));
  }

  private String cards() {
    int tested = results.tested();
    return card(format("%.1f %%", results.mean(null, Method.BASE)), "base, in fp32", "base")
        + card(
            format("%.1f %%", results.mean(Width.TWO, Method.PTQ)),
            "rounded to 2 bits after training (PTQ)",
            "ptq")
        + card(
            format("%.1f %%", results.mean(Width.TWO, Method.PARQ)),
            "trained on its 2-bit levels (PARQ)",
            "parq")
        + card(
            format("%.1f&times;", findings.smaller(Width.TWO)),
            format(
                "smaller: %,d bytes in 2 bits, %,d in fp32",
                findings.packedBytes(Width.TWO), findings.baseBytes()),
            "")
        + card(
            tested + " of " + tested, "predictions the same from each packed file, read back", "");
  }

  private static String card(String value, String text, String kind) {
    return "<li class=\"%s\"><b>%s</b><span>%s</span></li>\n".formatted(kind, value, text);
  }

  private String rows() {
    return Arrays.stream(Width.values()).map(this::row).collect(Collectors.joining());
  }

  private String row(Width width) {
    return "<tr><th scope=\"row\">"
        + width.label()
        + "</th>"
        + cell(accuracy(width, Method.PTQ))
        + cell(accuracy(width, Method.STRAIGHT_THROUGH))
        + cell(recovered(width, Method.STRAIGHT_THROUGH))
        + cell(accuracy(width, Method.PARQ))
        + cell(recovered(width, Method.PARQ))
        + cell(format("%,d", findings.packedBytes(width)))
        + cell(format("%.1f&times;", findings.smaller(width)))
        + "</tr>\n";
  }

  private String baseRow() {
    return "<tr><th scope=\"row\">fp32</th><td colspan=\"5\">base "
        + accuracy(null, Method.BASE)
        + ", trained on for as long "
        + accuracy(null, Method.CONTROL)
        + "</td>"
        + cell(format("%,d", findings.baseBytes()))
        + cell("1.0&times;")
        + "</tr>\n";
  }

  private static String cell(String text) {
    return "<td>" + text + "</td>";
  }

  private String accuracy(@Nullable Width width, Method method) {
    return format(
        "%.2f <i>&plusmn; %.2f</i>", results.mean(width, method), results.deviation(width, method));
  }

  private String recovered(Width width, Method method) {
    OptionalDouble share = results.recovered(width, method);
    return share.isPresent() ? format("%.0f %%", share.getAsDouble()) : "n/a";
  }

  private String seeds() {
    return results.seeds() == 1 ? "one seed" : results.seeds() + " seeds";
  }

  private String settings() {
    DigitsDemo.Options options = findings.options();
    StringBuilder text = new StringBuilder();
    setting(text, "Network", network());
    setting(
        text,
        "Data",
        format(
            "%,d images, %,d to train on and %,d to test on, each digit in proportion, drawn anew"
                + " for each seed",
            Digits.COUNT, findings.first().split().train().length, results.tested()));
    setting(text, "Base", training(SeedRun.baseTraining(options.baseEpochs())));
    setting(
        text,
        "From the base on",
        training(SeedRun.tuning(options.tuneEpochs())) + "; the same batches for all");
    setting(
        text,
        "PARQ",
        format(
            "annealed over the first %.0f %% of the steps, on the levels from there on",
            100 * SeedRun.ANNEALED));
    setting(text, "Levels", "one fp32 scale a row, fitted to the latent weights at every step");
    for (Width width : Width.values()) {
      setting(
          text,
          width.label(),
          "trained on <code>%s</code>, rounded to <code>%s</code>"
              .formatted(width.training().grid(), width.afterTraining().grid()));
    }
    setting(
        text,
        "Choice",
        "network, epochs, learning rates and PARQ's window were tried out on other splits of the"
            + " same images");
    return text.toString();
  }

  private static void setting(StringBuilder text, String name, String value) {
    text.append("<dt>%s</dt><dd>%s</dd>\n".formatted(name, value));
  }

  private static String network() {
    String sizes =
        Arrays.stream(SeedRun.SIZES).mapToObj(String::valueOf).collect(Collectors.joining("-"));
    return sizes + ", rectifiers, softmax cross-entropy; all weights quantized, biases in fp32";
  }

  private static String training(Training training) {
    return format(
        "%d epochs of AdamW in batches of %d, learning rate %s falling to 0 along a cosine, weight"
            + " decay %s",
        training.epochs(), training.batch(), training.learningRate(), training.weightDecay());
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
