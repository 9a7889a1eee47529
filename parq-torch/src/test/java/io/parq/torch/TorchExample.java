package io.parq.torch;

import io.parq.grids.QuantConfig;
import io.parq.optim.ParameterFilter;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Tensor;

/** The loop that the README shows: LibTorch's, but for the line that wraps the optimizer. */
final class TorchExample {
  private TorchExample() {}

  static TorchQuantOptimizer train(TorchNets.Net model, int steps) {
    // begin
    AdamW adamW = new AdamW(model.parameters(), new AdamWOptions(1e-2));
    TorchQuantOptimizer optimizer =
        TorchQuantOptimizer.wrap(model, adamW, Map.of(ParameterFilter.linear(), QuantConfig.of(3)));
    for (int step = 0; step < steps; step++) {
      try (PointerScope _ = new PointerScope()) {
        optimizer.zero_grad();
        Tensor loss = TorchNets.loss(model.forward(TorchNets.inputs()));
        loss.backward();
        optimizer.step();
      }
    }
    // end
    return optimizer;
  }
}
