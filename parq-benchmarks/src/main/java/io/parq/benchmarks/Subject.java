package io.parq.benchmarks;

import io.parq.grids.Granularity;
import io.parq.grids.Grid;
import io.parq.grids.QuantConfig;
import io.parq.optim.Moments;
import io.parq.optim.NonFinite;
import io.parq.optim.Parq;
import io.parq.optim.ProxMap;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * A row of the table that is to be measured.
 *
 * @param section where it stands
 * @param model what it works on
 * @param name what it is called
 * @param opener prepares it
 */
record Subject(Section section, Model model, String name, Supplier<Case> opener) {
  /** Steep from its start and never at its end, so that every step anneals. */
  private static final ProxMap PARQ = new Parq(0, 1_000_000, 1000, 0);

  private static final ProxMap BINARY_RELAX = ProxMap.binaryRelax(0, 1_000_000);

  private static final List<String> MAPS = List.of("hard", "parq", "binary-relax");

  private static final List<String> GRANULARITIES = List.of("per-row", "group:128", "group:32");

  /** 1 bit, ternary, 2, 3 and 4 bits. */
  private static final List<String> GRIDS =
      List.of("stretched:1", "ternary", "stretched:2", "stretched:3", "symmetric:4");

  private static final List<String> LSBQ =
      List.of("lsbq-greedy:2", "lsbq-optimal:2", "lsbq-optimal-ternary");

  /** {@return the proximal map of a name: hard, parq or binary-relax} */
  static ProxMap map(String name) {
    return switch (name) {
      case "hard" -> ProxMap.hard();
      case "parq" -> PARQ;
      case "binary-relax" -> BINARY_RELAX;
      default ->
          throw new IllegalArgumentException(
              "map " + name + ", expected hard, parq or binary-relax");
    };
  }

  static QuantConfig config(String grid, String granularity) {
    return QuantConfig.of(2)
        .withGrid(Grid.parse(grid))
        .withGranularity(Granularity.parse(granularity));
  }

  /**
   * {@return all rows, in order}
   *
   * @param options which, and on how many threads
   */
  static List<Subject> all(Bench.Options options) {
    List<Subject> all = new ArrayList<>();
    addMemory(all, options.large(), options.threads());
    addModel(all, options.large(), options);
    addLsbq(all, options.large());
    addUnchecked(all, options.large());
    addWrapped(all, options.large());
    addLattices(all, options.large());
    addModel(all, options.small(), options);
    addUnchecked(all, options.small());
    addWrapped(all, options.small());
    return all;
  }

  private static void addMemory(List<Subject> all, Model model, int threads) {
    int size = Math.toIntExact(model.size());
    all.add(new Subject(Section.MEMORY, model, "copy", () -> new StreamCase(size, false, threads)));
    all.add(new Subject(Section.MEMORY, model, "triad", () -> new StreamCase(size, true, threads)));
  }

  private static void addModel(List<Subject> all, Model model, Bench.Options options) {
    all.add(new Subject(Section.ADAMW, model, "AdamW", () -> new AdamWCase(model)));
    for (Moments moments : List.of(Moments.BF16, Moments.BLOCKWISE_8BIT)) {
      String name = "AdamW, " + (moments == Moments.BF16 ? "bf16" : "8-bit") + " moments";
      all.add(new Subject(Section.ADAMW, model, name, () -> new AdamWCase(model, moments)));
    }
    all.add(
        new Subject(
            Section.ADAMW,
            model,
            "AdamW, gradients checked",
            () -> new AdamWCase(model, Moments.FP32, true)));
    if (CLoop.compiler().isPresent()) {
      all.add(
          new Subject(
              Section.ADAMW, model, "C loop", () -> new CLoopCase(model, options.threads())));
    }
    all.add(new Subject(Section.ADAMW, model, "LibTorch, fused", () -> new TorchCase.Fused(model)));
    all.add(new Subject(Section.ADAMW, model, "LibTorch", () -> new TorchCase.Plain(model)));
    for (String map : MAPS) {
      for (String granularity : GRANULARITIES) {
        for (String grid : GRIDS) {
          if (options.full() || isBrief(model.equals(options.large()), map, granularity, grid)) {
            all.add(step(model, map, config(grid, granularity)));
          }
        }
      }
    }
  }

  /** Whether the short form has it: two bits, and for one map the other widths. */
  private static boolean isBrief(boolean large, String map, String granularity, String grid) {
    if (grid.equals("stretched:2")) {
      return large || !map.equals("binary-relax");
    }
    boolean ternaryRows = grid.equals("ternary") && granularity.equals("per-row");
    return large && map.equals("hard") && (granularity.equals("group:32") || ternaryRows);
  }

  private static void addLsbq(List<Subject> all, Model model) {
    for (String grid : LSBQ) {
      all.add(step(model, "hard", config(grid, "per-row")));
    }
  }

  private static Subject step(Model model, String map, QuantConfig config) {
    return step(Section.STEP, model, map, config, NonFinite.FAIL);
  }

  private static Subject step(
      Section section, Model model, String map, QuantConfig config, NonFinite policy) {
    String name = name(map, config);
    return new Subject(section, model, name, () -> new StepCase(model, config, map(map), policy));
  }

  private static void addUnchecked(List<Subject> all, Model model) {
    for (String map : List.of("hard", "parq")) {
      for (String granularity : GRANULARITIES) {
        QuantConfig config = config("stretched:2", granularity);
        all.add(step(Section.UNCHECKED, model, map, config, NonFinite.IGNORE));
      }
    }
  }

  private static void addWrapped(List<Subject> all, Model model) {
    QuantConfig config = config("stretched:2", "per-row");
    for (String map : List.of("hard", "parq")) {
      all.add(
          new Subject(
              Section.WRAPPED,
              model,
              name(map, config),
              () -> new TorchCase.Wrapped(model, config, map(map))));
    }
  }

  private static void addLattices(List<Subject> all, Model model) {
    for (String grid : List.of("stretched:2", "ternary", "lsbq-greedy:2", "lsbq-optimal:2")) {
      addLattice(all, model, config(grid, "per-row"), LatticeCase.Work.FIT);
    }
    addLattice(all, model, config("stretched:2", "group:32"), LatticeCase.Work.FIT);
    for (String grid : GRIDS) {
      addLattice(all, model, config(grid, "per-row"), LatticeCase.Work.PACK);
      addLattice(all, model, config(grid, "per-row"), LatticeCase.Work.UNPACK);
    }
  }

  private static void addLattice(
      List<Subject> all, Model model, QuantConfig config, LatticeCase.Work work) {
    String name =
        work == LatticeCase.Work.FIT
            ? "fit " + config.grid() + " " + config.granularity()
            : work.word() + " " + config.grid();
    all.add(new Subject(Section.LATTICE, model, name, () -> new LatticeCase(model, config, work)));
  }

  private static String name(String map, QuantConfig config) {
    return map + " " + config.grid() + " " + config.granularity();
  }
}
