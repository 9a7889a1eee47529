package io.parq.cli.recipe;

import static io.parq.grids.ActivationQuantization.FP8_E4M3_PER_ROW;
import static io.parq.grids.ActivationQuantization.INT8_ASYM_PER_TOKEN;

import io.parq.grids.ActivationQuantization;
import io.parq.grids.QuantConfig;
import org.jspecify.annotations.Nullable;

/**
 * One word for what is quantized and how. Scales are rounded to bf16, so that formats with 16-bit
 * scales can hold them.
 */
public enum Scheme {
  /** 8-bit weights. */
  INT8("symmetric:8 per-row bf16", null, null),
  /** 4-bit weights in groups. */
  INT4("symmetric:4 group:128 bf16", null, null),
  /** 3-bit weights. */
  INT3("stretched:3 per-row bf16", "symmetric:4 per-row bf16", null),
  /** 2-bit weights. */
  INT2("stretched:2 per-row bf16", "symmetric:4 per-row bf16", null),
  /** Weights of three values. */
  TERNARY("ternary per-row bf16", "symmetric:4 per-row bf16", null),
  /** 4-bit weights in small groups with 8-bit activations, as phones run them. */
  INT8_INT4("symmetric:4 group:32 bf16", "symmetric:8 per-row bf16", INT8_ASYM_PER_TOKEN),
  /** 4-bit weights with 8-bit floating-point activations. */
  FP8_INT4("symmetric:4 group:128 bf16", null, FP8_E4M3_PER_ROW);

  private final String linear;
  private final @Nullable String embedding;
  private final @Nullable ActivationQuantization activations;

  Scheme(String linear, @Nullable String embedding, @Nullable ActivationQuantization activations) {
    this.linear = linear;
    this.embedding = embedding;
    this.activations = activations;
  }

  /** {@return how linear layers are quantized} */
  public QuantConfig linear() {
    return QuantConfig.parse(linear);
  }

  /** {@return how embedding tables are quantized, or null if they are not} */
  public @Nullable QuantConfig embedding() {
    return embedding == null ? null : QuantConfig.parse(embedding);
  }

  /** {@return how activations are rounded, or null if they are not} */
  public @Nullable ActivationQuantization activations() {
    return activations;
  }
}
