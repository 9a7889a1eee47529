package io.parq.runtime;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Chooses the kernels once: those over the Vector API if Java was started with {@code --add-modules
 * jdk.incubator.vector} and compiles with C2, otherwise plain loops; {@code
 * -Dio.parq.kernels=scalar} forces the latter. Why those were taken is logged once.
 */
final class Chosen {
  private static final String PROPERTY = "io.parq.kernels";
  private static final String MODULE = "jdk.incubator.vector";
  private static final int LEAST_LANES = 4;

  /**
   * Weights from which on a matrix is worth vectors: until their loops are compiled, they are
   * hundreds of times slower than plain ones, which with small matrices is most of the time.
   */
  private static final long WORTH_VECTORS = 1 << 16;

  static final MatrixKernels KERNELS = choose();
  private static final MatrixKernels SCALAR = new ScalarKernels();

  private Chosen() {}

  /** The kernels for a matrix. */
  static MatrixKernels of(long rows, long columns) {
    return rows * columns < WORTH_VECTORS ? SCALAR : KERNELS;
  }

  private static MatrixKernels choose() {
    String obstacle = obstacle();
    if (obstacle.isEmpty()) {
      MatrixKernels vectors = vectors();
      if (vectors.lanes() >= LEAST_LANES) {
        return vectors;
      }
      obstacle = "vectors of %d lanes, expected %d".formatted(vectors.lanes(), LEAST_LANES);
    }
    System.getLogger("io.parq.runtime")
        .log(System.Logger.Level.INFO, "Kernels without vectors: {0}", obstacle);
    return new ScalarKernels();
  }

  /** The vector kernels, which can only be loaded where their module is. */
  static MatrixKernels vectors() {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      Class<?> type = lookup.findClass(Chosen.class.getPackageName() + ".VectorKernels");
      Object kernels = lookup.findConstructor(type, MethodType.methodType(void.class)).invoke();
      return (MatrixKernels) kernels;
    } catch (Throwable e) {
      throw new IllegalStateException("vector kernels cannot be used", e);
    }
  }

  private static String obstacle() {
    String wanted = System.getProperty(PROPERTY, "auto");
    if (wanted.equals("scalar")) {
      return "-D" + PROPERTY + "=scalar";
    }
    if (!wanted.equals("auto")) {
      throw new IllegalArgumentException(
          "system property %s is '%s', expected auto or scalar".formatted(PROPERTY, wanted));
    }
    if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
      return "Java was started without --add-modules " + MODULE;
    }
    String mode = System.getProperty("java.vm.info", "");
    boolean slow = mode.contains("interpreted") || mode.contains("emulated-client");
    return slow ? "Java compiles without C2 (" + mode + ")" : "";
  }
}
