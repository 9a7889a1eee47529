package io.parq.benchmarks;

import java.util.Locale;
import org.openjdk.jmh.annotations.Param;

/** Fitting a lattice to a matrix, packing and unpacking its codes. */
public class LatticeBenchmark extends CaseBenchmark {
  @Param("large")
  String model = "";

  @Param({"fit", "pack", "unpack"})
  String work = "";

  @Param({"stretched:1", "ternary", "stretched:2", "stretched:3", "symmetric:4", "lsbq-greedy:2"})
  String grid = "";

  @Param({"per-row", "group:128", "group:32"})
  String granularity = "";

  @Override
  Case open(int threads) {
    return new LatticeCase(
        Model.named(model),
        Subject.config(grid, granularity),
        LatticeCase.Work.valueOf(work.toUpperCase(Locale.ROOT)));
  }
}
