package io.parq.serve;

import io.helidon.webserver.WebServer;
import io.parq.runtime.LanguageModel;
import io.parq.runtime.Scheduler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;

/**
 * Serves a model over HTTP, the way OpenAI's API does:
 *
 * <pre>{@code
 * try (LanguageModel model = LanguageModel.load(Path.of("runs/tiny"));
 *     ParqServer server = ParqServer.start(model, ServeOptions.DEFAULTS)) {
 *   System.out.println(server.uri());
 *   Thread.currentThread().join();
 * }
 * }</pre>
 *
 * <p>{@code POST /v1/chat/completions} and {@code /v1/completions}, whole or by server-sent events,
 * {@code GET /v1/models}, {@code /health}, {@code /metrics} for Prometheus, and a page to chat with
 * at {@code /}. Texts of all requests are generated together. A client that goes away ends its
 * work.
 */
public final class ParqServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ParqServer.class.getName());

  /** Connections beyond those of requests that are answered or wait: idle ones, and refusals. */
  private static final int SPARE_CONNECTIONS = 256;

  /** How long a client may take to send what it began to send. */
  private static final Duration READING = Duration.ofSeconds(30);

  /** How long the last answers may take to be sent when closing. */
  private static final long LAST_MILLIS = 2000;

  private final WebServer server;
  private final Scheduler scheduler;
  private final Api api;
  private final ServeOptions options;
  private boolean closed;

  private ParqServer(WebServer server, Scheduler scheduler, Api api, ServeOptions options) {
    this.server = server;
    this.scheduler = scheduler;
    this.api = api;
    this.options = options;
  }

  /**
   * Starts to serve.
   *
   * @param model what generates; it is the caller's, to be closed after the server
   * @param options how
   * @return the server, to be closed by the caller
   * @throws IOException if the address cannot be listened at
   */
  public static ParqServer start(LanguageModel model, ServeOptions options) throws IOException {
    ServeLimits limits = options.limits();
    InetAddress address = InetAddress.getByName(options.host());
    if (!address.isLoopbackAddress() && options.apiKey() == null) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0} is reached from other machines, and no API key is asked for",
          options.host());
    }
    checkFree(address, options.port());
    Scheduler scheduler =
        new Scheduler(model, limits.concurrent(), limits.queued(), limits.context());
    try {
      Api api = new Api(model, scheduler, options);
      WebServer server =
          WebServer.builder()
              .shutdownHook(false)
              .address(address)
              .port(options.port())
              .maxTcpConnections(
                  (int)
                      Math.min(
                          Integer.MAX_VALUE,
                          (long) limits.concurrent() + limits.queued() + SPARE_CONNECTIONS))
              .connectionOptions(socket -> socket.readTimeout(READING).tcpNoDelay(true))
              .routing(api::route)
              .build()
              .start();
      if (!server.isRunning() || server.port() <= 0) { // it logs why
        throw new IOException(
            "%s:%d: cannot be listened at".formatted(options.host(), options.port()));
      }
      return new ParqServer(server, scheduler, api, options);
    } catch (IOException | RuntimeException | Error e) {
      scheduler.close();
      throw e;
    }
  }

  /** The web server only logs why it could not start. */
  private static void checkFree(InetAddress address, int port) throws IOException {
    try (ServerSocket probe = new ServerSocket(port, 1, address)) {
      LOG.log(System.Logger.Level.TRACE, "{0} is free", probe);
    } catch (IOException e) {
      throw new IOException(
          "%s:%d: cannot be listened at: %s"
              .formatted(address.getHostAddress(), port, e.getMessage()),
          e);
    }
  }

  /** {@return the port that is listened at} */
  public int port() {
    return server.port();
  }

  /** {@return the address that is listened at} */
  public URI uri() {
    String host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
    return URI.create("http://%s:%d/".formatted(host, port()));
  }

  /**
   * Ends gracefully: refuses new requests (503), waits for those under way as long as the options
   * say, cancels the rest, and stops. Closing twice does nothing.
   */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    api.refuse();
    boolean interrupted = false;
    try {
      scheduler.drain(options.limits().grace());
      if (!api.awaitAnswers(LAST_MILLIS)) {
        LOG.log(System.Logger.Level.WARNING, "some answers could not be sent in time");
      }
    } catch (InterruptedException e) {
      interrupted = true;
      scheduler.close();
    }
    server.stop();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
