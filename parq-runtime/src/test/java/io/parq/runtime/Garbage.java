package io.parq.runtime;

import com.sun.management.ThreadMXBean;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.SmallFloat;
import io.parq.grids.TensorData;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Prints how many bytes of garbage kernels make once they are compiled: products of all kinds of
 * weights and inputs among as many kinds of training and packing, in an order that a seed chooses.
 * A program of its own for each order, since what Java makes of a loop depends on what ran before.
 */
final class Garbage {
  static final int ROWS = 256;
  static final int COLUMNS = 1024;

  /** Of a batch: four, for which there are loops, and the rest. */
  private static final int TOKENS = 6;

  /** Runs that are measured together. */
  private static final int RUNS = 4;

  /** All are run one after the other so often; the last time counts. */
  private static final int ROUNDS = 2;

  /** The thread's time, long enough to be compiled: who is slow then is compiled into slow code. */
  private static final long NANOS = 8_000_000_000L;

  private static final List<String> KINDS =
      List.of(
          "F32",
          "BF16",
          "F16",
          "symmetric:8 group:32 fp32",
          "nf4 group:64 fp32",
          "symmetric:4 per-row fp32",
          "symmetric:4 group:32 bf16",
          "stretched:3 per-row fp32",
          "stretched:2 group:32 fp32",
          "stretched:1 per-row fp32");

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /**
   * A kind.
   *
   * @param most bytes that a run may make
   */
  record Case(String name, long most, Runnable run) {}

  private Garbage() {}

  /**
   * Runs.
   *
   * @param args the seed, and how many bytes a run may make
   */
  public static void main(String[] args) {
    System.setProperty("io.parq.threads", "1");
    Random order = new Random(Long.parseLong(args[0]));
    long most = Long.parseLong(args[1]);
    List<Case> cases = TrainingKinds.all(most);
    cases.addAll(products(most));
    System.err.println(OtherVectors.use());
    for (int round = 0; round < ROUNDS; round++) {
      Collections.shuffle(cases, order);
      for (Case one : cases) {
        long garbage = garbage(one);
        if (round == ROUNDS - 1) {
          System.out.println(one.name() + "\t" + garbage + "\t" + one.most());
        }
      }
    }
  }

  private static List<Case> products(long most) {
    SplittableRandom random = new SplittableRandom(3);
    float[] values = new float[ROWS * COLUMNS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    float[] x = Arrays.copyOf(values, TOKENS * COLUMNS);
    List<Case> cases = new ArrayList<>();
    for (String kind : KINDS) {
      PackedMatrix matrix = matrix(kind, values);
      for (ActivationQuantization activations :
          new ActivationQuantization[] {null, ActivationQuantization.INT8_ASYM_PER_TOKEN}) {
        String name = kind + ", " + activations;
        float[] y = new float[TOKENS * ROWS];
        Input input = new Input(x, TOKENS, activations);
        PackedMatrix.Term term = matrix.product(input, 0);
        int rows = Geometry.TILE;
        Team.Body one = tile -> term.add(tile, y, tile * rows);
        cases.add(new Case(name, most, () -> forEachTile(matrix, one)));
        PackedMatrix.Batch batch = matrix.batch(input);
        Team.Body all = tile -> batch.store(tile, y, 0, ROWS);
        cases.add(new Case(name + ", batch", most, () -> forEachTile(matrix, all)));
      }
    }
    return cases;
  }

  private static PackedMatrix matrix(String kind, float[] values) {
    if (kind.contains(" ")) {
      QuantConfig config = QuantConfig.parse(kind);
      MemorySegment data = MemorySegment.ofArray(values);
      return PackedMatrix.of(QuantizedTensor.quantize(config, data, ROWS, COLUMNS));
    }
    DType type = DType.valueOf(kind);
    if (type == DType.F32) {
      return PackedMatrix.of(TensorData.of(values, ROWS, COLUMNS));
    }
    short[] bits = new short[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = type == DType.BF16 ? SmallFloat.toBf16(values[i]) : Float.floatToFloat16(values[i]);
    }
    return PackedMatrix.of(
        new TensorData(type, new long[] {ROWS, COLUMNS}, MemorySegment.ofArray(bits)));
  }

  private static void forEachTile(PackedMatrix matrix, Team.Body work) {
    for (int tile = 0; tile < matrix.geometry.tiles(); tile++) {
      int mark = Scratch.ofTask().mark();
      work.run(tile);
      Scratch.ofTask().release(mark);
    }
  }

  /** The least of many runs, but done as soon as it is little enough. */
  private static long garbage(Case one) {
    long least = Long.MAX_VALUE;
    long end = THREADS.getCurrentThreadCpuTime() + NANOS;
    while (least > one.most() && THREADS.getCurrentThreadCpuTime() < end) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < RUNS; i++) {
        one.run().run();
      }
      least = Math.min(least, (THREADS.getCurrentThreadAllocatedBytes() - before) / RUNS);
    }
    return least;
  }
}
