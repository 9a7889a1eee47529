package io.parq.serve;

import io.parq.export.text.Generation;
import io.parq.runtime.Scheduler;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** What Prometheus is told. */
final class Metrics {
  static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  private static final double[] SECONDS = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600
  };

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Counter requests =
      Counter.builder()
          .name("parq_requests_total")
          .help("Requests answered; status 499 if the client went away")
          .labelNames("endpoint", "status")
          .register(registry);
  private final Histogram seconds =
      Histogram.builder()
          .name("parq_request_seconds")
          .help("From a request to the end of its answer")
          .labelNames("endpoint")
          .classicOnly()
          .classicUpperBounds(SECONDS)
          .register(registry);
  private final Histogram firstSeconds =
      Histogram.builder()
          .name("parq_first_text_seconds")
          .help("From a request to the first piece of its text")
          .classicOnly()
          .classicUpperBounds(SECONDS)
          .register(registry);
  private final Counter promptTokens =
      Counter.builder()
          .name("parq_prompt_tokens_total")
          .help("Tokens of the prompts of finished texts")
          .register(registry);
  private final Counter tokens =
      Counter.builder()
          .name("parq_generated_tokens_total")
          .help("Tokens generated for finished texts")
          .register(registry);

  Metrics(Scheduler scheduler, long weightBytes) {
    gauge("parq_active_texts", "Texts under way", () -> scheduler.active());
    gauge("parq_waiting_texts", "Texts that wait for room", () -> scheduler.waiting());
    gauge("parq_weight_bytes", "Memory of the model's weights", () -> (double) weightBytes);
  }

  private void gauge(String name, String help, java.util.function.DoubleSupplier value) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .callback(callback -> callback.call(value.getAsDouble()))
        .register(registry);
  }

  void request(String endpoint, int status, long nanos) {
    requests.labelValues(endpoint, Integer.toString(status)).inc();
    seconds.labelValues(endpoint).observe(nanos / 1e9);
  }

  void firstText(long nanos) {
    firstSeconds.observe(nanos / 1e9);
  }

  void finished(Generation.Result result) {
    promptTokens.inc(result.promptTokens());
    tokens.inc(result.tokens());
  }

  byte[] text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      PrometheusTextFormatWriter.create()
          .write(out, registry.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }
}
