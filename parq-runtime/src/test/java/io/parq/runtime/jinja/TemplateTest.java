package io.parq.runtime.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.parq.runtime.Golden;
import java.io.IOException;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Chat templates against transformers' renderings. */
class TemplateTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  static Stream<Arguments> cases() throws IOException {
    JsonNode golden = Golden.json("templates.json");
    return StreamSupport.stream(golden.get("cases").spliterator(), false)
        .map(
            one ->
                Arguments.of(
                    one.get("template").asText()
                        + ", "
                        + one.get("conversation").asText()
                        + ", "
                        + one.get("prompt")
                        + one.get("variables").path("enable_thinking"),
                    one,
                    golden.get("templates").get(one.get("template").asText()).textValue(),
                    golden.get("conversations").get(one.get("conversation").asText())));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void textsAreThoseOfTransformers(
      String name, JsonNode expected, String source, JsonNode messages) {
    Map<String, Object> variables = new HashMap<>(map(expected.get("variables")));
    variables.put("messages", JSON.convertValue(messages, List.class));
    variables.put("add_generation_prompt", expected.get("prompt").booleanValue());
    variables.put("tools", null);
    Template template = Template.parse(source);
    if (expected.has("error")) {
      TemplateException e =
          assertThrows(TemplateException.class, () -> template.render(variables), name);
      assertEquals(expected.get("error").textValue(), e.getMessage());
    } else {
      assertEquals(expected.get("text").textValue(), template.render(variables));
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(JsonNode node) {
    return JSON.convertValue(node, Map.class);
  }

  @Test
  void timeIsNow() {
    int before = LocalDate.now(ZoneId.systemDefault()).getYear();
    String text = Template.parse("{{ strftime_now('%Y|%d %b|%H:%M:%S|%%') }}").render(Map.of());
    assertTrue(text.matches(before + "\\|\\d\\d [A-Z][a-z]{2}\\|\\d\\d:\\d\\d:\\d\\d\\|%"), text);
  }

  static Stream<Arguments> wrong() {
    return Stream.of(
        Arguments.of("{% if true %}a", "line 1: the end, expected 'elif' or 'else' or 'endif'"),
        Arguments.of("{{ 1 + }}", "expected an expression"),
        Arguments.of("{{ 1 | nofilter }}", "no filter named 'nofilter'"),
        Arguments.of("{{ 1 is notest }}", "no test named 'notest'"),
        Arguments.of("{% include 'x' %}", "statement 'include' is not known here"),
        Arguments.of("{{ \"open }}", "expected a template"),
        Arguments.of("{# open", "a comment that does not end"),
        Arguments.of("{{ missing.part }}", "'missing' is undefined"),
        Arguments.of("{{ 'a' + 1 }}", "'a' + 1: these do not go together"),
        Arguments.of("{{ 1 // 0 }}", "division by zero"),
        Arguments.of("{{ range(1000000) | list }}", "expected at most 100000 numbers"),
        Arguments.of("{{ 'a'() }}", "cannot be called"),
        Arguments.of("{% for x in 5 %}{% endfor %}", "5 cannot be iterated"),
        Arguments.of(
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls itself without an end"),
        Arguments.of("{{ raise_exception('no 1') }}", "no 1"));
  }

  @ParameterizedTest
  @MethodSource("wrong")
  void errorsAreExplained(String source, String expected) {
    TemplateException e =
        assertThrows(
            TemplateException.class, () -> Template.parse(source).render(Map.of()), source);
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }
}
