package io.parq.torch.train;

import java.util.List;
import java.util.OptionalInt;

/**
 * How a chat is written as text. Each message is
 *
 * <pre>
 * prefix of its role, content, end, gap
 * </pre>
 *
 * and each of prefix, content with end, and gap is tokenized on its own, so that what counts
 * towards the loss, the assistant's content and end, begins and ends with whole tokens.
 *
 * <p>The constants write what the chat templates of those model families write for plain
 * conversations, without tools and without system messages that the user did not give.
 *
 * @param system prefix of a system message; if empty, its content goes before that of the user's
 *     message that follows, with an empty line between them
 * @param user prefix of a user's message
 * @param assistant prefix of an assistant's message
 * @param end ends every message
 * @param gap separates messages
 */
public record ChatTemplate(String system, String user, String assistant, String end, String gap) {
  /** For models without marks of their own: {@code User: ...} and {@code Assistant: ...} lines. */
  public static final ChatTemplate PLAIN =
      new ChatTemplate("System: ", "User: ", "Assistant: ", "\n", "");

  /** ChatML, which Qwen2 and Qwen3 use. */
  public static final ChatTemplate CHATML =
      new ChatTemplate(
          "<|im_start|>system\n",
          "<|im_start|>user\n",
          "<|im_start|>assistant\n",
          "<|im_end|>",
          "\n");

  /** Llama 3's. */
  public static final ChatTemplate LLAMA3 =
      new ChatTemplate(
          "<|start_header_id|>system<|end_header_id|>\n\n",
          "<|start_header_id|>user<|end_header_id|>\n\n",
          "<|start_header_id|>assistant<|end_header_id|>\n\n",
          "<|eot_id|>",
          "");

  /** Phi-3's. */
  public static final ChatTemplate PHI3 =
      new ChatTemplate("<|system|>\n", "<|user|>\n", "<|assistant|>\n", "<|end|>", "\n");

  /** Phi-4-mini's. */
  public static final ChatTemplate PHI4_MINI =
      new ChatTemplate("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "");

  /** Gemma's. */
  public static final ChatTemplate GEMMA =
      new ChatTemplate(
          "", "<start_of_turn>user\n", "<start_of_turn>model\n", "<end_of_turn>", "\n");

  /** Ids of Phi-3's marks are below this, those of Phi-4-mini above. */
  private static final int PHI_IDS = 100_000;

  /**
   * Chooses by the mark that ends a message: the template whose mark is one token.
   *
   * @param codec of the model
   * @return the template, {@link #PLAIN} if no mark is known
   */
  public static ChatTemplate of(TextCodec codec) {
    for (ChatTemplate template : List.of(CHATML, LLAMA3, PHI3, GEMMA)) {
      OptionalInt mark = codec.tokenizer().find(template.end);
      if (mark.isPresent()) {
        return template.equals(PHI3) && mark.getAsInt() >= PHI_IDS ? PHI4_MINI : template;
      }
    }
    return PLAIN;
  }
}
