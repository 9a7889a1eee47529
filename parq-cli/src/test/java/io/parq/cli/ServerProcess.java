package io.parq.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The command serve in a process of its own. */
record ServerProcess(Process process, String uri) implements AutoCloseable {
  static final Path MODEL = PythonVenv.ROOT.resolve("parq-runtime/src/test/resources/golden/chat");

  static ServerProcess start(String key, String... options) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "io.parq.cli.Main"));
    command.addAll(List.of("serve", MODEL.toString(), "--port", "0", "--no-cache"));
    command.addAll(List.of(options));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PARQ_API_KEY", key);
    Process process = builder.start();
    BufferedReader output = process.inputReader(UTF_8);
    StringBuilder before = new StringBuilder();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      before.append(line).append('\n');
      if (line.startsWith("serving ")) {
        // What comes later is read so that the server never waits for it.
        Thread.ofVirtual().start(() -> output.lines().forEach(System.out::println));
        return new ServerProcess(process, line.substring(line.indexOf("http://")));
      }
    }
    throw new IOException("the server did not start: " + before);
  }

  /** Asks it to end; its status. */
  int end() throws InterruptedException {
    process.destroy();
    return process.waitFor(60, TimeUnit.SECONDS) ? process.exitValue() : -1;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
