package io.parq.cli;

import io.parq.runtime.LanguageModel;
import io.parq.serve.ParqServer;
import io.parq.serve.ServeLimits;
import io.parq.serve.ServeOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Serves a model over HTTP. */
@Command(
    name = "serve",
    description = {
      "Serves a model over HTTP, the way OpenAI's API does.",
      "POST /v1/chat/completions and /v1/completions (whole or streamed), GET /v1/models, /health,"
          + " /metrics; / is a page to chat with. Ctrl-C finishes the answers under way, and ends."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class ServeCommand implements Callable<Integer> {
  /** The web server's; a logger that nobody holds forgets its level. */
  private static final Logger WEB_SERVER = Logger.getLogger("io.helidon");

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "MODEL", description = "a model in any format")
  private Path path = Path.of("");

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      defaultValue = "127.0.0.1",
      description = "listen at this address; 0.0.0.0: for all machines (default: ${DEFAULT-VALUE})")
  private String host = "127.0.0.1";

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "8080",
      description = "listen at this port; 0: any that is free (default: ${DEFAULT-VALUE})")
  private int port = 8080;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      defaultValue = "${env:PARQ_API_KEY}",
      description =
          "what clients have to bring; others see it in the list of processes, so better put it"
              + " into the variable PARQ_API_KEY (default: none)")
  private @Nullable String apiKey;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "what clients call the model (default: the name of its file or folder)")
  private @Nullable String name;

  @Option(
      names = "--max-concurrent",
      paramLabel = "N",
      defaultValue = "16",
      description = "most texts that are generated together (default: ${DEFAULT-VALUE})")
  private int concurrent = 16;

  @Option(
      names = "--queue",
      paramLabel = "N",
      defaultValue = "64",
      description = "most texts that wait; more are refused (default: ${DEFAULT-VALUE})")
  private int queued = 64;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "4096",
      description = "most tokens that a request may ask for (default: ${DEFAULT-VALUE})")
  private int maxTokens = 4096;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "most tokens of a text with its prompt (default: the model's positions)")
  private int context = Integer.MAX_VALUE;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "600",
      description = "longest time for a request (default: ${DEFAULT-VALUE})")
  private long timeout = 600;

  @Option(
      names = "--grace",
      paramLabel = "SECONDS",
      defaultValue = "30",
      description = "how long ending waits for answers under way (default: ${DEFAULT-VALUE})")
  private long grace = 30;

  @Option(
      names = "--cors",
      paramLabel = "ORIGIN",
      description = "let web pages of this origin use the server; *: of any (default: none)")
  private @Nullable String cors;

  @Mixin private RuntimeLoading loading = new RuntimeLoading();

  @Override
  public Integer call() throws IOException, InterruptedException {
    WEB_SERVER.setLevel(Level.WARNING);
    ServeLimits limits =
        new ServeLimits(
            concurrent,
            queued,
            maxTokens,
            context,
            ServeLimits.DEFAULTS.bodyBytes(),
            Duration.ofSeconds(timeout),
            Duration.ofSeconds(grace));
    String key = apiKey == null || apiKey.isEmpty() ? null : apiKey;
    ServeOptions options = new ServeOptions(host, port, name(), key, cors, limits);
    PrintWriter err = spec.commandLine().getErr();
    try (LanguageModel model = loading.runtime(path)) {
      ParqServer server = ParqServer.start(model, options);
      // Ctrl-C and SIGTERM end the program, which waits for this.
      Runtime.getRuntime().addShutdownHook(new Thread(server::close));
      err.printf("%s%nserving %s at %s%n", Footprint.of(model), options.name(), server.uri());
      err.flush();
      new CountDownLatch(1).await();
    }
    return 0;
  }

  private String name() {
    Path file = path.toAbsolutePath().normalize().getFileName();
    return name != null ? name : file == null ? ServeOptions.DEFAULTS.name() : file.toString();
  }
}
