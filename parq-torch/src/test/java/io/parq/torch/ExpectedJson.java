package io.parq.torch;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/** What a model computes, as JSON for programs that are to compute the same. */
final class ExpectedJson {
  private static final int SEED = 5;

  private ExpectedJson() {}

  static int[] tokens(int vocabulary, int length) {
    return new Random(SEED).ints(length, 0, vocabulary).toArray();
  }

  static float[] logits(CausalLm model, int[] tokens) {
    try (PointerScope _ = new PointerScope()) {
      NoGradGuard guard = new NoGradGuard();
      long[] ids = Arrays.stream(tokens).asLongStream().toArray();
      float[] logits = Golden.floats(model.forward(Tensor.create(ids, 1, ids.length)));
      guard.close();
      return logits;
    }
  }

  static int[] greedy(CausalLm model, int[] prompt, int count) {
    int[] tokens = prompt;
    for (int i = 0; i < count; i++) {
      float[] logits = logits(model, tokens);
      int from = logits.length - model.config().vocabSize();
      int best = 0;
      for (int j = 1; j < model.config().vocabSize(); j++) {
        best = logits[from + j] > logits[from + best] ? j : best;
      }
      tokens = Arrays.copyOf(tokens, tokens.length + 1);
      tokens[tokens.length - 1] = best;
    }
    return Arrays.copyOfRange(tokens, prompt.length, tokens.length);
  }

  static void addLogits(ObjectNode expected, CausalLm model, int[] tokens) {
    float[] logits = logits(model, tokens);
    ByteBuffer bytes = ByteBuffer.allocate(4 * logits.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(logits);
    ObjectNode sequence = expected.withArray("sequences").addObject();
    addInts(sequence.putArray("tokens"), tokens);
    sequence.put("logits", Base64.getEncoder().encodeToString(bytes.array()));
  }

  static void addTexts(ObjectNode expected, Tokenizer tokenizer, String... texts) {
    ArrayNode cases = expected.putArray("texts");
    for (String text : texts) {
      ObjectNode one = cases.addObject().put("text", text);
      addInts(one.putArray("tokens"), tokenizer.encode(text, false));
    }
  }

  static void addInts(ArrayNode array, int[] numbers) {
    for (int number : numbers) {
      array.add(number);
    }
  }
}
