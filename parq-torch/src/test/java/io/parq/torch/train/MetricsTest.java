package io.parq.torch.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Metrics files, read back by other means than they were written. */
class MetricsTest {
  @TempDir private Path folder;

  private static Progress progress(long step, double loss, double norm) {
    return new Progress(step, 10, loss, 512 * step, 1234.5, Duration.ZERO, 1e-3, norm, 0.25);
  }

  private static void report(Metrics metrics) {
    metrics.stepped(progress(1, 3.5, Double.NaN));
    metrics.stepped(progress(2, Double.NaN, 0.125));
    metrics.evaluated(2, new Perplexity(4 * Math.log(2), 4, new TextSize(2, 2, 1)));
    metrics.evaluated(2, new Perplexity(4 * Math.log(2), 4, TextSize.EMPTY));
  }

  @Test
  void csv() throws IOException {
    Path file = folder.resolve("m.csv");
    Files.writeString(file, "of an earlier run");
    try (Metrics metrics = Metrics.csv(file)) {
      report(metrics);
      String name = "step,loss,tokens,tokens_per_second,learning_rate,gradient_norm,inverse_slope,";
      assertEquals(
          List.of(
              name + "eval_loss,eval_perplexity,eval_bits_per_character",
              "1,3.5,512,1234.5,0.001,,0.25,,,",
              "2,NaN,1024,1234.5,0.001,0.125,0.25,,,",
              "2,,,,,,,0.6931471805599453,2,2",
              "2,,,,,,,0.6931471805599453,2,"),
          Files.readAllLines(file));
    }
  }

  @Test
  void jsonl() throws IOException {
    Path file = folder.resolve("m.jsonl");
    try (Metrics metrics = Metrics.jsonl(file)) {
      report(metrics);
    }
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      lines.add(new ObjectMapper().readTree(line));
    }
    assertEquals(4, lines.size());
    assertEquals(1, lines.get(0).get("step").asLong());
    assertEquals(3.5, lines.get(0).get("loss").asDouble());
    assertFalse(lines.get(0).has("gradient_norm"));
    assertTrue(lines.get(1).get("loss").isNull());
    assertEquals(2, lines.get(2).get("eval_perplexity").asDouble());
    assertFalse(lines.get(3).has("eval_bits_per_character"));
  }

  @Test
  void resumingDropsLaterSteps() throws IOException {
    for (String name : List.of("m.csv", "m.jsonl")) {
      Path file = folder.resolve(name);
      List<Metrics> both = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        both.add(name.endsWith("csv") ? Metrics.csv(file) : Metrics.jsonl(file));
      }
      try (Metrics first = both.get(0)) {
        for (long step = 1; step <= 12; step++) {
          first.stepped(progress(step, 1, 1));
        }
      }
      List<String> straight = Files.readAllLines(file);
      Files.writeString(file, "torn li", StandardOpenOption.APPEND);
      try (Metrics second = both.get(1)) {
        second.resumed(2);
        assertEquals(straight.size() - 10, Files.readAllLines(file).size());
        for (long step = 3; step <= 12; step++) {
          second.stepped(progress(step, 1, 1));
        }
      }
      assertEquals(straight, Files.readAllLines(file));
    }
  }

  /** An event, as far as it is of interest here. */
  private record Event(long step, String version, boolean sessionStart, List<String> scalars) {}

  private static List<Event> events(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Event> events = new ArrayList<>();
    while (bytes.hasRemaining()) {
      int at = bytes.position();
      int length = Math.toIntExact(bytes.getLong());
      assertEquals(TensorBoardEvents.maskedCrc(bytes.array(), at, 8), bytes.getInt());
      byte[] event = new byte[length];
      bytes.get(event);
      assertEquals(TensorBoardEvents.maskedCrc(event, 0, length), bytes.getInt());
      events.add(event(CodedInputStream.newInstance(event)));
    }
    return events;
  }

  private static Event event(CodedInputStream in) throws IOException {
    long step = -1;
    String version = "";
    boolean start = false;
    List<String> scalars = new ArrayList<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case 1 -> assertTrue(Math.abs(in.readDouble() - System.currentTimeMillis() / 1e3) < 600);
        case 2 -> step = in.readInt64();
        case 3 -> version = in.readString();
        case 5 -> {
          CodedInputStream summary = in.readBytes().newCodedInput();
          while (summary.readTag() == 0x0a) {
            CodedInputStream value = summary.readBytes().newCodedInput();
            assertEquals(0x0a, value.readTag());
            String name = value.readString();
            assertEquals(0x15, value.readTag());
            scalars.add(name + "=" + value.readFloat());
            assertTrue(value.isAtEnd());
          }
          assertTrue(summary.isAtEnd());
        }
        case 7 -> start = Arrays.equals(new byte[] {8, 1}, in.readByteArray());
        default -> throw new AssertionError("tag " + tag);
      }
    }
    return new Event(step, version, start, scalars);
  }

  @Test
  void tensorBoard() throws IOException {
    Path run = folder.resolve("logs/run");
    try (Metrics metrics = Metrics.tensorBoard(run)) {
      report(metrics);
    }
    try (Metrics metrics = Metrics.tensorBoard(run)) {
      metrics.resumed(1);
      metrics.stepped(progress(2, 3.25, 1));
    }
    List<Path> files;
    try (Stream<Path> list = Files.list(run)) {
      files = list.sorted().toList();
    }
    assertEquals(2, files.size());
    assertTrue(files.toString().contains("tfevents"));
    List<Event> first = events(files.get(0));
    assertEquals(5, first.size());
    assertEquals(new Event(0, "brain.Event:2", false, List.of()), first.get(0));
    assertEquals(
        new Event(
            1,
            "",
            false,
            List.of(
                "loss=3.5",
                "tokens=512.0",
                "tokens_per_second=1234.5",
                "learning_rate=0.001",
                "inverse_slope=0.25")),
        first.get(1));
    assertEquals("eval_bits_per_character=2.0", first.get(3).scalars().getLast());
    List<Event> second = events(files.get(1));
    assertEquals(new Event(2, "", true, List.of()), second.get(1));
    assertEquals("loss=3.25", second.get(2).scalars().getFirst());
  }

  @Test
  void checksumsAreMasked() {
    byte[] text = "123456789".getBytes(StandardCharsets.US_ASCII);
    // CRC32C of the digits is the well-known 0xe3069283.
    int expected = Integer.rotateRight(0xe3069283, 15) + 0xa282ead8;
    assertEquals(expected, TensorBoardEvents.maskedCrc(text, 0, text.length));
  }
}
