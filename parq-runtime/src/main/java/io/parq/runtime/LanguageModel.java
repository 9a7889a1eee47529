package io.parq.runtime;

import io.parq.export.model.ModelConfig;
import io.parq.export.text.Generation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A decoder that runs on the CPU, from packed weights or plain ones:
 *
 * <pre>{@code
 * try (LanguageModel model = LanguageModel.load(Path.of("runs/tiny"))) {
 *   var result = model.generate("Once upon a time", Generation.greedy(64), System.out::print);
 *   System.out.printf("%n%.1f tokens a second%n", result.decodeRate());
 * }
 * }</pre>
 *
 * <p>Linear layers and the embedding stay quantized in memory, as they are in the file. Products
 * run on the threads of the common pool. Thread-safe until it is closed: every call has a cache of
 * its own.
 */
public final class LanguageModel implements AutoCloseable {
  /** Nanoseconds of repacking from which on its result is kept. */
  private static final long WORTH_CACHING = 1_000_000_000;

  private final Decoder decoder;
  private final Codec codec;
  private final @Nullable ChatTemplate template;
  private final boolean cached;
  private final long startNanos;

  private LanguageModel(
      Decoder decoder,
      Codec codec,
      @Nullable ChatTemplate template,
      boolean cached,
      long startNanos) {
    this.decoder = decoder;
    this.codec = codec;
    this.template = template;
    this.cached = cached;
    this.startNanos = startNanos;
  }

  /**
   * Reads a model, in any format that {@code parq export} writes, whoever wrote it: a packed file
   * such as {@code model.parq.safetensors}; a folder that training wrote, with such a file and the
   * folder {@code model}; a GGUF file; a Hugging Face folder. Codes of packed and GGUF files stay
   * codes; weights of ONNX and torchao are decoded to single precision.
   *
   * @param path file or folder
   * @return the model, to be closed by the caller; its inputs are quantized as it was trained
   * @throws IOException if a file is missing, cannot be read, or is not what its configuration asks
   *     for
   */
  public static LanguageModel load(Path path) throws IOException {
    return load(path, LoadOptions.DEFAULTS);
  }

  /**
   * Reads a model as {@link #load(Path)} does.
   *
   * @param path file or folder
   * @param options how
   * @return the model, to be closed by the caller
   * @throws IOException as the other
   */
  public static LanguageModel load(Path path, LoadOptions options) throws IOException {
    return load(path, options, WORTH_CACHING);
  }

  /** The same with another limit, in nanoseconds, from which on a cache is written. */
  static LanguageModel load(Path path, LoadOptions options, long worth) throws IOException {
    long start = System.nanoTime();
    try (WeightFiles files = WeightFiles.open(path, options.config())) {
      ModelConfig config = files.config();
      if (options.cached()) {
        files.useCache(options.cacheFolder());
      }
      Decoder decoder = new Decoder(new LayerReader(config, files, options.floatActivations()));
      Codec codec = Codec.load(files.texts(), config.vocabSize());
      ChatTemplate template = ChatTemplate.load(files.texts());
      files.writeCache(worth);
      return new LanguageModel(
          decoder, codec, template, files.isCached(), System.nanoTime() - start);
    }
  }

  /** {@return what the model looks like} */
  public ModelConfig config() {
    return decoder.config();
  }

  /**
   * Computes logits.
   *
   * @param ids token ids, at least one, each from 0 to the vocabulary's size less one; not modified
   * @return at each token the logits of the next one, {@code [token][vocabulary]}
   * @throws IllegalArgumentException if there are no ids, or one is out of range
   */
  public float[] logits(int[] ids) {
    if (ids.length == 0) {
      throw new IllegalArgumentException("no ids, expected at least one");
    }
    return decoder.read(ids, ids.length, decoder.newCache(), true);
  }

  /**
   * Turns a text into tokens, without one for its beginning.
   *
   * @param text any text; special tokens that are spelled out are recognized
   * @return the ids
   * @throws IllegalStateException if there was no tokenizer.json and the vocabulary is not bytes
   */
  public int[] encode(String text) {
    return codec.encode(text);
  }

  /**
   * Turns tokens into text, special ones left out.
   *
   * @param ids token ids; not modified
   * @return the text
   * @throws IllegalStateException as {@link #encode}
   */
  public String decode(int[] ids) {
    return codec.decode(ids);
  }

