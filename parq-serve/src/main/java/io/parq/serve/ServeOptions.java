package io.parq.serve;

import org.jspecify.annotations.Nullable;

/**
 * How a model is served.
 *
 * @param host the address to listen at; that of the loopback is reached from this machine only
 * @param port its port, 0 for any that is free
 * @param name what requests call the model
 * @param apiKey what requests have to bring as {@code Authorization: Bearer KEY}, or null for none
 * @param corsOrigin the origin whose web pages may use the server, {@code *} for any, or null for
 *     none but its own
 * @param limits how much it does
 */
public record ServeOptions(
    String host,
    int port,
    String name,
    @Nullable String apiKey,
    @Nullable String corsOrigin,
    ServeLimits limits) {
  /** On the loopback at port 8080, as {@code parq}, without a key. */
  public static final ServeOptions DEFAULTS =
      new ServeOptions("127.0.0.1", 8080, "parq", null, null, ServeLimits.DEFAULTS);

  /** Checks the values. */
  public ServeOptions {
    if (host.isBlank() || name.isBlank() || port < 0 || port > 65535) {
      throw new IllegalArgumentException(
          "host '%s', port %d, name '%s', expected texts and 0 to 65535"
              .formatted(host, port, name));
    }
    if (apiKey != null && apiKey.isBlank()) {
      throw new IllegalArgumentException("an empty API key, expected one or null");
    }
  }

  /**
   * {@return this at another port}
   *
   * @param other the port, 0 for any that is free
   */
  public ServeOptions withPort(int other) {
    return new ServeOptions(host, other, name, apiKey, corsOrigin, limits);
  }

  /**
   * {@return this with another name of the model}
   *
   * @param other the name
   */
  public ServeOptions withName(String other) {
    return new ServeOptions(host, port, other, apiKey, corsOrigin, limits);
  }

  /**
   * {@return this with a key that requests have to bring}
   *
   * @param key the key, or null for none
   */
  public ServeOptions withApiKey(@Nullable String key) {
    return new ServeOptions(host, port, name, key, corsOrigin, limits);
  }

  /**
   * {@return this with other limits}
   *
   * @param other the limits
   */
  public ServeOptions withLimits(ServeLimits other) {
    return new ServeOptions(host, port, name, apiKey, corsOrigin, other);
  }
}
