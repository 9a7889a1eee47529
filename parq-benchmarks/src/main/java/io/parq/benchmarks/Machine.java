package io.parq.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;

/** What the numbers were measured on and with. */
public final class Machine {
  private Machine() {}

  /**
   * {@return what the numbers depend on: processor, its instructions, Java, LibTorch, C compiler}
   *
   * @param threads that were used
   */
  public static Map<String, String> describe(int threads) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put(
        "processor",
        "%s, %d of %d threads"
            .formatted(processor(), threads, Runtime.getRuntime().availableProcessors()));
    facts.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    facts.put("java", System.getProperty("java.vm.version"));
    facts.put(
        "libtorch", implementation(torch.class) + ", " + torch.get_cpu_capability().getString());
    facts.put(
        "c compiler",
        CLoop.compiler()
            .map(path -> path.getFileName() + " " + String.join(" ", CLoop.FLAGS))
            .orElse("none on PATH (cc, gcc, clang), so no row for C"));
    return facts;
  }

  private static String implementation(Class<?> type) {
    String jar = type.getProtectionDomain().getCodeSource().getLocation().getPath();
    return jar.replaceAll(".*/pytorch-|\\.jar$", "");
  }

  private static String processor() {
    Path info = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(info)) {
      return "unnamed processor";
    }
    try (Stream<String> lines = Files.lines(info)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.replaceFirst(".*: *", ""))
          .findFirst()
          .orElse("unnamed processor");
    } catch (IOException e) {
      return "unnamed processor";
    }
  }
}
