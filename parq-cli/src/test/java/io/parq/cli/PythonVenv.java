package io.parq.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/**
 * The Python that runs the scripts of {@code reference/consumers}: an environment in {@code
 * target/consumers/venv} with the packages of {@code requirements.txt}, installed when it is first
 * needed and kept until they change. PYTHON names another interpreter than python3; what pip reads
 * from its own variables and files holds here too.
 */
final class PythonVenv {
  private static final long SILENCE_MILLIS = 10_000;
  private static final String SUMMARY = "summary: ";

  static final Path ROOT = root();
  static final Path SCRIPTS = ROOT.resolve("reference/consumers");
  static final Path FOLDER = ROOT.resolve("target/consumers");

  private PythonVenv() {}

  /** The folder of the whole build, from wherever the tests are run. */
  private static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (folder != null && !Files.isRegularFile(folder.resolve("parq"))) {
      folder = folder.getParent();
    }
    if (folder == null) {
      throw new IllegalStateException("no folder above this one holds the launcher parq");
    }
    return folder;
  }

  /** Makes the environment unless it is there. */
  static synchronized Path python() throws IOException, InterruptedException {
    String requirements = Files.readString(SCRIPTS.resolve("requirements.txt"));
    Path venv = FOLDER.resolve("venv");
    Path stamp = venv.resolve("installed.txt");
    Path python = venv.resolve("bin/python");
    if (Files.exists(stamp) && Files.readString(stamp).equals(requirements)) {
      return python;
    }
    Files.createDirectories(FOLDER);
    String base = System.getenv().getOrDefault("PYTHON", "python3");
    say("making %s with %s; llama.cpp alone may take an hour to build".formatted(venv, base));
    Path log = FOLDER.resolve("pip.log");
    must(log, List.of(base, "-m", "venv", venv.toString()));
    List<String> pip = new ArrayList<>(List.of(python.toString(), "-m", "pip", "install"));
    pip.addAll(List.of("--disable-pip-version-check", "--progress-bar", "off", "-r"));
    pip.add(SCRIPTS.resolve("requirements.txt").toString());
    must(log, pip);
    Files.writeString(stamp, requirements);
    return python;
  }

  private static void must(Path log, List<String> command)
      throws IOException, InterruptedException {
    List<String> output = new ArrayList<>();
    int status = run(log, SILENCE_MILLIS, command, output);
    assertEquals(0, status, () -> command + ", log in " + log + ":\n" + String.join("\n", output));
  }

  /** Runs a script; what it prints is printed, and is the message if it fails. */
  static void check(String script, Path artifacts) throws IOException, InterruptedException {
    Assumptions.assumeFalse(
        System.getProperty("os.name").startsWith("Windows"),
        "the environment is laid out for Unix");
    Path log = FOLDER.resolve(script.replace(".py", ".log"));
    List<String> output = new ArrayList<>();
    String file = SCRIPTS.resolve(script).toString();
    Path python = python();
    long start = System.nanoTime();
    int status = run(log, 0, List.of(python.toString(), file, artifacts.toString()), output);
    String last = output.isEmpty() ? "no output" : output.getLast();
    String found = last.startsWith(SUMMARY) ? last.substring(SUMMARY.length()) : "see " + log;
    String name = script + " " + artifacts.getFileName();
    ConsumersSummary.add(name, status == 0 ? found : "FAILED, " + found, System.nanoTime() - start);
    assertEquals(0, status, () -> script + ":\n" + String.join("\n", output));
  }

  private static int run(Path log, long silence, List<String> command, List<String> output)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PYTHONUNBUFFERED", "1");
    builder.environment().put("HF_HUB_OFFLINE", "1"); // models are files here, never downloads
    Process process = builder.start();
    process.getOutputStream().close();
    long spoken = 0;
    try (BufferedReader lines = process.inputReader(UTF_8);
        BufferedWriter copy = Files.newBufferedWriter(log)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        output.add(line);
        copy.write(line + "\n");
        copy.flush();
        long now = System.currentTimeMillis();
        if (now - spoken >= silence) {
          say(line.length() > 150 ? line.substring(0, 150) + "…" : line);
          spoken = now;
        }
      }
    }
    return process.waitFor();
  }

  static void say(String line) {
    System.out.println("[consumers] " + line);
  }
}
