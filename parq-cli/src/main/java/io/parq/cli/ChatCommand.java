package io.parq.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.parq.export.text.Generation;
import io.parq.runtime.Chat;
import io.parq.runtime.LanguageModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Talks with a model. */
@Command(
    name = "chat",
    description = {
      "Talks with a model: each line is a question, answered as it comes.",
      "Lines from a pipe will do. /reset forgets what was said, /system TEXT does and tells the"
          + " model what to be, /exit ends. Ctrl-C stops an answer, and between answers the program."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class ChatCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "MODEL", description = "a model in any format that has a chat template")
  private Path path = Path.of("");

  @Option(names = "--system", paramLabel = "TEXT", description = "what the model is told to be")
  private @Nullable String system;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "1024",
      description = "most tokens of an answer (default: ${DEFAULT-VALUE})")
  private int maxTokens = 1024;

  @Mixin private SamplingOptions sampling = new SamplingOptions();

  @Option(names = "--verbose", description = "print tokens a second after each answer")
  private boolean verbose;

  @Mixin private RuntimeLoading loading = new RuntimeLoading();

  private PrintWriter out = new PrintWriter(System.out, true, UTF_8);
  private PrintWriter err = out;

  @Override
  public Integer call() throws IOException {
    out = spec.commandLine().getOut();
    err = spec.commandLine().getErr();
    Generation generation = sampling.generation(maxTokens);
    try (LanguageModel model = loading.runtime(path);
        Questions questions = Questions.open()) {
      if (!model.chats()) {
        throw new IllegalArgumentException(
            path + ": no chat template, expected one; parq generate continues texts");
      }
      if (verbose) {
        err.println(Footprint.of(model));
      }
      Chat chat = new Chat(model);
      if (system != null) {
        chat.system(system);
      }
      for (String line = questions.next(); line != null && goesOn(line); line = questions.next()) {
        handle(line, chat, generation, questions);
      }
    }
    return 0;
  }

  private static boolean goesOn(String line) {
    return !line.strip().equals("/exit");
  }

  private void handle(String line, Chat chat, Generation generation, Questions questions) {
    String text = line.strip();
    if (text.equals("/reset")) {
      chat.clear();
      if (system != null) {
        chat.system(system);
      }
    } else if (text.equals("/system") || text.startsWith("/system ")) {
      system = text.substring("/system".length()).strip();
      chat.system(system);
    } else if (text.startsWith("/") && !text.contains(" ")) {
      err.println("expected a question, /reset, /system TEXT or /exit");
      err.flush();
    } else if (!text.isEmpty()) {
      answer(text, chat, generation, questions);
    }
  }

  private void answer(String text, Chat chat, Generation generation, Questions questions) {
    try {
      questions.interrupt(Thread.currentThread());
      Generation.Result result;
      try {
        result =
            chat.say(
                text,
                generation,
                piece -> {
                  out.print(piece);
                  out.flush();
                });
      } finally {
        questions.interrupt(null);
        Thread.interrupted();
      }
      out.println(result.end() == Generation.End.CANCELLED ? " [stopped]" : "");
      out.flush();
      if (verbose) {
        err.printf(
            Locale.ROOT,
            "%d tokens, %.1f a second; first after %.2f s%n",
            result.tokens(),
            result.decodeRate(),
            result.prefillNanos() / 1e9);
        err.flush();
      }
    } catch (IllegalArgumentException e) { // too long, or not what the template expects
      err.println(e.getMessage() + "; /reset begins anew");
      err.flush();
    }
  }
}
