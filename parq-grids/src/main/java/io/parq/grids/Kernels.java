package io.parq.grids;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Chooses, once for all kernels, between plain Java loops and loops over the Vector API. The vector
 * ones are taken if Java was started with {@code --add-modules jdk.incubator.vector}, compiles with
 * C2 and has vectors of 128 bits or more; {@code -Dio.parq.kernels=scalar} forces the plain ones.
 * Both give the same bits. Why the plain ones were taken is logged once, to {@code io.parq.grids}.
 */
public final class Kernels {
  private static final String PROPERTY = "io.parq.kernels";
  private static final String MODULE = "jdk.incubator.vector";
  private static final int LEAST_BITS = 128;

  /** Why vectors are not used; empty if they are. */
  private static final String OBSTACLE = obstacle();

  private Kernels() {}

  /** {@return whether the vector kernels were chosen} */
  public static boolean areVectors() {
    return OBSTACLE.isEmpty();
  }

  /**
   * {@return whether loops may be machine code of our own, where Java's vectors do not reach an
   * instruction; {@code -Dio.parq.kernels=vector} is vectors without it}
   */
  public static boolean allowMachineCode() {
    return areVectors() && wanted().equals("auto");
  }

  /**
   * Chooses an implementation.
   *
   * @param lookup sees the vector class; not modified
   * @param type what both implement
   * @param scalar the plain implementation
   * @param vectorClass the simple name of the vector implementation, a class beside the caller's
   *     with a constructor without parameters; it is not loaded unless it is chosen
   * @param <T> what both implement
   * @return the one to use
   */
  public static <T> T choose(
      MethodHandles.Lookup lookup, Class<T> type, T scalar, String vectorClass) {
    if (!areVectors()) {
      return scalar;
    }
    try {
      Class<?> found = lookup.findClass(lookup.lookupClass().getPackageName() + "." + vectorClass);
      Object vector = lookup.findConstructor(found, MethodType.methodType(void.class)).invoke();
      return type.cast(vector);
    } catch (Throwable e) {
      throw new IllegalStateException("vector kernels " + vectorClass + " cannot be used", e);
    }
  }

  private static String wanted() {
    return System.getProperty(PROPERTY, "auto");
  }

  private static String obstacle() {
    String obstacle =
        switch (wanted()) {
          case "scalar" -> "-D" + PROPERTY + "=scalar";
          case "auto", "vector" -> missing();
          default ->
              throw new IllegalArgumentException(
                  "system property %s is '%s', expected auto, vector or scalar"
                      .formatted(PROPERTY, wanted()));
        };
    if (!obstacle.isEmpty()) {
      System.getLogger("io.parq.grids")
          .log(System.Logger.Level.INFO, "Kernels without vectors: {0}", obstacle);
    }
    return obstacle;
  }

  private static String missing() {
    if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
      return "Java was started without --add-modules " + MODULE;
    }
    String mode = System.getProperty("java.vm.info", "");
    if (mode.contains("interpreted") || mode.contains("emulated-client")) {
      return "Java compiles without C2 (" + mode + ")";
    }
    int bits = VectorWidth.bits();
    return bits >= LEAST_BITS ? "" : "vectors of " + bits + " bits, expected " + LEAST_BITS;
  }
}
