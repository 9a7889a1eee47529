package io.parq.runtime;

import io.parq.export.text.Generation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A conversation with a model. Keys and values of all that was said stay in memory, so that only
 * what is new has to be read. Not thread-safe.
 */
public final class Chat {
  private final LanguageModel model;
  private final List<Message> messages = new ArrayList<>();
  private KeyValueCache cache;

  /** The tokens that the cache has, and maybe one more. */
  private int[] known = {};

  /**
   * Begins a conversation.
   *
   * @param model with whom; it is the caller's, and has to stay open
   */
  public Chat(LanguageModel model) {
    this.model = model;
    cache = model.decoder().newCache();
  }

  /** {@return what was said so far} */
  public List<Message> messages() {
    return List.copyOf(messages);
  }

  /** Forgets all that was said. */
  public void clear() {
    messages.clear();
    known = new int[0];
    cache = model.decoder().newCache();
  }

  /**
   * Forgets all that was said, and begins with what the model is told to be.
   *
   * @param content the system message
   */
  public void system(String content) {
    clear();
    messages.add(Message.system(content));
  }

  /**
   * Asks, and answers. If the thread is interrupted, the answer ends as {@link
   * LanguageModel#generate} says, and what there is of it counts as said.
   *
   * @param content what the user says
   * @param generation what to do
   * @param stream is given the answer in pieces, as {@link LanguageModel#generate} does
   * @return the answer; its prefill is that of new tokens only
   * @throws IllegalArgumentException if the conversation is longer than the model has positions, or
   *     the chat template refuses it; then nothing was said
   * @throws IllegalStateException as {@link LanguageModel#prompt(List)}
   */
  public Generation.Result say(String content, Generation generation, Consumer<String> stream) {
    List<Message> asked = new ArrayList<>(messages);
    asked.add(Message.user(content));
    int[] prompt = model.prompt(asked);
    int positions = model.config().maxPositions();
    Sequence sequence = model.sequence(prompt, generation, cache, positions, stream);
    int same = 0;
    while (same < Math.min(Math.min(cache.length(), known.length), prompt.length - 1)
        && known[same] == prompt[same]) {
      same++;
    }
    cache.length(same);
    known = prompt;
    Generation.Result answer = model.run(sequence);
    known = sequence.ids();
    messages.clear();
    messages.addAll(asked);
    messages.add(Message.assistant(answer.text()));
    return answer;
  }
}
