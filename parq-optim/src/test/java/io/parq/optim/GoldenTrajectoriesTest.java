package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Whole runs against the reference, within 2e-6 of a tensor's largest magnitude, so that at the
 * end, when weights are on levels, the codes are equal too. SGD is exact where the lattice's fit
 * is; Adam is not, since PyTorch's square root is off by a unit in the last place at times.
 */
class GoldenTrajectoriesTest {
  private static final Golden GOLDEN = Golden.read("trajectories");
  private static final double TOLERANCE = 2e-6;

  @TestFactory
  List<DynamicTest> trajectories() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode node : GOLDEN.cases()) {
      String name =
          node.get("base").asText()
              + " "
              + node.get("options")
              + " "
              + Golden.map(node)
              + " "
              + node.get("variant").asText();
      tests.add(DynamicTest.dynamicTest(name, () -> new Run(node).check()));
    }
    assertEquals(122, tests.size());
    return tests;
  }

  private static final class Run {
    private final JsonNode node;
    private final Map<String, float[]> weights = new HashMap<>();
    private final Map<String, float[]> gradients = new HashMap<>();
    private final List<ParamGroup> groups;
    private final QuantOptimizer optimizer;

    Run(JsonNode node) {
      this.node = node;
      groups =
          List.of(
              group("a", QuantConfig.parse("stretched:2 per-row fp32")),
              group("b", QuantConfig.parse("symmetric:4 group:16 fp32")),
              group("c", null));
      optimizer =
          QuantOptimizer.wrap(base())
              .prox(Golden.map(node))
              .warmupSteps(node.get("warmup_steps").asLong())
              .quantPeriod(node.get("quant_period").asInt())
              .quantShrink(node.get("quant_shrink").asBoolean())
              .annealWdFrac(node.get("anneal_wd_frac").asDouble())
              .build();
    }

    private ParamGroup group(String name, QuantConfig config) {
      weights.put(name, GOLDEN.input(name));
      gradients.put(name, new float[weights.get(name).length]);
      Parameter parameter =
          Parameter.of(
              name,
              Parameter.Kind.LINEAR,
              weights.get(name),
              gradients.get(name),
              GOLDEN.shape(name));
      return new ParamGroup(List.of(parameter), config);
    }

    private Optimizer base() {
      JsonNode o = node.get("options");
      String base = node.get("base").asText();
      double lr = o.get("lr").asDouble();
      double decay = o.get("weight_decay").asDouble();
      if (base.startsWith("adam")) {
        double beta1 = o.get("beta1").asDouble();
        double beta2 = o.get("beta2").asDouble();
        double eps = o.get("eps").asDouble();
        return base.equals("adam")
            ? new Adam(groups, new Adam.Options(lr, beta1, beta2, eps, decay))
            : new AdamW(groups, new AdamW.Options(lr, beta1, beta2, eps, decay));
      }
      Sgd.Options options =
          new Sgd.Options(
              lr,
              o.get("momentum").asDouble(),
              o.get("dampening").asDouble(),
              decay,
              o.get("nesterov").asBoolean());
      return base.equals("sgd")
          ? new Sgd(groups, options)
          : new NormalMapSgd(groups, options, node.get("gamma").asDouble());
    }

    void check() {
      int recorded = 0;
      for (int t = 0; t < node.get("lr").size(); t++) {
        for (ParamGroup group : groups) {
          group.learningRate(node.get("lr").get(t).asDouble());
        }
        if (node.has("weight_decay")) {
          double decay = node.get("weight_decay").get(t).asDouble();
          assertEquals(decay, groups.get(0).weightDecay(), 1e-12, "weight decay in step " + t);
          assertEquals(decay, groups.get(1).weightDecay(), 1e-12, "weight decay in step " + t);
        }
        for (String name : gradients.keySet()) {
          float[] g = gradients.get(name);
          System.arraycopy(GOLDEN.input("gradients " + name), t * g.length, g, 0, g.length);
        }
        optimizer.step();
        JsonNode state = node.get("states").get(recorded);
        if (state != null && state.get("step").asInt() == t + 1) {
          compare(state);
          recorded++;
        }
      }
      assertEquals(4, recorded);
      scales("a");
      scales("b");
    }

    private void scales(String name) {
      float[] expected = Golden.floats(node.get("scales").get(name));
      Lattice lattice = optimizer.lattices().get(name);
      close(name + " scales", expected, lattice.scales(), TOLERANCE);
    }

    private void compare(JsonNode state) {
      int step = state.get("step").asInt();
      for (String name : List.of("a", "b", "c")) {
        JsonNode latent = state.get("latent " + name);
        if (latent != null) {
          float[] latents = optimizer.state().tensors().get("latent/" + name).toFloats();
          close(
              name + " latents at " + step,
              Golden.floats(latent),
              latents,
              isPlainSgd() ? 0 : TOLERANCE);
        }
        boolean exact = isPlainSgd() && !name.equals("a");
        close(
            name + " weights at " + step,
            Golden.floats(state.get(name)),
            weights.get(name),
            exact ? 0 : TOLERANCE * slope(name, step));
      }
    }

    /** Its gradients do not depend on the weights, so neither do its latents. */
    private boolean isPlainSgd() {
      return node.get("base").asText().equals("sgd");
    }

    /** By how much a map in the midst of annealing magnifies differences of latents and levels. */
    private double slope(String name, int step) {
      ProxMap map = Golden.map(node);
      boolean magnifies = map instanceof SoftQuant && step - 1 < map.annealEnd();
      return magnifies && !name.equals("c") ? ((SoftQuant) map).tEnd() / 4 : 1;
    }

    private void close(String what, float[] expected, float[] actual, double tolerance) {
      double largest = 0;
      for (float v : expected) {
        largest = Math.max(largest, Math.abs(v));
      }
      for (int i = 0; i < expected.length; i++) {
        double error = Math.abs((double) expected[i] - actual[i]) / largest;
        if (error > tolerance) {
          fail(
              "%s, element %d: %s, expected %s, relative difference %.3g"
                  .formatted(what, i, actual[i], expected[i], error));
        }
      }
    }
  }
}
