package io.parq.torch;

import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.optim.Gradients;
import io.parq.optim.NonFinite;
import io.parq.optim.Optimizer;
import io.parq.optim.ParamGroup;
import io.parq.optim.ParameterFilter;
import io.parq.optim.QuantOptimizer;
import io.parq.optim.QuantSettings;
import io.parq.optim.StateWriter;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;

/**
 * Quantization-aware training of LibTorch modules and TorchScript files: takes the place of
 * LibTorch's optimizer in a training loop, and nothing else changes.
 *
 * <pre>{@code
 * TorchQuantOptimizer optimizer =
 *     TorchQuantOptimizer.wrap(
 *         model, new AdamW(model.parameters()), Map.of(ParameterFilter.linear(), QuantConfig.of(2)));
 * for (...) {
 *   optimizer.zero_grad();
 *   loss(model).backward();
 *   optimizer.step();
 * }
 * }</pre>
 *
 * <p>Float tensors on the CPU are updated in their own memory by a {@link QuantOptimizer}, whose
 * documentation tells what a step does; the base is LibTorch's AdamW or SGD, or any optimizer of
 * {@code io.parq.optim}, which is fused with quantization and faster.
 *
 * <p>Other tensors (bfloat16 or half weights, other devices) are quantized by LibTorch operations,
 * with LibTorch's optimizer as the base. It then updates float latents, which exist from the start
 * for quantized and other parameters alike, and the weights are the latents or their image, rounded
 * to the weights' own type. The grids are symmetric, asymmetric, stretched, clipped and ternary,
 * the maps hard, PARQ and BinaryRelax. There an {@link ArithmeticException} says what a {@link
 * io.parq.optim.NonFiniteException} says of host tensors.
 *
 * <p>A gradient that was never computed counts as zeros, where LibTorch alone would not touch the
 * parameter: with weight decay or momentum it still moves. Not safe for use by several threads at a
 * time.
 */
public final class TorchQuantOptimizer implements Optimizer {
  private static final System.Logger LOGGER = System.getLogger("io.parq.torch");

  private final TorchParameters parameters;
  private final QuantSettings settings;
  private final TorchLatents latents;
  private final List<ParamGroup> groups;
  private final QuantOptimizer host;
  private long skipped;
  private double lastGradientNorm = Double.NaN;

  TorchQuantOptimizer(
      TorchParameters parameters,
      QuantSettings settings,
      TorchLatents latents,
      Optimizer base,
      List<ParamGroup> groups) {
    this.parameters = parameters;
    this.settings = settings;
    this.latents = latents;
    this.groups = groups;
    this.host = QuantOptimizer.wrap(base, settings);
  }

  /**
   * Wraps LibTorch's optimizer, with the hard map (straight-through training) and no warm-up.
   *
   * @param model any module
   * @param optimizer LibTorch's AdamW or SGD over its parameters, from now on stepped here only
   * @param configs how the parameters that a filter chooses are quantized
   * @return the optimizer that takes its place
   * @throws IllegalArgumentException as {@link TorchQuantBuilder#build}
   */
  public static TorchQuantOptimizer wrap(
      Module model,
      org.bytedeco.pytorch.Optimizer optimizer,
      Map<ParameterFilter, QuantConfig> configs) {
    return builder(model).base(optimizer).quantize(configs).build();
  }

  /**
   * Wraps LibTorch's optimizer over a TorchScript module, as over any other.
   *
   * @param model any module
   * @param optimizer LibTorch's AdamW or SGD over its parameters, from now on stepped here only
   * @param configs how the parameters that a filter chooses are quantized
   * @return the optimizer that takes its place
   * @throws IllegalArgumentException as {@link TorchQuantBuilder#build}
   */
  public static TorchQuantOptimizer wrap(
      JitModule model,
      org.bytedeco.pytorch.Optimizer optimizer,
      Map<ParameterFilter, QuantConfig> configs) {
    return builder(model).base(optimizer).quantize(configs).build();
  }

  /**
   * Begins to wrap a module.
   *
   * @param model any module
   * @return a builder with the defaults of {@link QuantOptimizer#wrap}
   * @throws IllegalArgumentException as {@link TorchParameters#of(Module)}
   */
  public static TorchQuantBuilder builder(Module model) {
    return new TorchQuantBuilder(TorchParameters.of(model));
  }

  /**
   * Begins to wrap a TorchScript module.
   *
   * @param model any module
   * @return a builder with the defaults of {@link QuantOptimizer#wrap}
   * @throws IllegalArgumentException as {@link TorchParameters#of(JitModule)}
   */
  public static TorchQuantBuilder builder(JitModule model) {
    return new TorchQuantBuilder(TorchParameters.of(model));
  }

