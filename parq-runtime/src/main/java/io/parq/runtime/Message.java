package io.parq.runtime;

/**
 * A part of a conversation.
 *
 * @param role who speaks: {@code system}, {@code user}, {@code assistant}, or what else the model's
 *     chat template knows
 * @param content what is said
 */
public record Message(String role, String content) {
  /**
   * {@return what the model is told to be}
   *
   * @param content what is said
   */
  public static Message system(String content) {
    return new Message("system", content);
  }

  /**
   * {@return what the model is asked}
   *
   * @param content what is said
   */
  public static Message user(String content) {
    return new Message("user", content);
  }

  /**
   * {@return what the model answered}
   *
   * @param content what is said
   */
  public static Message assistant(String content) {
    return new Message("assistant", content);
  }
}
