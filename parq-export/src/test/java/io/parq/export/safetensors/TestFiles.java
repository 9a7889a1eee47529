package io.parq.export.safetensors;

import io.parq.grids.DType;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** Files made by hand, and tensors to fill them with. */
final class TestFiles {
  private TestFiles() {}

  static byte[] bytes(String header, int dataBytes) {
    return bytes(header.getBytes(StandardCharsets.UTF_8), dataBytes);
  }

  static byte[] bytes(byte[] header, int dataBytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, header.length).array());
    out.writeBytes(header);
    for (int i = 0; i < dataBytes; i++) {
      out.write(i);
    }
    return out.toByteArray();
  }

  static Path file(Path folder, String name, String header, int dataBytes) throws IOException {
    return Files.write(folder.resolve(name), bytes(header, dataBytes));
  }

  static TensorData tensor(DType dtype, long seed, long... shape) {
    byte[] bytes = new byte[(int) TensorData.elements(shape) * dtype.bytes()];
    new Random(seed).nextBytes(bytes);
    return new TensorData(dtype, shape, MemorySegment.ofArray(bytes));
  }

  /** A tensor of each type and some shapes, in no good order, and plain values. */
  static NamedTensors everything() {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    tensors.put("scalar.u8", tensor(DType.U8, 1));
    tensors.put("empty", tensor(DType.F32, 2, 3, 0, 5));
    for (DType dtype : DType.values()) {
      tensors.put("x." + dtype, tensor(dtype, dtype.name().hashCode(), 3, 5));
    }
    tensors.put("ünïcödé \"quoted\" \\ \n 名前", tensor(DType.I8, 3, 1, 1, 1, 1, 7));
    tensors.put("", tensor(DType.U8, 4, 1));
    tensors.put("floats", TensorData.of(new float[] {1, -2, Float.NaN}, 3));
    Map<String, String> values = new LinkedHashMap<>();
    values.put("step", "12");
    values.put("", "");
    values.put("日本", "line\nline \u0000 {\"a\":1} 😀");
    return new NamedTensors(tensors, values);
  }

  static boolean same(TensorData a, TensorData b) {
    return a.toString().equals(b.toString()) && a.data().mismatch(b.data()) < 0;
  }

  static byte[] content(TensorData tensor) {
    return tensor.data().toArray(ValueLayout.JAVA_BYTE);
  }

  static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }
}
