package io.parq.optim;

import io.parq.grids.Lattice;
import io.parq.grids.NamedTensors;
import io.parq.grids.QuantizedTensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Quantization-aware training inside the optimizer. Full-precision latents are updated by a base
 * optimizer with the gradients that the model computed at its (quantized) weights; a proximal map
 * then writes the latents' image on a lattice into the weights. The model is not touched.
 *
 * <p>In step n, counted from 0, with the parameters of groups that have a configuration:
 *
 * <pre>
 * n &lt; warmupSteps:  base step on the weights, nothing else
 * otherwise:
 *   latent = base update(latent, gradient)           (latents start as the weights)
 *   x = quantShrink ? latent / max(1, sum of learning rates so far) : latent
 *   if (n - warmupSteps) % quantPeriod == 0:  fit the lattice to x
 *   weight = prox(x, lattice, n)
 * </pre>
 *
 * Other groups take the plain base step. Under {@code quantShrink} the lattice is that of the
 * shrunk values, on which the weights lie. An {@link ElementwiseOptimizer} is fused with all this
 * into one parallel pass over memory; any other optimizer runs between restoring and saving the
 * latents, with the same results.
 *
 * <p>Before a step changes anything, all gradients and latents (weights where there are none) are
 * scanned for NaN and infinity; see {@link NonFinite}. Should finite values overflow in the update
 * itself, the step ends with an {@link ArithmeticException} or the next one finds them; the state
 * is of no use then.
 *
 * <p>Source: Jin et al., PARQ (arXiv 2503.15748); torchao {@code QuantOptimizer}.
 */
public final class QuantOptimizer implements Optimizer {
  private static final System.Logger LOGGER = System.getLogger("io.parq.optim");

  private final Optimizer base;
  private final QuantSettings settings;
  private final Workers workers;
  private final QuantTensors tensors;
  private final FiniteScan scan;
  private final Gradients gradients;
  private final QuantPass pass;
  private long steps;
  private long skipped;
  private double lastGradientNorm = Double.NaN;

  private QuantOptimizer(Optimizer base, QuantSettings settings, Workers workers) {
    this.base = base;
    this.settings = settings;
    this.workers = workers;
    this.tensors = new QuantTensors(base.groups());
    this.scan = new FiniteScan(tensors, workers);
    this.gradients = new Gradients(base.groups(), tensors.plan().batches(), workers);
    ElementwiseOptimizer fused =
        base instanceof ElementwiseOptimizer elementwise ? elementwise : null;
    this.pass = new QuantPass(tensors, settings, fused, workers);
  }

  /**
   * Begins to wrap a base optimizer.
   *
   * @param base what updates the latents; from now on it is stepped, saved and loaded by the
   *     wrapper only
   * @return a builder, with the hard map, no warm-up and a refit period of 10
   */
  public static Builder wrap(Optimizer base) {
    return new Builder(base);
  }

  /**
   * Wraps a base optimizer. No latents are allocated before quantization begins.
   *
   * @param base as for {@link #wrap(Optimizer)}
   * @param settings all settings
   * @return the optimizer
   * @throws IllegalArgumentException as {@link Builder#build}
   */
  public static QuantOptimizer wrap(Optimizer base, QuantSettings settings) {
    return wrap(base, settings, new Workers());
  }

  static QuantOptimizer wrap(Optimizer base, QuantSettings settings, Workers workers) {
    if (base instanceof QuantOptimizer) {
      throw new IllegalArgumentException(
          "base optimizer quantizes already, expected one that does not");
    }
    return new QuantOptimizer(base, settings, workers);
  }

  /** Settings of a {@link QuantOptimizer}; all have defaults. */
  public static final class Builder extends QuantBuilder<Builder> {
    private final Optimizer base;

    private Builder(Optimizer base) {
      this.base = base;
    }

    @Override
    protected Builder self() {
      return this;
    }

    /**
     * Builds the wrapper. It allocates no latents before quantization begins.
     *
     * @return the optimizer
     * @throws IllegalArgumentException if a setting is out of range, the base is a wrapper itself,
     *     a group lacks a learning rate or weight decay, two parameters share a name or memory, or
     *     a configuration does not fit a shape
     * @throws TargetException if the target cannot hold a parameter
     */
    public QuantOptimizer build() {
      checkTarget(base.groups());
      return wrap(base, settings());
    }

    QuantOptimizer build(Workers workers) {
      return wrap(base, settings(), workers);
    }
  }

  @Override
  public List<ParamGroup> groups() {
    return base.groups();
  }

