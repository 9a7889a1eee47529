package io.parq.serve;

import org.jspecify.annotations.Nullable;

/** What a client is told instead of an answer, in the shape of OpenAI's errors. */
final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final String INVALID = "invalid_request_error";

  private final int status;
  private final String type;
  private final @Nullable String code;
  private final @Nullable String param;

  private ApiException(
      int status, String type, @Nullable String code, @Nullable String param, String message) {
    super(message, null, false, false);
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
  }

  /** 400: a parameter is wrong. */
  static ApiException parameter(String param, String message) {
    return new ApiException(400, INVALID, null, param, message);
  }

  /** 400: a parameter is wrong, for a reason that programs know by a code. */
  static ApiException parameter(String param, String code, String message) {
    return new ApiException(400, INVALID, code, param, message);
  }

  /** Another fault of the request. */
  static ApiException request(int status, @Nullable String code, String message) {
    return new ApiException(status, INVALID, code, null, message);
  }

  /** 404: no such model. */
  static ApiException noModel(String asked, String served) {
    return new ApiException(
        404,
        INVALID,
        "model_not_found",
        "model",
        "the model '%s' does not exist here, expected '%s'".formatted(asked, served));
  }

  /** 429: too many requests. */
  static ApiException busy(String message) {
    return new ApiException(429, "rate_limit_error", "rate_limit_exceeded", null, message);
  }

  /** A fault of the server. */
  static ApiException server(int status, String code, String message) {
    return new ApiException(status, "server_error", code, null, message);
  }

  int status() {
    return status;
  }

  String type() {
    return type;
  }

  @Nullable String code() {
    return code;
  }

  @Nullable String param() {
    return param;
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
