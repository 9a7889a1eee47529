package io.parq.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The AdamW update as a C loop, compiled for this machine while the program runs. */
final class CLoop {
  /** Square roots are vector instructions only if they need not set {@code errno}. */
  static final List<String> FLAGS = List.of("-O3", "-march=native", "-fno-math-errno");

  private static final String SOURCE =
      """
      #include <math.h>

      void adamw(float *restrict w, const float *restrict g, float *restrict m, float *restrict v,
                 long long n, float decay, float first, float beta2, float second,
                 float minus_step, float correction, float epsilon) {
        for (long long i = 0; i < n; i++) {
          float m1 = m[i] + first * (g[i] - m[i]);
          float v1 = v[i] * beta2 + second * g[i] * g[i];
          m[i] = m1;
          v[i] = v1;
          w[i] = w[i] * decay + minus_step * m1 / (sqrtf(v1) / correction + epsilon);
        }
      }
      """;

  private static final FunctionDescriptor SIGNATURE =
      FunctionDescriptor.ofVoid(
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_LONG,
          JAVA_FLOAT,
          JAVA_FLOAT,
          JAVA_FLOAT,
          JAVA_FLOAT,
          JAVA_FLOAT,
          JAVA_FLOAT,
          JAVA_FLOAT);

  private final MethodHandle function;

  private CLoop(MethodHandle function) {
    this.function = function;
  }

  /** {@return the first of cc, gcc and clang that is on the PATH} */
  static Optional<Path> compiler() {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    return Stream.of("cc", "gcc", "clang")
        .flatMap(
            name -> Stream.of(path.split(File.pathSeparator)).map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * Compiles and loads the loop.
   *
   * @param compiler one that takes the options of GCC
   * @param arena the library is unloaded when it closes
   * @return the loop
   * @throws IllegalStateException if it cannot be compiled; the message has the compiler's own
   */
  static CLoop compile(Path compiler, Arena arena) {
    try {
      Path folder = Files.createTempDirectory("parq-adamw");
      Path source = folder.resolve("adamw.c");
      Path library = folder.resolve(System.mapLibraryName("adamw"));
      try {
        Files.writeString(source, SOURCE);
        compile(compiler, source, library);
        return new CLoop(load(library, arena));
      } finally {
        Files.deleteIfExists(library);
        Files.deleteIfExists(source);
        Files.deleteIfExists(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void compile(Path compiler, Path source, Path library) throws IOException {
    List<String> command = new ArrayList<>(List.of(compiler.toString()));
    command.addAll(FLAGS);
    command.addAll(List.of("-shared", "-fPIC", "-o", library.toString(), source.toString(), "-lm"));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), Native.ENCODING);
    try {
      if (process.waitFor() != 0) {
        throw new IllegalStateException(String.join(" ", command) + " failed: " + output);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** What other programs print. */
  private static final class Native {
    static final java.nio.charset.Charset ENCODING =
        java.nio.charset.Charset.forName(System.getProperty("native.encoding", "UTF-8"));
  }

  @SuppressWarnings("restricted") // The signature is that of the source above.
  private static MethodHandle load(Path library, Arena arena) {
    MemorySegment symbol = SymbolLookup.libraryLookup(library, arena).findOrThrow("adamw");
    return Linker.nativeLinker().downcallHandle(symbol, SIGNATURE);
  }

  /** The scalars of one step, as {@link io.parq.optim.AdamW} computes them. */
  record Scalars(
      float decay,
      float first,
      float beta2,
      float second,
      float minusStep,
      float correction,
      float epsilon) {
    static Scalars of(io.parq.optim.AdamW.Options o, long step) {
      return new Scalars(
          (float) (1 - o.learningRate() * o.weightDecay()),
          (float) (1 - o.beta1()),
          (float) o.beta2(),
          (float) (1 - o.beta2()),
          (float) -(o.learningRate() / (1 - Math.pow(o.beta1(), (double) step))),
          (float) Math.sqrt(1 - Math.pow(o.beta2(), (double) step)),
          (float) o.epsilon());
    }
  }

  /** Updates all elements of the segments. */
  void run(MemorySegment w, MemorySegment g, MemorySegment m, MemorySegment v, Scalars s) {
    @Nullable Throwable failure = null;
    try {
      function.invokeExact(
          w,
          g,
          m,
          v,
          w.byteSize() / Float.BYTES,
          s.decay,
          s.first,
          s.beta2,
          s.second,
          s.minusStep,
          s.correction,
          s.epsilon);
    } catch (Throwable e) {
      failure = e;
    }
    if (failure != null) {
      throw new IllegalStateException(failure);
    }
  }
}
