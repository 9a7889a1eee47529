package io.parq.torch;

import io.parq.optim.ParamGroup;
import java.util.List;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerOptions;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tuple;

/** The options of the LibTorch optimizers that can be wrapped, read and written in place. */
enum TorchOptions {
  /** AdamW. */
  ADAMW {
    @Override
    DoublePointer weightDecay(OptimizerOptions options) {
      return new AdamWOptions(options).weight_decay();
    }

    @Override
    BoolPointer flag(OptimizerOptions options) {
      return new AdamWOptions(options).amsgrad();
    }

    @Override
    List<DoublePointer> fixed(OptimizerOptions options) {
      AdamWOptions own = new AdamWOptions(options);
      DoublePointer betas = own.betas();
      // A C++ tuple's elements lie in either order, depending on the library.
      boolean reversed = new AdamWOptions(1e-3).betas().get(0) != 0.9;
      return List.of(
          betas.getPointer(reversed ? 1 : 0), betas.getPointer(reversed ? 0 : 1), own.eps());
    }

    @Override
    String spec(OptimizerOptions options) {
      List<DoublePointer> fixed = fixed(options);
      return "libtorch-adamw beta1=%s beta2=%s epsilon=%s amsgrad=%s"
          .formatted(
              fixed.get(0).get(), fixed.get(1).get(), fixed.get(2).get(), flag(options).get());
    }

    @Override
    void write(OptimizerOptions options, OutputArchive archive) {
      List<DoublePointer> fixed = fixed(options);
      IValue betas =
          new IValue(Tuple.create(new IValue(fixed.get(0).get()), new IValue(fixed.get(1).get())));
      archive.write("lr", new IValue(options.get_lr()));
      archive.write("betas", betas);
      archive.write("eps", new IValue(fixed.get(2).get()));
      archive.write("weight_decay", new IValue(weightDecay(options).get()));
      archive.write("amsgrad", new IValue(flag(options).get()));
    }

    @Override
    List<String> buffers(OptimizerOptions options) {
      return flag(options).get()
          ? List.of("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
          : List.of("exp_avg", "exp_avg_sq");
    }
  },
  /** SGD, with or without momentum. */
  SGD {
    @Override
    DoublePointer weightDecay(OptimizerOptions options) {
      return new SGDOptions(options).weight_decay();
    }

    @Override
    BoolPointer flag(OptimizerOptions options) {
      return new SGDOptions(options).nesterov();
    }

    @Override
    List<DoublePointer> fixed(OptimizerOptions options) {
      SGDOptions own = new SGDOptions(options);
      return List.of(own.momentum(), own.dampening());
    }

    @Override
    String spec(OptimizerOptions options) {
      List<DoublePointer> fixed = fixed(options);
      return "libtorch-sgd momentum=%s dampening=%s nesterov=%s"
          .formatted(fixed.get(0).get(), fixed.get(1).get(), flag(options).get());
    }

    @Override
    void write(OptimizerOptions options, OutputArchive archive) {
      List<DoublePointer> fixed = fixed(options);
      archive.write("lr", new IValue(options.get_lr()));
      archive.write("momentum", new IValue(fixed.get(0).get()));
      archive.write("dampening", new IValue(fixed.get(1).get()));
      archive.write("weight_decay", new IValue(weightDecay(options).get()));
      archive.write("nesterov", new IValue(flag(options).get()));
    }

    @Override
    List<String> buffers(OptimizerOptions options) {
      return fixed(options).getFirst().get() == 0 ? List.of() : List.of("momentum_buffer");
    }
  };

  static TorchOptions of(Optimizer optimizer) {
    return switch (optimizer) {
      case AdamW _ -> ADAMW;
      case SGD _ -> SGD;
      default ->
          throw new IllegalArgumentException(
              "LibTorch optimizer %s, expected AdamW or SGD"
                  .formatted(optimizer.getClass().getSimpleName()));
    };
  }

  abstract DoublePointer weightDecay(OptimizerOptions options);

  abstract BoolPointer flag(OptimizerOptions options);

  /** What stays as it is while training, beside the flag. */
  abstract List<DoublePointer> fixed(OptimizerOptions options);

  /** Name and what stays as it is, which a loaded state must share. */
  abstract String spec(OptimizerOptions options);

  /** Writes them as LibTorch's own archives hold them. */
  abstract void write(OptimizerOptions options, OutputArchive archive);

  /** The names of the tensors that LibTorch keeps for each parameter. */
  abstract List<String> buffers(OptimizerOptions options);

  /** {@return whether buffers of zeros mean the same as none} */
  boolean startsFromZeros(OptimizerOptions own) {
    return this == ADAMW || fixed(own).getLast().get() == 0;
  }

  void copy(OptimizerOptions source, OptimizerOptions target) {
    target.set_lr(source.get_lr());
    weightDecay(target).put(weightDecay(source).get());
    flag(target).put(flag(source).get());
    for (int i = 0; i < fixed(source).size(); i++) {
      fixed(target).get(i).put(fixed(source).get(i).get());
    }
  }

  /** Sets the rates that the group has not set. */
  void defaults(OptimizerOptions options, ParamGroup group) {
    if (Double.isNaN(group.learningRate())) {
      group.learningRate(options.get_lr());
    }
    if (Double.isNaN(group.weightDecay())) {
      group.weightDecay(weightDecay(options).get());
    }
  }

  void push(ParamGroup group, OptimizerOptions options) {
    options.set_lr(group.learningRate());
    weightDecay(options).put(group.weightDecay());
  }
}