  /**
   * {@inheritDoc}
   *
   * @throws NonFiniteException if a gradient, latent or weight is not finite; nothing has changed
   * @throws ArithmeticException if updated latents overflowed; the state is of no use then
   */
  @Override
  public void step() {
    boolean hasLatents = steps > settings.warmupSteps();
    double norm = settings.clips() ? gradients.norm() : Double.NaN;
    if (settings.onNonFinite() != NonFinite.IGNORE) {
      FiniteScan.Finding finding = scan.find(hasLatents, !Double.isFinite(norm));
      if (finding != null) {
        refuse(finding);
        return;
      }
    }
    if (settings.clips()) {
      lastGradientNorm = norm;
      gradients.clip(norm, settings.clipNorm());
    }
    if (settings.schedule() != null) {
      double factor = settings.schedule().factor(steps);
      tensors.groups().forEach(group -> group.schedule(factor));
    }
    if (steps < settings.warmupSteps()) {
      base.step();
    } else {
      if (!hasLatents) {
        tensors.startLatents();
      }
      quantizingStep();
    }
    steps++;
  }

  private void refuse(FiniteScan.Finding finding) {
    NonFiniteException exception = finding.exception(steps);
    if (settings.onNonFinite() == NonFinite.FAIL || !finding.isGradient()) {
      throw exception;
    }
    skipped++;
    LOGGER.log(System.Logger.Level.WARNING, "Step skipped: {0}", exception.getMessage());
  }

  private void quantizingStep() {
    tensors.groups().forEach(QuantGroup::cumulate);
    if (base instanceof ElementwiseOptimizer fused) {
      fused.beginStep();
    } else {
      pass.restoreLatents();
      base.step();
    }
    pass.run(steps);
    double inverseSlope = settings.prox().inverseSlope(steps);
    if (inverseSlope != 0 && settings.annealWdFrac() > 0) {
      tensors
          .groups()
          .forEach(group -> group.annealWeightDecay(inverseSlope, settings.annealWdFrac()));
    }
  }

  /** {@return the number of steps taken, warm-up included and skipped ones not} */
  public long stepCount() {
    return steps;
  }

  /** {@return the number of steps skipped under {@link NonFinite#SKIP}} */
  public long skippedSteps() {
    return skipped;
  }

  /** {@return the gradients' norm before clipping in the latest step, NaN without clipping} */
  public double lastGradientNorm() {
    return lastGradientNorm;
  }

  /**
   * {@return the proximal map's inverse slope in the latest step: 1 as long as the weights are the
   * latents, falling to 0 under {@link Parq}; 0 under the other maps}
   */
  public double inverseSlope() {
    return steps <= settings.warmupSteps() ? 1 : settings.prox().inverseSlope(steps - 1);
  }

  /**
   * {@return the lattices by parameter name, live: steps refit them; unfitted before quantization
   * begins}
   */
  public Map<String, Lattice> lattices() {
    return tensors.lattices();
  }

  /**
   * Reads the codes off the weights, without fitting or rounding anything anew.
   *
   * @return the quantized parameters by name, as copies; their values are the weights, bit for bit
   * @throws IllegalStateException if quantization has not begun or a weight is not exactly on a
   *     level, as before the end of annealing; the message names parameter, row, column and value
   */
  public Map<String, QuantizedTensor> quantized() {
    String progress =
        "%d steps taken, warm-up ends after %d and annealing after %d"
            .formatted(steps, settings.warmupSteps(), settings.prox().annealEnd());
    TrainedCodes codes = new TrainedCodes(workers);
    Map<String, QuantizedTensor> quantized = new LinkedHashMap<>();
    for (int i = 0; i < tensors.slots().size(); i++) {
      QuantSlot slot = tensors.slots().get(i);
      if (slot.isQuantized()) {
        String name = slot.parameter().name();
        if (steps <= settings.warmupSteps()) {
          throw new IllegalStateException(name + ": not quantized yet, " + progress);
        }
        quantized.put(name, codes.of(slot, tensors.plan().chunks(i), progress));
      }
    }
    return Collections.unmodifiableMap(quantized);
  }

  /**
   * {@return everything: weights, latents, lattices, the base optimizer's state, rates, counts, and
   * the settings, which {@link #load} compares}
   *
   * <p>The tensors are views, which hold until the next {@link #step} or {@link #load}; {@link
   * NamedTensors#copy} gives what lasts.
   */
  @Override
  public NamedTensors state() {
    StateWriter writer = new StateWriter();
    settings.write(writer);
    writer.text("steps", Long.toString(steps));
    writer.text("skipped_steps", Long.toString(skipped));
    writer.groups(groups());
    tensors.write(writer, steps > settings.warmupSteps());
    writer.nested("base/", base.state());
    return writer.state();
  }

  /**
   * Continues from a saved state, bit for bit; the weights are restored too.
   *
   * @param state what {@link #state} gave, for the same parameters, groups and settings; not
   *     modified
   * @throws IllegalArgumentException if an item is missing, unknown or of another shape, or a
   *     setting differs; the message names it, what was found and what was expected, and nothing
   *     has changed
   */
  @Override
  public void load(NamedTensors state) {
    StateReader reader = new StateReader(state);
    settings.check(reader);
    NamedTensors baseState = reader.nested("base/");
    reader.change(() -> base.load(baseState));
    long count = reader.count("steps");
    reader.change(() -> steps = count);
    reader.count("skipped_steps", value -> skipped = value);
    reader.groups(groups());
    tensors.read(reader, count > settings.warmupSteps());
    reader.apply();
  }
}
