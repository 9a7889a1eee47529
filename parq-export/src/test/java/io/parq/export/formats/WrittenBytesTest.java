package io.parq.export.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.Difference;
import io.parq.export.FolderSource;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.SourceReader;
import io.parq.export.TestModels;
import io.parq.grids.DType;
import io.parq.grids.QuantConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A bit that changes in a file between being written and being read back, in every encoding. */
class WrittenBytesTest {
  private static final String THREADS = "io.parq.threads";
  private static final long SEED = 7;
  private static final int FLIPS = 12;
  private static final Pattern PLACE =
      Pattern.compile("(.*), row (\\d+), column (\\d+): found (\\S+), expected (\\S+)");

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void oneTensorAtATime() {
    System.setProperty(THREADS, "1");
  }

  @AfterEach
  void asManyAsBefore() {
    System.clearProperty(THREADS);
  }

  @ParameterizedTest
  @CsvSource({
    "gguf, Q4_0, symmetric:4 group:32 bf16",
    "gguf, TQ2_0, symmetric:2 per-row bf16",
    "gguf, Q2_0, symmetric:2 group:64 bf16",
    "gguf, Q3_K, symmetric:3 per-row bf16",
    "gguf, Q8_0, symmetric:8 group:32 bf16",
    "gguf, Q2_K, stretched:2 per-row bf16",
    "gguf, Q4_K, stretched:4 per-row bf16",
    "gguf, Q5_0, stretched:4 group:32 bf16",
    "gguf, TQ1_0, ternary per-row bf16",
    "gguf, Q4_K, asymmetric:4 per-row bf16",
    "gguf, MXFP4, fp4 group:32 e8m0",
    "gguf, NVFP4, fp4 group:16 e4m3",
    "onnx, MatMulNBits bits=4 block_size=32, symmetric:4 group:32 bf16",
    "onnx, MatMulNBits bits=4 block_size=128, stretched:2 per-row bf16",
    "onnx, MatMulNBits bits=8 block_size=128, stretched:4 per-row bf16",
    "onnx, MatMulNBits bits=4 block_size=32, asymmetric:4 group:32 bf16",
    "onnx, DequantizeLinear INT8 block_size=8, symmetric:4 group:8 bf16",
    "torchao, int4 in int8, symmetric:4 group:32 bf16",
    "torchao, int2 in int8, stretched:2 per-row bf16",
    "torchao, int4 in int8, asymmetric:4 group:32 bf16",
    "safetensors, F32, symmetric:4 group:32 bf16",
    "parq, 4-bit codes, symmetric:4 group:32 bf16",
    "parq, 3-bit codes, stretched:3 per-row bf16",
    "parq, 4-bit codes, asymmetric:4 group:32 bf16",
    "parq, 4-bit codes, nf4 group:64 fp32",
    "parq, 2-bit codes, lsbq-greedy:2 per-row fp32",
  })
  void aFlippedBitIsFoundAndNamed(String target, String encoding, String weights)
      throws IOException {
    QuantConfig config = QuantConfig.parse(weights);
    Random random = new Random(SEED);
    RoundTripPropertyTest.Case model =
        new RoundTripPropertyTest.Case(target, config, 12, 256, SEED, DType.F32, 0);
    Path input = RoundTripPropertyTest.decoder(folder.resolve("in"), model);
    int found = 0;
    for (int flip = 0; flip < FLIPS; flip++) {
      Path out = folder.resolve("out-" + flip);
      String name = flip == 0 ? TestModels.NORM : TestModels.UP;
      try (ModelSource source = FolderSource.quantizing(input, config, null, TestModels.UP)) {
        Flip progress = new Flip(name, random);
        String at = "%s, seed %d, flip %d".formatted(encoding, SEED, flip);
        try {
          Formats.writer(target, WriteOptions.DEFAULT).write(source, out, progress);
          assertTrue(progress.done, at);
          assertSame(source, out, at, encoding);
        } catch (IOException e) {
          assertTrue(progress.done, at);
          assertNamed(source, name, e.getMessage(), at);
          assertFalse(Files.exists(out), at);
          found++;
        }
      }
      try (Stream<Path> left = Files.list(folder)) {
        assertEquals(0, left.filter(file -> file.toString().endsWith(".tmp")).count(), at(flip));
      }
    }
    // Some bits mean nothing: of ternary digits, or the sign of an e4m3 scale.
    assertTrue(found >= FLIPS - 3, found + " of " + FLIPS);
  }

  private static String at(int flip) {
    return "flip " + flip;
  }

  private static void assertSame(ModelSource source, Path out, String at, String encoding)
      throws IOException {
    try (ModelReader read = Formats.open(out);
        ModelReader expected = new SourceReader(source)) {
      assertNull(Difference.first(expected, read, ModelWriter.Progress.NONE), at);
      if (!encoding.endsWith("codes")) {
        String found =
            read.tensors().stream()
                .filter(tensor -> tensor.name().equals(TestModels.UP))
                .map(ModelReader.Stored::encoding)
                .collect(Collectors.joining());
        assertEquals(encoding, found, at);
      }
    }
  }

  private static void assertNamed(ModelSource source, String name, String message, String at)
      throws IOException {
    if (message.contains("expected finite") || message.contains("expected padding")) {
      assertTrue(message.contains(name), at + ": " + message);
      return; // a scale that is not even a number
    }
    Matcher place = PLACE.matcher(message);
    assertTrue(place.matches(), at + ": " + message);
    assertTrue(place.group(1).endsWith(": " + name), at + ": " + message);
    boolean matrix = source.config(name) != null;
    long row = Long.parseLong(place.group(2));
    long column = Long.parseLong(place.group(3));
    float[] value = new float[1];
    source.values(name).toFloats(matrix ? row * 256 + column : column, value, 0, 1);
    assertEquals(value[0], Float.parseFloat(place.group(5)), at);
    assertNotEquals(value[0], Float.parseFloat(place.group(4)), at);
  }

  /** Flips a bit of what was written of a tensor, when it is about to be read back. */
  private final class Flip implements ModelWriter.Progress {
    private final String tensor;
    private final Random random;
    private byte[] before = new byte[0];
    private boolean done;

    Flip(String tensor, Random random) {
      this.tensor = tensor;
      this.random = random;
    }

    @Override
    public void at(long bytes, long total, String name) {
      if (!name.equals(tensor)) {
        return;
      }
      try {
        Path file = weights();
        byte[] now = Files.readAllBytes(file);
        if (before.length > 0) {
          int[] written = IntStream.range(0, now.length).filter(i -> now[i] != before[i]).toArray();
          int at = written[random.nextInt(written.length)];
          now[at] ^= (byte) (1 << random.nextInt(8));
          try (var channel =
              java.nio.channels.FileChannel.open(file, java.nio.file.StandardOpenOption.WRITE)) {
            channel.write(java.nio.ByteBuffer.wrap(now, at, 1), at);
          }
          done = true;
        }
        before = now;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** The largest unfinished file. */
    private Path weights() throws IOException {
      try (Stream<Path> files = Files.walk(folder)) {
        return files
            .filter(file -> file.toString().substring(folder.toString().length()).contains(".tmp"))
            .filter(Files::isRegularFile)
            .max(java.util.Comparator.comparingLong(file -> file.toFile().length()))
            .map(Objects::requireNonNull)
            .orElseThrow();
      }
    }
  }
}
