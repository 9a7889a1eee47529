package io.parq.benchmarks;

import static org.bytedeco.pytorch.global.torch.empty;
import static org.bytedeco.pytorch.global.torch.zeros_like;

import io.parq.grids.QuantConfig;
import io.parq.optim.AdamW;
import io.parq.optim.ProxMap;
import io.parq.optim.QuantOptimizer;
import io.parq.torch.LibTorchOptimizer;
import io.parq.torch.Torch;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorType;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Type;

/** Steps over LibTorch's own tensors. */
abstract class TorchCase implements Case {
  final Tensors tensors;
  final TensorVector weights = new TensorVector();
  final List<Tensor> gradients = new ArrayList<>();
  private final List<Pointer> owned = new ArrayList<>();
  long steps;

  TorchCase(Model model) {
    List<Tensor> all = new ArrayList<>();
    tensors = new Tensors(model, shape -> allocate(shape, all));
    for (int i = 0; i < all.size(); i += 2) {
      all.get(i).set_requires_grad(true);
      all.get(i).mutable_grad().put(all.get(i + 1));
      weights.push_back(all.get(i));
      gradients.add(all.get(i + 1));
    }
  }

  private MemorySegment allocate(Model.Shape shape, List<Tensor> all) {
    Tensor tensor = own(empty(shape.dimensions()));
    all.add(tensor);
    return Torch.memory(tensor);
  }

  /** Remembers what is to be freed. */
  final <T extends Pointer> T own(T pointer) {
    owned.add(pointer);
    return pointer;
  }

  final org.bytedeco.pytorch.AdamW adamW() {
    AdamW.Options o = Oracle.OPTIONS;
    try (PointerScope _ = new PointerScope()) {
      AdamWOptions options = new AdamWOptions(o.learningRate());
      options.betas().put(o.beta1(), o.beta2());
      options.eps().put(o.epsilon());
      options.weight_decay().put(o.weightDecay());
      org.bytedeco.pytorch.AdamW adamW = new org.bytedeco.pytorch.AdamW(weights, options);
      adamW.retainReference();
      return own(adamW);
    }
  }

  @Override
  public void check() {
    Oracle.checkAdamW(tensors, steps);
  }

  @Override
  public long weights() {
    return tensors.model().size();
  }

  @Override
  public long bytes() {
    return AdamWCase.BYTES * tensors.model().size();
  }

  @Override
  public void close() {
    try (PointerScope _ = new PointerScope()) {
      for (int i = 0; i < gradients.size(); i++) {
        weights.get(i).mutable_grad().put(new Tensor());
      }
    }
    weights.close();
    owned.reversed().forEach(Pointer::deallocate);
  }

  /** LibTorch's AdamW as its C++ interface offers it: a row of tensor operations. */
  static final class Plain extends TorchCase {
    private final org.bytedeco.pytorch.AdamW optimizer;

    Plain(Model model) {
      super(model);
      optimizer = adamW();
    }

    @Override
    public void run() {
      steps++;
      try (PointerScope _ = new PointerScope()) {
        optimizer.step();
      }
    }
  }

  /**
   * The kernel behind PyTorch's {@code AdamW(fused=True)}. LibTorch's C++ optimizers do not use it,
   * and the binding has no method for it, so it is called through the dispatcher.
   */
  static final class Fused extends TorchCase {
    private final OperatorHandle operator;
    private final List<IValue> arguments = new ArrayList<>();
    private final Tensor counts;

    Fused(Model model) {
      super(model);
      operator = own(Dispatcher.singleton().findSchemaOrThrow("aten::_fused_adamw_", ""));
      List<Tensor> first = new ArrayList<>();
      List<Tensor> second = new ArrayList<>();
      List<Tensor> stepCounts = new ArrayList<>();
      counts = own(org.bytedeco.pytorch.global.torch.zeros(gradients.size()));
      for (int i = 0; i < gradients.size(); i++) {
        first.add(own(zeros_like(gradients.get(i))));
        second.add(own(zeros_like(gradients.get(i))));
        stepCounts.add(own(counts.select(0, i)));
      }
      try (PointerScope _ = new PointerScope()) {
        arguments.add(list(List.of(weights.get())));
      }
      arguments.add(list(gradients));
      arguments.add(list(first));
      arguments.add(list(second));
      arguments.add(list(List.of()));
      arguments.add(list(stepCounts));
      AdamW.Options o = Oracle.OPTIONS;
      for (double number :
          new double[] {o.learningRate(), o.beta1(), o.beta2(), o.weightDecay(), o.epsilon()}) {
        arguments.add(own(new IValue(number)));
      }
      arguments.add(own(new IValue(false))); // amsgrad
      arguments.add(own(new IValue(false))); // maximize
      arguments.add(own(new IValue())); // grad_scale
      arguments.add(own(new IValue())); // found_inf
    }

    private IValue list(List<Tensor> tensors) {
      try (PointerScope _ = new PointerScope()) {
        GenericList list = new GenericList(new Type.TypePtr(TensorType.get()));
        for (Tensor tensor : tensors) {
          list.push_back(new IValue(tensor));
        }
        IValue value = new IValue(list);
        value.retainReference();
        return own(value);
      }
    }

    @Override
    public void run() {
      steps++;
      try (PointerScope _ = new PointerScope();
          NoGradGuard _ = new NoGradGuard()) {
        counts.add_(new org.bytedeco.pytorch.Scalar(1f));
        operator.callBoxed(new IValueVector(arguments.toArray(IValue[]::new)));
      }
    }
  }

  /** Our quantization around LibTorch's AdamW: the path for optimizers that cannot be fused. */
  static final class Wrapped extends TorchCase {
    private final QuantConfig config;
    private final ProxMap map;
    private final QuantOptimizer optimizer;

    Wrapped(Model model, QuantConfig config, ProxMap map) {
      super(model);
      this.config = config;
      this.map = map;
      optimizer =
          QuantOptimizer.wrap(LibTorchOptimizer.of(adamW(), tensors.groups(config)))
              .prox(map)
              .quantPeriod(1)
              .build();
    }

    @Override
    public void run() {
      optimizer.step();
    }

    /** LibTorch rounds differently, which moves the odd weight to the next level. */
    @Override
    public void check() {
      Oracle.checkStep(tensors, config, map, optimizer.stepCount(), 0.01);
    }

    @Override
    public long bytes() {
      return 3L * Float.BYTES * tensors.model().quantizedSize() + super.bytes();
    }
  }
}
