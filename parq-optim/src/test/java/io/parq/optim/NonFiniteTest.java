package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.grids.NamedTensors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NonFiniteTest {
  private static final long INDEX = 2048 * 9 + 17;

  private final Net net = new Net();
  private final QuantOptimizer optimizer = optimizer(net, NonFinite.FAIL);

  private static QuantOptimizer optimizer(Net net, NonFinite policy) {
    return QuantOptimizer.wrap(new AdamW(net.groups(), 0.1))
        .schedule(LrSchedule.cosine(10, 0))
        .clipNorm(1)
        .onNonFinite(policy)
        .build();
  }

  private static void spoil(MemorySegment memory, long index, float value) {
    memory.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void aGradientStopsTheStepBeforeAnythingChanges(float value) {
    net.train(optimizer, 2);
    NamedTensors before = optimizer.state().copy();
    net.fillGradients();
    spoil(net.parameter("layers.1.weight").gradient(), INDEX, value);
    spoil(net.parameter("layers.1.weight").gradient(), INDEX + 1, Float.NaN);
    MemorySegment gradient = net.parameter("embed.weight").gradient();
    float[] gradients = Net.floats(gradient);
    NonFiniteException e = assertThrows(NonFiniteException.class, optimizer::step);
    assertEquals(
        "layers.1.weight: gradient %s at index 18449 [row 9, column 17] in step 2, expected finite; nothing was changed"
            .formatted(value),
        e.getMessage());
    assertEquals("layers.1.weight", e.parameter());
    assertEquals(2, e.step());
    assertEquals(INDEX, e.index());
    assertEquals(value, e.value());
    States.assertSame(before, optimizer.state());
    assertArrayEquals(gradients, Net.floats(gradient));
    net.train(optimizer, 1);
    assertEquals(3, optimizer.stepCount());
  }

  @Test
  void whatIsIgnoredSpreadsUntilItCannotBeFitted() {
    Net careless = new Net();
    QuantOptimizer other = optimizer(careless, NonFinite.IGNORE);
    net.train(optimizer, 2);
    careless.train(other, 2);
    assertEquals(net.bits(), careless.bits());
    spoil(careless.parameter("norm.weight").gradient(), 3, Float.NaN);
    other.step();
    MemorySegment norm = careless.parameter("norm.weight").weights();
    assertTrue(Float.isNaN(norm.getAtIndex(ValueLayout.JAVA_FLOAT, 3)));
    spoil(careless.parameter("layers.1.weight").gradient(), INDEX, Float.POSITIVE_INFINITY);
    ArithmeticException e =
        assertThrows(
            ArithmeticException.class,
            () -> {
              for (int step = 0; step < 10; step++) { // until the next fit
                other.step();
              }
            });
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("layers.1.weight: updated latents of step "), message);
  }

  @Test
  void aSkippedStepLeavesNoTraceButItsCount() {
    Net skipping = new Net();
    QuantOptimizer other = optimizer(skipping, NonFinite.SKIP);
    net.train(optimizer, 2);
    skipping.train(other, 2);
    MemorySegment gradient = skipping.parameter("norm.weight").gradient();
    float good = gradient.getAtIndex(ValueLayout.JAVA_FLOAT, 3);
    spoil(gradient, 3, Float.NaN);
    List<String> messages = logged(other::step);
    assertEquals(1, messages.size());
    assertTrue(messages.getFirst().contains("norm.weight: gradient NaN at index 3"), messages + "");
    assertEquals(1, other.skippedSteps());
    assertEquals(2, other.stepCount());
    spoil(gradient, 3, good);
    net.train(optimizer, 2);
    skipping.train(other, 2);
    States.assertSame(
        States.withValues(optimizer.state(), v -> v.put("skipped_steps", "1")), other.state());
  }

  private static List<String> logged(Runnable action) {
    List<String> messages = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord entry) {
            assertEquals(Level.WARNING, entry.getLevel());
            messages.add(MessageFormat.format(entry.getMessage(), entry.getParameters()));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger("io.parq.optim");
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try {
      action.run();
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
    }
    return messages;
  }

  @Test
  void aWeightOrLatentIsAnErrorUnderBothPolicies() {
    Net skipping = new Net();
    QuantOptimizer other = optimizer(skipping, NonFinite.SKIP);
    skipping.train(other, 2);
    skipping.fillGradients();
    spoil(skipping.parameter("embed.weight").gradient(), 0, Float.NaN);
    spoil(skipping.parameter("norm.weight").weights(), 6, Float.NEGATIVE_INFINITY);
    NonFiniteException e = assertThrows(NonFiniteException.class, other::step);
    assertTrue(e.getMessage().startsWith("norm.weight: weight -Infinity at index 6"), e.toString());

    net.train(optimizer, 1);
    NamedTensors state = optimizer.state().copy();
    MemorySegment latents = state.tensors().get("latent/layers.0.weight").data();
    spoil(latents, 65, Float.NaN);
    optimizer.load(state);
    net.fillGradients();
    e = assertThrows(NonFiniteException.class, optimizer::step);
    assertTrue(
        e.getMessage().startsWith("layers.0.weight: latent NaN at index 65 [row 1, column 1]"),
        e.toString());
  }

  @Test
  void weightsOfQuantizedParametersAreOverwrittenOnceThereAreLatents() {
    net.train(optimizer, 1);
    net.fillGradients();
    spoil(net.parameter("layers.0.weight").weights(), 65, Float.NaN);
    optimizer.step();
    assertEquals(4, optimizer.quantized().size());
  }

  @Test
  void anUpdateThatOverflowsIsNamed() {
    Net wild = new Net();
    QuantOptimizer other = QuantOptimizer.wrap(new Sgd(wild.groups(), 1e38)).build();
    wild.fillGradients();
    spoil(wild.parameter("layers.0.weight").gradient(), 70, 1e20f);
    String message = assertThrows(ArithmeticException.class, other::step).getMessage();
    assertTrue(message.startsWith("layers.0.weight: updated latents of step 0"), message);
    assertTrue(message.contains("70"), message);
  }
}