  @Override
  public List<ParamGroup> groups() {
    return groups;
  }

  /** Fills all gradients with zeros, in place. */
  public void zeroGrad() {
    parameters.zeroGrad();
  }

  /** As {@link #zeroGrad}, in LibTorch's spelling, so that its loops need not change. */
  @SuppressWarnings("MemberName")
  public void zero_grad() {
    zeroGrad();
  }

  /**
   * {@inheritDoc}
   *
   * @throws io.parq.optim.NonFiniteException if a gradient, latent or weight of a host tensor is
   *     not finite; nothing has changed
   * @throws ArithmeticException if one of another tensor is not, and nothing has changed; or if
   *     updated latents overflowed
   * @throws IllegalStateException if the memory of a weight was replaced; the message names it
   */
  @Override
  public void step() {
    parameters.attachGradients();
    if (latents.isEmpty()) {
      host.step();
      lastGradientNorm = host.lastGradientNorm();
      return;
    }
    TorchLatents.Finding finding = latents.takeGradients();
    if (finding != null) {
      refuse(finding);
      return;
    }
    if (settings.clips()) {
      clip();
    }
    long step = host.stepCount();
    latents.beginStep(step);
    host.step();
    if (host.stepCount() > step) {
      latents.endStep(step);
    }
  }

  private void refuse(TorchLatents.Finding finding) {
    String message =
        "%s in step %d, expected finite; nothing was changed"
            .formatted(finding.text(), host.stepCount());
    if (settings.onNonFinite() != NonFinite.SKIP || !finding.isGradient()) {
      throw new ArithmeticException(message);
    }
    skipped++;
    LOGGER.log(System.Logger.Level.WARNING, "Step skipped: {0}", message);
  }

  /** Clips all gradients together; the host, which clips its own too, then finds nothing to do. */
  private void clip() {
    double hostNorm = Gradients.clipNorm(host.groups(), Double.MAX_VALUE);
    lastGradientNorm = Math.sqrt(hostNorm * hostNorm + latents.squaredNorm());
    double factor = settings.clipNorm() / (lastGradientNorm + 1e-6);
    if (factor < 1 && hostNorm < Double.POSITIVE_INFINITY) {
      latents.scaleGradients((float) factor);
      Gradients.clipNorm(host.groups(), factor * (hostNorm + 1e-6));
    }
  }

  /** {@return the number of steps taken, warm-up included and skipped ones not} */
  public long stepCount() {
    return host.stepCount();
  }

  /** {@return the number of steps skipped under {@link NonFinite#SKIP}} */
  public long skippedSteps() {
    return skipped + host.skippedSteps();
  }

  /** {@return the gradients' norm before clipping in the latest step, NaN without clipping} */
  public double lastGradientNorm() {
    return lastGradientNorm;
  }

  /** {@return as {@link QuantOptimizer#inverseSlope}} */
  public double inverseSlope() {
    return host.inverseSlope();
  }

  /**
   * {@return the lattices by parameter name, live: steps refit them; unfitted before quantization
   * begins}
   */
  public Map<String, Lattice> lattices() {
    Map<String, Lattice> lattices = new LinkedHashMap<>(host.lattices());
    latents.collectLattices(lattices);
    return Collections.unmodifiableMap(lattices);
  }

  /**
   * Reads the codes off the weights, without fitting or rounding anything anew. Weights that are
   * not float are the values of their codes, rounded to the weights' type.
   *
   * @return the quantized parameters by name, as copies
   * @throws IllegalStateException if quantization has not begun or a weight is not exactly on a
   *     level, as before the end of annealing; the message names parameter, row, column and value
   */
  public Map<String, QuantizedTensor> quantized() {
    Map<String, QuantizedTensor> quantized = new LinkedHashMap<>(host.quantized());
    String progress =
        "%d steps taken, warm-up ends after %d and annealing after %d"
            .formatted(stepCount(), settings.warmupSteps(), settings.prox().annealEnd());
    latents.collectQuantized(quantized, stepCount() > settings.warmupSteps(), progress);
    return Collections.unmodifiableMap(quantized);
  }

  /**
   * {@return everything, as {@link QuantOptimizer#state}; the items of tensors that are not float
   * on the CPU are named {@code tensor/..}}
   */
  @Override
  public NamedTensors state() {
    StateWriter writer = new StateWriter();
    writer.nested("", host.state());
    latents.write(writer);
    return writer.state();
  }

  /** {@inheritDoc} The weights are restored too. */
  @Override
  public void load(NamedTensors state) {
    Runnable change = latents.read(TorchLatents.part(state, true));
    host.load(TorchLatents.part(state, false));
    change.run();
  }
}
