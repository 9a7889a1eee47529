package io.parq.samples.names;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.parq.export.ParqFile;
import io.parq.samples.DemoOutput;
import io.parq.torch.CausalLm;
import io.parq.torch.train.TextCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A tiny run with every width, end to end. */
class NamesDemoTest {
  private static final Size TINY = new Size(1, 16, 32, 2, 32, 64, 40, 5, 200);
  private static final List<String> FILES =
      List.of(
          "base",
          "control",
          "metrics.csv",
          "names-2bits.safetensors",
          "names-3bits.safetensors",
          "names-4bits.safetensors",
          "names-ternary.safetensors",
          "qat-2bits",
          "qat-3bits",
          "qat-4bits",
          "qat-ternary",
          "report.html");

  @TempDir private static Path folder;
  private static Path output;
  private static String printed;

  @BeforeAll
  static void runOnce() throws IOException {
    output = folder.resolve("deep").resolve("names");
    printed = run(new NamesDemo.Options(true, output, 1, TINY));
  }

  private static String run(NamesDemo.Options options) throws IOException {
    return DemoOutput.printed(out -> NamesDemo.run(options, out));
  }

  @Test
  void writesItsFilesAndNoOthers() throws IOException {
    assertEquals(FILES, DemoOutput.files(output));
    for (String model : FILES) {
      if (Files.isDirectory(output.resolve(model))) {
        assertEquals(
            List.of("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
            DemoOutput.files(output.resolve(model)),
            model);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void packedFileHoldsTheTrainedWeights(Width width) throws IOException {
    Path file = output.resolve("names-" + width.fileName() + ".safetensors");
    try (CausalLm model = CausalLm.load(output.resolve("qat-" + width.fileName()))) {
      // 256 x 16 of the embedding, 4 x 16 x 16 and 3 x 16 x 32 of the layer, 3 x 16 of the norms.
      assertEquals(4096 + 1024 + 1536 + 48, PackedModel.verify(file, model));
    }
    try (ParqFile packed = ParqFile.open(file)) {
      assertEquals(8, packed.quantizedNames().size());
      assertEquals(
          width.embedding(Method.QAT),
          packed.quantized("model.embed_tokens.weight").lattice().config());
      assertEquals(
          width.linear(Method.QAT),
          packed.quantized("model.layers.0.mlp.up_proj.weight").lattice().config());
      assertEquals(
          Set.of(
              "model.layers.0.input_layernorm.weight",
              "model.layers.0.post_attention_layernorm.weight",
              "model.norm.weight"),
          packed.otherNames());
    }
  }

  @Test
  void noticesAPackedFileOfAnotherModel() throws IOException {
    try (CausalLm model = CausalLm.load(output.resolve("control"))) {
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () -> PackedModel.verify(output.resolve("names-2bits.safetensors"), model));
      assertTrue(
          String.valueOf(e.getMessage()).contains("differs from the trained one"), e.getMessage());
    }
  }

  @Test
  void trainedModelKeepsTheTokenizer() throws IOException {
    try (TextCodec codec = TextCodec.load(output.resolve("qat-2bits"));
        TextCodec bytes = TextCodec.bytes()) {
      assertEquals(bytes.ends(), codec.ends());
      assertEquals(bytes.begin(), codec.begin());
      int[] ids = codec.tokenizer().encode("LATIN\nA", false);
      assertArrayEquals(bytes.tokenizer().encode("LATIN\nA", false), ids);
      assertEquals("LATIN\nA", codec.tokenizer().decode(ids, false));
    }
  }

  @Test
  void writesEveryScore() throws IOException {
    List<String> lines = Files.readAllLines(output.resolve("metrics.csv"));
    assertEquals(MetricsCsv.HEADER, lines.getFirst());
    assertEquals(1 + 2 + 5 * Width.values().length, lines.size());
    int columns = MetricsCsv.HEADER.split(",", -1).length;
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split(",", -1);
      assertEquals(columns, cells.length, line);
      assertTrue(Long.parseLong(cells[4]) > 0, line);
      double bits = Double.parseDouble(cells[5]);
      assertTrue(bits > 1 && bits < 8.5, line);
      assertTrue(Integer.parseInt(cells[6]) > 34_000, line);
      assertTrue(cells[7].matches("[0-9a-f]{64}"), line);
    }
    // 4 bytes each of 6704 weights; below, 4 bits of the embedding and 2 of the layer, and scales.
    assertTrue(lines.get(1).startsWith("fp32,base,fp32,fp32,26816,"), lines.get(1));
    assertTrue(
        lines.stream()
            .anyMatch(
                line ->
                    line.startsWith(
                        "2 bits,PTQ of base error-optimal,stretched:2+error-optimal per-row bf16,"
                            + "symmetric:4+error-optimal per-row bf16,")));
    assertTrue(
        lines.stream()
            .anyMatch(
                line ->
                    line.startsWith(
                        "2 bits,QAT,stretched:2 per-row bf16,symmetric:4 per-row bf16,"
                            + packedBytes(2)
                            + ",")));
  }

  /** Codes, one bf16 scale for each of 256 + 4 * 16 + 2 * 32 + 16 rows, and fp32 norms. */
  private static int packedBytes(int bits) {
    return 4096 / 2 + (1024 + 1536) * bits / 8 + 2 * (256 + 64 + 64 + 16) + 4 * 48;
  }

  @Test
  void learns() throws IOException {
    String base = Files.readAllLines(output.resolve("metrics.csv")).get(1);
    double bits = Double.parseDouble(base.split(",", -1)[5]);
    assertTrue(bits < 7, "a uniform guess takes 8 bits, the base " + bits);
  }

  @Test
  void printsTheTableAndNames() {
    for (Width width : Width.values()) {
      assertTrue(
          Pattern.compile(
                  "(?m)^" + width.label() + "( +\\d\\.\\d{4}){5} +[+-]\\d\\.\\d{4}.* [\\d,]+$")
              .matcher(printed)
              .find(),
          printed);
      assertTrue(printed.contains("  " + width.label() + ", QAT" + System.lineSeparator()));
    }
    assertTrue(printed.contains("Training: 100 %"), printed);
    for (String weights : List.of("fp32", "4 bits", "3 bits", "2 bits", "ternary")) {
      assertTrue(
          Pattern.compile("(?m)^" + weights + " +[\\d,]+ +[\\d,]+ +\\d\\.\\d{4}$")
              .matcher(printed)
              .find(),
          printed);
    }
    assertTrue(
        printed.codePoints().allMatch(c -> c == '\n' || c == '\r' || (c >= ' ' && c <= '~')));
    Matcher reloaded =
        Pattern.compile("reloaded: all 6,704 weights the same bits").matcher(printed);
    assertEquals(Width.values().length, reloaded.results().count(), printed);
  }

  @Test
  void reportIsOnePageWithAllBars() throws IOException {
    String page = Files.readString(output.resolve("report.html"));
    DemoOutput.assertOnePage(page, 2);
    JsonNode data = DemoOutput.data(page);
    assertEquals(Width.values().length, data.get("widths").size());
    assertEquals(Width.values().length, data.get("QAT").size());
    assertTrue(data.get("control").asDouble() > 0);
  }

  @Test
  void sameOptionsGiveTheSameFiles() throws IOException {
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    Size tiny = new Size(1, 8, 8, 1, 16, 64, 2, 2, 100);
    run(new NamesDemo.Options(false, first, 1, tiny));
    run(new NamesDemo.Options(false, second, 1, tiny));
    List<String> files =
        List.of("metrics.csv", "names-2bits.safetensors", "qat-3bits/model.safetensors");
    for (String file : files) {
      assertEquals(-1, Files.mismatch(first.resolve(file), second.resolve(file)), file);
    }
    assertEquals(withoutRates(first), withoutRates(second));
    assertFalse(Files.exists(first.resolve("qat-4bits")));
  }

  /** The report without tokens a second, which are never the same. */
  private static String withoutRates(Path folder) throws IOException {
    String page = Files.readString(folder.resolve("report.html"));
    String rate = "<td class=\"rate\">[\\d,]+</td>";
    assertEquals(3, Pattern.compile(rate).matcher(page).results().count());
    return page.replaceAll(rate, "");
  }

  @Test
  void refusesBadOptions() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new NamesDemo.Options(false, Path.of("x"), 0, Size.DEFAULT));
    assertThrows(IllegalArgumentException.class, () -> new Size(1, 10, 8, 3, 8, 1, 1, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new Size(1, 8, 8, 2, 8, 1, 0, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> NamesDemo.main(new String[] {"x"}));
    Path other = Path.of("elsewhere");
    NamesDemo.Options options = NamesDemo.Options.DEFAULTS.withOutput(other).withFull(true);
    assertEquals(other, options.output());
    assertTrue(options.full());
  }
}
