package io.parq.torch.train;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A question with several answers, one of which is right, and how models are scored on it. A model
 * answers with the choice that it finds most likely after the context.
 *
 * <p>As in EleutherAI's lm-evaluation-harness: a choice is scored by the log-likelihood of a space
 * and its text, given the context; white space at the context's end goes over to the choice;
 * context and choice are tokenized together, and the choice's tokens are those after as many as the
 * context has alone. The token for the beginning of a text, if there is one, goes first; an empty
 * context is replaced by it or by the one for the end. For {@code acc_norm} the log-likelihood is
 * divided by the number of the choice's characters (Unicode code points), the space not among them.
 *
 * @param context what comes before the choices
 * @param choices at least two, none empty
 * @param answer index of the right one
 */
public record MultipleChoice(String context, List<String> choices, int answer) {
  /** Checks and copies. */
  public MultipleChoice {
    choices = List.copyOf(choices);
    if (choices.size() < 2 || choices.contains("")) {
      throw new IllegalArgumentException(
          "choices %s, expected at least two, none empty".formatted(choices));
    }
    if (answer < 0 || answer >= choices.size()) {
      throw new IllegalArgumentException(
          "answer %d, expected the index of one of %d choices".formatted(answer, choices.size()));
    }
  }

  /**
   * How many questions were answered rightly.
   *
   * @param questions number of questions
   * @param correct right by log-likelihood
   * @param correctNormalized right by log-likelihood divided by the choice's length in characters
   */
  public record Accuracy(int questions, int correct, int correctNormalized) {
    /** {@return the fraction right by log-likelihood} */
    public double acc() {
      return correct / (double) questions;
    }

    /** {@return the fraction right by log-likelihood per character of the choice} */
    public double accNorm() {
      return correctNormalized / (double) questions;
    }
  }

  /**
   * Reads questions from a JSONL file, one object {@code {"context": "...", "choices": ["...",
   * ...], "answer": 0}} a line. Other keys are ignored, and so are empty lines.
   *
   * @param file the file, in UTF-8
   * @return the questions, at least one
   * @throws IllegalArgumentException if a line is not as described or there is none; the message
   *     names file and line
   * @throws IOException if the file cannot be read
   */
  public static List<MultipleChoice> read(Path file) throws IOException {
    List<MultipleChoice> questions = new ArrayList<>();
    JsonLines.read(file, line -> questions.add(of(line)));
    if (questions.isEmpty()) {
      throw new IllegalArgumentException(file + ": empty, expected questions");
    }
    return questions;
  }

  private static MultipleChoice of(JsonNode line) {
    JsonNode answer = line.path("answer");
    if (!line.path("choices").isArray() || !answer.isInt()) {
      throw new IllegalArgumentException(
          "expected an object with \"context\", a list \"choices\" and an index \"answer\"");
    }
    List<String> choices = new ArrayList<>();
    for (JsonNode choice : line.path("choices")) {
      choices.add(JsonLines.string("choice " + choices.size(), choice));
    }
    return new MultipleChoice(
        JsonLines.string("\"context\"", line.path("context")), choices, answer.intValue());
  }

  /**
   * Scores a model. Of several choices with the highest score the first one is taken.
   *
   * @param model what scores
   * @param codec its tokenizer
   * @param questions at least one
   * @param window most ids that the model sees; longer contexts lose their beginning
   * @param batchSize choices at a time, at least 1; shorter ones are padded on the right, which a
   *     causal model does not see
   * @return the accuracy
   * @throws IllegalArgumentException if a number is out of range, there is no question, or a choice
   *     does not fit the window
   */
  public static Accuracy score(
      Scorer model, TextCodec codec, List<MultipleChoice> questions, int window, int batchSize) {
    Checks.atLeast("questions", questions.size(), 1);
    double[][] likelihoods =
        new ChoiceScorer(model, codec, window, batchSize).logLikelihoods(questions);
    int correct = 0;
    int correctNormalized = 0;
    for (int i = 0; i < likelihoods.length; i++) {
      MultipleChoice question = questions.get(i);
      correct += best(likelihoods[i]) == question.answer ? 1 : 0;
      for (int choice = 0; choice < likelihoods[i].length; choice++) {
        String text = question.choices.get(choice);
        likelihoods[i][choice] /= text.codePointCount(0, text.length());
      }
      correctNormalized += best(likelihoods[i]) == question.answer ? 1 : 0;
    }
    return new Accuracy(likelihoods.length, correct, correctNormalized);
  }

  private static int best(double[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      if (scores[i] > scores[best]) {
        best = i;
      }
    }
    return best;
  }
}
