package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SgdTest extends OptimizerContract {
  @Override
  Optimizer create(List<ParamGroup> groups) {
    return new Sgd(groups, new Sgd.Options(RATE, 0.9, 0, 0.01, true));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 0, false",
    "0, 0, 0.1, false",
    "0.9, 0, 0.1, false",
    "0.8, 0.5, 0.1, false",
    "0.9, 0, 0.1, true"
  })
  void followsTheFormulas(double momentum, double dampening, double decay, boolean nesterov) {
    Sgd.Options options = new Sgd.Options(0.05, momentum, dampening, decay, nesterov);
    Oracle oracle = new Oracle(groups -> new Sgd(groups, options));
    double[] buffer = new double[Oracle.SIZE];
    oracle.check(
        (w, g, t) -> {
          for (int i = 0; i < w.length; i++) {
            double d = g[i] + decay * w[i];
            if (momentum != 0) {
              buffer[i] = t == 1 ? d : momentum * buffer[i] + (1 - dampening) * d;
              d = nesterov ? d + momentum * buffer[i] : buffer[i];
            }
            w[i] -= 0.05 * d;
          }
        });
  }

  @Test
  void checksItsOptions() {
    assertThrows(IllegalArgumentException.class, () -> new Sgd.Options(-1, 0, 0, 0, false));
    assertThrows(IllegalArgumentException.class, () -> new Sgd.Options(1, -1, 0, 0, false));
    assertThrows(IllegalArgumentException.class, () -> new Sgd.Options(1, 0, 0, -1, false));
    assertThrows(IllegalArgumentException.class, () -> new Sgd.Options(1, 0, Double.NaN, 0, false));
    String message =
        assertThrows(IllegalArgumentException.class, () -> new Sgd.Options(1, 0.9, 0.1, 0, true))
            .getMessage();
    assertTrue(message.contains("dampening 0.1"), message);
    assertEquals(1e-3, Sgd.Options.DEFAULTS.learningRate());
  }
}
