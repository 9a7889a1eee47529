package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Its pull on quantized parameters is held by the golden trajectories. */
class NormalMapSgdTest extends OptimizerContract {
  private static final Sgd.Options OPTIONS = new Sgd.Options(RATE, 0.9, 0.5, 0.01, false);

  @Override
  Optimizer create(List<ParamGroup> groups) {
    return new NormalMapSgd(groups, OPTIONS, 0.7);
  }

  @Test
  void isSgdWhereNothingIsQuantized() {
    Net plain = new Net();
    plain.train(new Sgd(plain.groups(), OPTIONS), 3);
    Net other = new Net();
    other.train(create(other.groups()), 3);
    assertEquals(plain.bits(), other.bits());
  }

  @Test
  void checksGamma() {
    List<ParamGroup> groups = new Net().groups();
    assertThrows(IllegalArgumentException.class, () -> new NormalMapSgd(groups, OPTIONS, 0));
    assertEquals(0.5, new NormalMapSgd(groups, OPTIONS, 0.5).gamma());
  }
}
