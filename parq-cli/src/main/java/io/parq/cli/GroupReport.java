package io.parq.cli;

import io.parq.grids.QuantConfig;
import io.parq.grids.Target;
import io.parq.optim.ParamGroup;
import io.parq.optim.Parameter;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** Prints the parameters of a run by group, and how a target holds them. */
final class GroupReport {
  private final Target target;
  private long parameters;
  private double bits;

  private GroupReport(Target target) {
    this.target = target;
  }

  /** Prints a line for each group, and one for all. */
  static void print(List<ParamGroup> groups, Target target, PrintWriter out) {
    GroupReport report = new GroupReport(target);
    groups.forEach(group -> report.print(group, out));
    out.printf(
        Locale.ROOT,
        "%,d weights, %s as float32, %s as %s%n",
        report.parameters,
        Sizes.bytes(4 * report.parameters),
        Sizes.bytes((long) (report.bits / Byte.SIZE)),
        target.name());
  }

  private void print(ParamGroup group, PrintWriter out) {
    QuantConfig config = group.config();
    Set<String> encodings = new TreeSet<>();
    long weights = 0;
    double stored = 0;
    for (Parameter parameter : group.parameters()) {
      weights += parameter.size();
      if (config == null) {
        encodings.add("floats");
        stored += (double) Float.SIZE * parameter.size();
      } else if (target.holding(config, parameter.shape())
          instanceof Target.Exact(String encoding, double bitsPerWeight)) {
        encodings.add(encoding);
        stored += bitsPerWeight * parameter.size();
      }
    }
    parameters += weights;
    bits += stored;
    out.printf(
        Locale.ROOT,
        "%-28s %4d parameters  %,14d weights  %6.3f bits as %-12s  %s%n",
        config == null ? "not quantized" : config,
        group.parameters().size(),
        weights,
        stored / weights,
        String.join(", ", encodings),
        group.parameters().getFirst().name());
  }
}
