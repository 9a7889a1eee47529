package io.parq.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine;

/** The commands serve and chat. */
@Timeout(300)
class ServeCommandTest {
  private static HttpRequest.Builder request(ServerProcess server, String path) {
    return HttpRequest.newBuilder(URI.create(server.uri()).resolve(path));
  }

  @Test
  void serversAnswerAndEnd() throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    HttpResponse.BodyHandler<String> text = HttpResponse.BodyHandlers.ofString();
    try (ServerProcess server = ServerProcess.start("secret", "--name", "tiny")) {
      assertEquals(200, client.send(request(server, "/health").build(), text).statusCode());
      HttpRequest.Builder models = request(server, "/v1/models");
      assertEquals(401, client.send(models.build(), text).statusCode());
      models.header("Authorization", "Bearer secret");
      HttpResponse<String> answer = client.send(models.build(), text);
      assertTrue(answer.body().contains("\"tiny\""), answer.body());
      int status = server.end();
      assertTrue(status == 0 || status == 128 + 15, "status " + status);
    }
  }

  private static String chat(String lines, String... options) {
    InputStream before = System.in;
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] args = new String[options.length + 3];
    args[0] = "chat";
    args[1] = ServerProcess.MODEL.toString();
    args[2] = "--no-cache";
    System.arraycopy(options, 0, args, 3, options.length);
    try {
      System.setIn(new ByteArrayInputStream(lines.getBytes(UTF_8)));
      CommandLine command =
          Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
      assertEquals(0, command.execute(args), err.toString());
    } finally {
      System.setIn(before);
    }
    return out + "|" + err;
  }

  @Test
  void linesOfAPipeAreAnswered() {
    String[] options = {"--temperature", "0", "--max-tokens", "12"};
    String once = chat("one\n", options);
    String again = chat("one\n/reset\n\none\n", options);
    String answer = once.substring(0, once.length() - 1);
    assertEquals(answer + answer + "|", again);
    String system = chat("/system be brief\none\n/exit\ntwo\n", options);
    assertEquals(
        chat("one\n", "--temperature", "0", "--max-tokens", "12", "--system", "be brief"), system);
    assertTrue(chat("/foo\n").endsWith("/exit\n"));
    assertTrue(chat("one\n", "--verbose").contains(" a second; first after "));
    String tooLong = chat("Q ".repeat(2000) + "\none\n", options);
    assertTrue(tooLong.endsWith("/reset begins anew\n"), tooLong);
    assertTrue(tooLong.startsWith(answer), tooLong);
  }

  @Test
  void modelsWithoutATemplateDoNotChat() {
    Path plain = PythonVenv.ROOT.resolve("parq-torch/src/test/resources/golden/llama");
    CommandRun run = new CommandRun();
    assertEquals(1, run.parq("chat", plain, "--no-cache"));
    assertTrue(run.err.contains("no chat template"), run.err);
  }
}
