package io.parq.export.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.MemoryModel;
import io.parq.export.ModelReader;
import io.parq.export.ModelWriter;
import io.parq.grids.QuantConfig;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A damaged file is an error that names the place, and never reads outside the file. */
class DamagedFilesTest {
  private static final long SEED = 7;

  @TempDir Path folder;
  private byte[] good;

  @BeforeEach
  void write() throws IOException {
    QuantizedTensor tensor =
        QuantizedTensor.quantize(
            QuantConfig.parse("symmetric:4 group:32 fp16"),
            MemorySegment.ofArray(GgufRoundTripTest.weights(32, 64, false, 1)),
            32,
            64);
    Path file = folder.resolve("good.gguf");
    MemoryModel model =
        new MemoryModel(folder.resolve("model"), MemoryModel.LLAMA)
            .with("model.layers.0.self_attn.q_proj.weight", tensor)
            .with("model.norm.weight", TensorData.of(new float[] {1, 2, 3, 4}, 4));
    new GgufWriter().write(model, file, ModelWriter.Progress.NONE);
    good = Files.readAllBytes(file);
  }

  private Path bad(byte[] bytes) {
    try {
      return Files.write(folder.resolve("bad.gguf"), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void readAll(Path file) throws IOException {
    try (GgufReader reader = GgufReader.open(file)) {
      for (ModelReader.Stored tensor : reader.tensors()) {
        long columns = tensor.shape().getLast();
        reader.read(tensor.name(), 0, 1, MemorySegment.ofArray(new float[(int) columns]));
      }
    }
  }

  /** All but the padding behind the last tensor is needed. */
  @Test
  void everyTruncationIsNoticed() throws IOException {
    readAll(bad(good));
    for (int length = 0; length <= good.length - 32; length++) {
      byte[] cut = Arrays.copyOf(good, length);
      assertThrows(GgufException.class, () -> header(cut), "cut at " + length);
    }
  }

  private Header header(byte[] bytes) throws IOException {
    return HeaderReader.read(folder, MemorySegment.ofArray(bytes));
  }

  @Test
  void randomDamageGivesValuesOrAnError() {
    Random random = new Random(SEED);
    for (int round = 0; round < 50_000; round++) {
      byte[] bytes = good.clone();
      damage(bytes, random);
      try {
        header(bytes);
        if (round % 50 == 0) {
          readAll(bad(bytes));
        }
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith(folder.toString()), e.getMessage());
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed %d, round %d: %s".formatted(SEED, round, e), e);
      }
    }
  }

  /** Changes some bytes of the header. */
  private void damage(byte[] bytes, Random random) {
    int header = good.length - 32 * 64 / 32 * 18 - 32;
    for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
      int at = random.nextInt(header);
      bytes[at] =
          switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> (byte) random.nextInt();
            default -> (byte) (bytes[at] ^ 1 << random.nextInt(8));
          };
    }
  }

  @Test
  void messages() {
    assertProblem("begins with 47475558, expected the letters GGUF", b -> b.put(3, (byte) 'X'));
    assertProblem("version 9, expected 2 or 3", b -> b.putInt(4, 9));
    assertProblem("is big-endian, expected little-endian", b -> b.putInt(4, 3 << 24));
    assertProblem("tensors, expected at most", b -> b.putLong(8, -1));
    assertProblem("metadata values, expected at most", b -> b.putLong(16, 1L << 40));
    assertProblem("the key of value 0 is 4294967296 bytes long", b -> b.putLong(24, 1L << 32));
  }

  private interface Change {
    void apply(ByteBuffer bytes);
  }

  private void assertProblem(String problem, Change change) {
    byte[] bytes = good.clone();
    change.apply(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    Exception e = assertThrows(GgufException.class, () -> readAll(bad(bytes)));
    assertTrue(e.getMessage().contains(problem), e.getMessage());
  }

  @Test
  void rowsThatAreNotThere() throws IOException {
    try (GgufReader reader = GgufReader.open(bad(good))) {
      MemorySegment row = MemorySegment.ofArray(new float[64]);
      String name = "model.layers.0.self_attn.q_proj.weight";
      assertThrows(IndexOutOfBoundsException.class, () -> reader.read(name, 32, 1, row));
      assertThrows(IndexOutOfBoundsException.class, () -> reader.read(name, -1, 1, row));
      assertThrows(IndexOutOfBoundsException.class, () -> reader.read(name, 0, 2, row));
      assertThrows(GgufException.class, () -> reader.read("none", 0, 1, row));
    }
  }

  /** A sparse file with data beyond 2 and 4 GB. */
  @Test
  void dataBeyondFourGigabytes() throws IOException {
    Header.Entry large = new Header.Entry("a", List.of(1L << 17, 1L << 15), Encoding.Q8_0, 0);
    Header.Entry last = new Header.Entry("b", List.of(2L, 2L), Encoding.F32, large.bytes());
    assertTrue(large.bytes() > 1L << 32);
    byte[] header = new Metadata().header(List.of(large, last));
    Path file = folder.resolve("large.gguf");
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.SPARSE)) {
      channel.write(ByteBuffer.wrap(header), 0);
      ByteBuffer values = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
      values.putFloat(1).putFloat(2).putFloat(3).putFloat(4).flip();
      channel.write(values, header.length + last.offset());
    }
    try (GgufReader reader = GgufReader.open(file)) {
      float[] row = new float[2];
      reader.read("b", 1, 1, MemorySegment.ofArray(row));
      assertEquals(4f, row[1]);
      float[] wide = new float[1 << 15];
      reader.read("a", (1 << 17) - 1, 1, MemorySegment.ofArray(wide));
      assertEquals(0f, wide[wide.length - 1]);
    }
  }
}
