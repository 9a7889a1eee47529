package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradientsTest {
  private final Net net = new Net();
  private final List<ParamGroup> groups = net.groups();

  private double exactNorm() {
    double sum = 0;
    for (Parameter parameter : net.parameters) {
      for (float g : Net.floats(parameter.gradient())) {
        sum += (double) g * g;
      }
    }
    return Math.sqrt(sum);
  }

  @Test
  void scalesToTheMaximum() {
    net.fillGradients();
    double norm = exactNorm();
    float[] before = Net.floats(net.parameter("layers.1.weight").gradient());
    assertEquals(norm, Gradients.clipNorm(groups, 2), 1e-9 * norm);
    assertEquals(2, exactNorm(), 1e-5);
    float coefficient = (float) (2 / (norm + 1e-6));
    for (int i = 0; i < before.length; i++) {
      before[i] *= coefficient;
    }
    assertArrayEquals(before, Net.floats(net.parameter("layers.1.weight").gradient()));
  }

  @Test
  void leavesSmallGradientsAlone() {
    net.fillGradients();
    float[] before = Net.floats(net.parameter("layers.1.weight").gradient());
    Gradients.clipNorm(groups, 2 * exactNorm());
    assertArrayEquals(before, Net.floats(net.parameter("layers.1.weight").gradient()));
  }

  @Test
  void leavesGradientsAloneThatAreNotFinite() {
    net.fillGradients();
    net.parameter("norm.weight").gradient().setAtIndex(ValueLayout.JAVA_FLOAT, 2, Float.NaN);
    float[] before = Net.floats(net.parameter("layers.1.weight").gradient());
    assertTrue(Double.isNaN(Gradients.clipNorm(groups, 2)));
    assertArrayEquals(before, Net.floats(net.parameter("layers.1.weight").gradient()));
  }

  @Test
  void theNormDoesNotDependOnThreads() {
    net.fillGradients();
    double norm = Gradients.clipNorm(groups, 1e6, new Workers(1));
    assertEquals(norm, Gradients.clipNorm(groups, 1e6, new Workers(4)));
  }

  @Test
  void checksTheMaximum() {
    assertThrows(IllegalArgumentException.class, () -> Gradients.clipNorm(groups, 0));
    assertThrows(IllegalArgumentException.class, () -> Gradients.clipNorm(groups, Double.NaN));
  }
}
