package io.parq.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ParameterFilterTest {
  private static Parameter parameter(String name, Parameter.Kind kind) {
    return Parameter.of(name, kind, new float[4], new float[4], 2, 2);
  }

  private static final Parameter UP = parameter("layers.1.mlp.up.weight", Parameter.Kind.LINEAR);
  private static final Parameter TABLE = parameter("embed.weight", Parameter.Kind.EMBEDDING);

  @ParameterizedTest
  @CsvSource({
    "layers.1.mlp.up.weight, true",
    "layers.*, true",
    "*.weight, true",
    "*, true",
    "layers.?.mlp.*.weight, true",
    "layers.??.mlp.*.weight, false",
    "layers, false",
    "*.mlp, false",
    "layersX1Xmlp.up.weight, false",
    "'', false"
  })
  void globsMatchWholeNames(String glob, boolean matches) {
    assertEquals(matches, ParameterFilter.named(glob).test(UP));
  }

  @Test
  void globsTakeOtherCharactersLiterally() {
    Parameter odd = parameter("a[0].(b)\\E+", Parameter.Kind.OTHER);
    assertEquals(true, ParameterFilter.named("a[0].(b)\\E+").test(odd));
    assertEquals(true, ParameterFilter.named("a[?].*\\E?").test(odd));
    assertEquals(false, ParameterFilter.named("a[0]X(b)*").test(odd));
  }

  @Test
  void globsMatchAliases() {
    Parameter tied = TABLE.withAliases(List.of("lm_head.weight"));
    assertEquals(true, ParameterFilter.named("lm_head.*").test(tied));
    assertEquals(false, ParameterFilter.named("lm_head.*").test(TABLE));
  }

  @Test
  void combine() {
    ParameterFilter linear = ParameterFilter.linear();
    ParameterFilter layers = ParameterFilter.named("layers.*");
    assertEquals(true, linear.and(layers).test(UP));
    assertEquals(false, linear.and(layers.not()).test(UP));
    assertEquals(true, ParameterFilter.embedding().or(layers).test(UP));
    assertEquals(true, ParameterFilter.embedding().or(layers).test(TABLE));
    assertEquals(false, ParameterFilter.all().not().test(TABLE));
    ParameterFilter kinds = ParameterFilter.kind(Parameter.Kind.EMBEDDING, Parameter.Kind.LINEAR);
    assertEquals(true, kinds.test(UP) && kinds.test(TABLE));
    assertThrows(IllegalArgumentException.class, ParameterFilter::kind);
  }

  @Test
  void areValuesThatDescribeThemselves() {
    ParameterFilter filter =
        ParameterFilter.linear().and(ParameterFilter.named("a.*").not()).or(ParameterFilter.all());
    assertEquals("((linear and not named 'a.*') or all)", filter.toString());
    assertEquals(ParameterFilter.named("x"), ParameterFilter.named("x"));
    assertEquals(ParameterFilter.named("x").hashCode(), ParameterFilter.named("x").hashCode());
    assertNotEquals(ParameterFilter.named("x"), ParameterFilter.named("y"));
  }
}
