package io.parq.samples.names;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.samples.ReportPage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The findings as one HTML page that loads nothing: script, style and data are inside. */
final class Report {
  /** The columns and bars, in their order. */
  private static final List<Method> QUANTIZED =
      List.of(
          Method.NEAREST_OF_BASE,
          Method.OPTIMAL_OF_BASE,
          Method.NEAREST_OF_CONTROL,
          Method.OPTIMAL_OF_CONTROL,
          Method.QAT);

  private final Findings findings;
  private final Results results;

  private Report(Findings findings) {
    this.findings = findings;
    this.results = findings.results();
  }

  /** {@return the page} */
  static String render(Findings findings) {
    Report report = new Report(findings);
    return ReportPage.render(
        Report.class,
        Map.of(
            "data", report.data(),
            "cards", report.cards(),
            "rows", report.rows(),
            "baseRow", report.baseRow(),
            "heldOut", format("%,d", findings.names().heldOut().lines().count()),
            "generated", report.generated(),
            "speeds", report.speeds(),
            "settings", report.settings()));
  }

  /** What the page's script draws, safe inside a script element. */
  private String data() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("widths", results.widths().stream().map(Width::label).toList());
    all.put("base", results.bits(null, Method.BASE));
    all.put("control", results.bits(null, Method.CONTROL));
    for (Method method : QUANTIZED) {
      all.put(
          method.name(),
          results.widths().stream().map(width -> results.bits(width, method)).toList());
    }
    try {
      return new ObjectMapper().writeValueAsString(all).replace("</", "<\\/");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private String cards() {
    double control = results.bits(null, Method.CONTROL);
    double ptq = results.bits(Width.TWO, Method.OPTIMAL_OF_CONTROL);
    return card(format("%.3f", control), "bits per character, fp32 (control)", "base")
        + card(format("%.3f", ptq), "its weights rounded to 2 bits (error-optimal PTQ)", "ptq")
        + card(
            format("%.3f", results.bits(Width.TWO, Method.QAT)),
            "trained on its 2-bit levels (QAT)",
            "parq")
        + card(
            TextTable.percent(results.recoveredOfControl(Width.TWO)),
            "of what PTQ of the control loses, QAT in 2 bits recovers",
            "parq")
        + card(
            format("%.1f&times;", results.smaller(Width.TWO)),
            format(
                "smaller: %,d bytes in 2 bits, %,d in fp32",
                results.bytes(Width.TWO), results.bytes(null)),
            "");
  }

  private static String card(String value, String text, String kind) {
    return "<li class=\"%s\"><b>%s</b><span>%s</span></li>\n".formatted(kind, value, text);
  }

  private String rows() {
    return results.widths().stream().map(this::row).collect(Collectors.joining());
  }

  private String row(Width width) {
    String bits =
        QUANTIZED.stream()
            .map(method -> cell(format("%.4f", results.bits(width, method))))
            .collect(Collectors.joining());
    return "<tr><th scope=\"row\">"
        + width.label()
        + "</th>"
        + bits
        + cell(format("%+.4f", results.behindControl(width)))
        + cell(TextTable.percent(results.recoveredOfBase(width)))
        + cell(TextTable.percent(results.recoveredOfControl(width)))
        + cell(format("%,d", results.bytes(width)))
        + cell(format("%.1f&times;", results.smaller(width)))
        + "</tr>\n";
  }

  private String baseRow() {
    return "<tr><th scope=\"row\">fp32</th><td colspan=\"8\">"
        + format(
            "base %.4f, trained on for as long (control) %.4f",
            results.bits(null, Method.BASE), results.bits(null, Method.CONTROL))
        + "</td>"
        + cell(format("%,d", results.bytes(null)))
        + cell("1.0&times;")
        + "</tr>\n";
  }

  private static String cell(String text) {
    return "<td>" + text + "</td>";
  }

  private String generated() {
    StringBuilder text = new StringBuilder();
    findings
        .generated()
        .forEach(
            (label, names) ->
                setting(
                    text,
                    label,
                    names.stream()
                        .map(name -> "<code>" + escape(name) + "</code>")
                        .collect(Collectors.joining("<br>"))));
    return text.toString();
  }

  private String speeds() {
    StringBuilder text = new StringBuilder();
    for (Speed speed : findings.speeds()) {
      text.append("<tr><th scope=\"row\">%s</th>".formatted(speed.label()))
          .append(cell(format("%,d", speed.bytes())))
          .append("<td class=\"rate\">%s</td>".formatted(format("%,.0f", speed.tokensPerSecond())))
          .append(cell(format("%.4f", speed.bits())))
          .append("</tr>\n");
    }
    return text.toString();
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("{", "&#123;");
  }

  private String settings() {
    Size size = findings.options().size();
    StringBuilder text = new StringBuilder();
    setting(
        text,
        "Text",
        format(
            "%,d names, one a line; SHA-256 <code class=\"long\">%s</code>; a sixteenth of them, by a hash of"
                + " the name, held out",
            findings.names().count(), findings.names().digest()));
    setting(
        text,
        "Model",
        format(
            "decoder of the Llama family over bytes: %d layers, width %d, feed-forward %d, %d heads,"
                + " tied head; %d sequences of %d bytes a batch",
            size.layers(),
            size.width(),
            size.feedForward(),
            size.heads(),
            size.batch(),
            size.context()));
    setting(text, "Base", training(Training.ofBase(size)));
    setting(
        text,
        "From the base on",
        training(Training.onward(size)) + "; the same batches for the control and all widths");
    setting(
        text,
        "QAT",
        format(
            "PARQ annealed over the first %.0f %% of the steps, on the levels from there on; scales"
                + " fitted to the latent weights at every step",
            100 * Training.ANNEALED));
    for (Width width : results.widths()) {
      setting(
          text,
          width.label(),
          "linear layers <code>%s</code>, embedding <code>%s</code>"
              .formatted(width.linear(Method.QAT), width.embedding(Method.QAT)));
    }
    setting(
        text,
        "PTQ",
        "on the same levels; nearest: with the scales that QAT fits; error-optimal: with those of"
            + " the least squared error");
    return text.toString();
  }

  private static void setting(StringBuilder text, String name, String value) {
    text.append("<dt>%s</dt><dd>%s</dd>\n".formatted(name, value));
  }

  private static String training(Training training) {
    return format(
        "%,d steps of AdamW, learning rate %s after a rise over %.0f %% of the steps, falling to 0"
            + " along a cosine; gradients clipped to norm %.0f",
        training.steps(), training.learningRate(), 100 * Training.WARM_UP, Training.CLIP);
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