  /**
   * Turns a text into the tokens of a prompt.
   *
   * @param text any text, to be put after the token for the beginning of a text, if there is one;
   *     an empty one is replaced by the token for the beginning or else the end of a text
   * @return the ids
   * @throws IllegalArgumentException if the text is empty and there is no such token
   * @throws IllegalStateException as {@link #encode}
   */
  public int[] prompt(String text) {
    return codec.prompt(text);
  }

  /** {@return whether the model has a chat template} */
  public boolean chats() {
    return template != null;
  }

  /**
   * Turns a conversation into the tokens of a prompt, up to where the assistant's answer begins.
   *
   * @param messages what was said, a message at least
   * @return the ids, with the special tokens that the model's chat template writes and no others
   * @throws IllegalArgumentException if there are no messages, or the template refuses them
   * @throws IllegalStateException if the model has no chat template, or as {@link #encode}
   */
  public int[] prompt(List<Message> messages) {
    return prompt(messages, Map.of());
  }

  /**
   * Turns a conversation into tokens as {@link #prompt(List)} does.
   *
   * @param messages what was said
   * @param variables more that the model's template asks for, such as {@code enable_thinking}:
   *     null, strings, booleans, numbers, lists and maps; not modified
   * @return the ids
   */
  public int[] prompt(List<Message> messages, Map<String, ? extends @Nullable Object> variables) {
    if (template == null) {
      throw new IllegalStateException(
          "the model has no chat template, expected chat_template.jinja or chat_template in"
              + " tokenizer_config.json; it continues texts only");
    }
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("no messages, expected at least one");
    }
    return encode(template.render(messages, variables));
  }

  /**
   * Continues a prompt. The same arguments give the same text. If the thread is interrupted, the
   * text ends with the token that is being computed, and the thread stays interrupted.
   *
   * @param prompt the beginning, as {@link #prompt(String)} takes it
   * @param generation what to do
   * @param stream is given the text in pieces as soon as they are certain: whole characters, and
   *     nothing that may turn out to be a stop string
   * @return the whole text, and how long it took
   * @throws IllegalArgumentException if the prompt is longer than the model has positions, or as
   *     {@link #prompt(String)}
   * @throws IllegalStateException as {@link #encode}
   */
  public Generation.Result generate(String prompt, Generation generation, Consumer<String> stream) {
    return generate(prompt(prompt), generation, stream);
  }

  /**
   * Answers a conversation, as {@link #generate} continues a text. {@link Chat} is faster for one
   * that goes on.
   *
   * @param messages what was said
   * @param generation what to do
   * @param stream is given the answer in pieces
   * @return the answer
   * @throws IllegalArgumentException as {@link #generate} and {@link #prompt(List)}
   * @throws IllegalStateException as {@link #prompt(List)}
   */
  public Generation.Result chat(
      List<Message> messages, Generation generation, Consumer<String> stream) {
    return generate(prompt(messages), generation, stream);
  }

  private Generation.Result generate(int[] prompt, Generation generation, Consumer<String> stream) {
    int positions = config().maxPositions();
    return run(sequence(prompt, generation, decoder.newCache(), positions, stream));
  }

  Sequence sequence(
      int[] prompt,
      Generation generation,
      KeyValueCache cache,
      int positions,
      Consumer<String> stream) {
    int vocabulary = config().vocabSize();
    return new Sequence(codec, prompt, generation, cache, positions, vocabulary, stream);
  }

  Generation.Result run(Sequence sequence) {
    boolean goesOn = true;
    while (goesOn && !Thread.currentThread().isInterrupted()) {
      decoder.refresh(sequence.cache(), sequence.length());
      while (sequence.unread() > 0) {
        decoder.step(List.of(sequence.next(Decoder.CHUNK)));
      }
      goesOn = sequence.add();
    }
    return sequence.result();
  }

  /** What computes, for tests of its parts. */
  Decoder decoder() {
    return decoder;
  }

  /** {@return bytes of memory that the weights of linear layers and the embedding take} */
  public long weightBytes() {
    return decoder.byteSize();
  }

  /** {@return bytes of memory that keys and values of one token take} */
  public long cacheBytesPerToken() {
    return decoder.cacheBytesPerToken();
  }

  /** {@return whether repacked weights came from a cache} */
  public boolean isCached() {
    return cached;
  }

  /** {@return nanoseconds that reading and repacking took} */
  public long startNanos() {
    return startNanos;
  }

  /** Frees the tokenizer; memory of weights goes with the object. Closing twice does nothing. */
  @Override
  public void close() {
    codec.close();
  }
}
