package io.parq.benchmarks;

/** A part of the table, with what its ratios are to. */
enum Section {
  MEMORY("memory", "AdamW"),
  ADAMW("AdamW, nothing quantized", "AdamW"),
  STEP("fused step: AdamW, refit, map", "AdamW"),
  UNCHECKED("fused step, gradients not checked (nor are AdamW's)", "AdamW"),
  WRAPPED("step around LibTorch's AdamW", "LibTorch's"),
  LATTICE("one matrix, not in a step", "AdamW");

  private final String title;
  private final String baseline;

  Section(String title, String baseline) {
    this.title = title;
    this.baseline = baseline;
  }

  String title() {
    return title;
  }

  String baseline() {
    return baseline;
  }
}
