package io.parq.export.gguf;

import io.parq.export.ModelReader;
import io.parq.export.model.Family;
import io.parq.grids.DType;
import io.parq.grids.QuantizedTensor;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads GGUF files of version 2 and 3, whoever wrote them. Tensors of llama, qwen2, qwen3, phi3 and
 * gemma3 get Hugging Face's names, rows of queries and keys Hugging Face's order, and gemma's norms
 * are again without the 1 that is added to them; those of other architectures are as the file has
 * them. Scales of whole tensors (NVFP4) are part of the tensor they belong to.
 *
 * <p>Opening checks everything that the header says, so that reading never reaches outside the
 * file. Decoded are F32, F16, BF16, F64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K,
 * Q6_K, TQ1_0, TQ2_0, Q2_0, MXFP4 and NVFP4; tensors of other types are listed only. Thread-safe
 * until it is closed.
 */
public final class GgufReader implements ModelReader {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfFloat LITTLE_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Elements that are decoded at once: whole blocks of each type. */
  private static final int CHUNK = 1 << 14;

  private static final String SCALE = ".scale";
  private static final String WEIGHT = ".weight";

  private record Tensor(Header.Entry entry, RowOrder order, boolean lessOne, long scaleAt) {}

  private final Path path;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment bytes;
  private final Header header;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  private GgufReader(Path path) throws IOException {
    this.path = path;
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      header = HeaderReader.read(path, bytes);
      addTensors();
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Opens a file.
   *
   * @param path the file
   * @return the reader, to be closed by the caller
   * @throws GgufException if it is not GGUF, or says something that cannot be
   * @throws IOException if it cannot be read
   */
  public static GgufReader open(Path path) throws IOException {
    return new GgufReader(path);
  }

  private void addTensors() throws GgufException {
    Family family = Architecture.ofName(header.metadata().get("general.architecture"));
    TensorNames names = family == null ? null : new TensorNames(family);
    Map<String, Header.Entry> entries = new LinkedHashMap<>();
    header.tensors().forEach(entry -> entries.put(entry.name(), entry));
    for (Header.Entry entry : header.tensors()) {
      String model = names == null ? null : names.toModel(entry.name());
      RowOrder order = RowOrder.SAME;
      boolean lessOne = false;
      if (family != null && model != null) {
        lessOne = Architecture.addsOneToNorms(family) && model.endsWith("norm.weight");
        order = order(entry, family);
      }
      Header.Entry scale = scaleOf(entry, entries);
      if (!isScale(entry, entries)) {
        long scaleAt = scale == null ? -1 : header.dataStart() + scale.offset();
        tensors.put(
            model == null ? entry.name() : model, new Tensor(entry, order, lessOne, scaleAt));
      }
    }
  }

  private RowOrder order(Header.Entry entry, Family family) throws GgufException {
    if (RowOrder.of(entry.name(), family, 2).isSame()) {
      return RowOrder.SAME;
    }
    long dim = number(family + ".attention.key_length", 0);
    if (dim == 0) {
      long heads = number(family + ".attention.head_count", 1);
      dim = number(family + ".embedding_length", 0) / Math.max(1, heads);
    }
    long rows = entry.shape().getFirst();
    if (dim < 2 || dim % 2 != 0 || dim > Integer.MAX_VALUE || rows % dim != 0) {
      throw new GgufException(
          path,
          entry.name(),
          "%d rows, expected a multiple of the elements of a head, %d".formatted(rows, dim));
    }
    return RowOrder.of(entry.name(), family, (int) dim);
  }

  private long number(String key, long otherwise) {
    return header.metadata().get(key) instanceof Long value ? value : otherwise;
  }

  /** The single-precision scale of a whole tensor, null for all but NVFP4. */
  private static Header.@Nullable Entry scaleOf(
      Header.Entry entry, Map<String, Header.Entry> entries) {
    if (entry.encoding() != Encoding.NVFP4 || !entry.name().endsWith(WEIGHT)) {
      return null;
    }
    String stem = entry.name().substring(0, entry.name().length() - WEIGHT.length());
    Header.Entry scale = entries.get(stem + SCALE);
    boolean single =
        scale != null && scale.encoding() == Encoding.F32 && scale.shape().equals(List.of(1L));
    return single ? scale : null;
  }

  private static boolean isScale(Header.Entry entry, Map<String, Header.Entry> entries) {
    if (!entry.name().endsWith(SCALE)) {
      return false;
    }
    String stem = entry.name().substring(0, entry.name().length() - SCALE.length());
    Header.Entry weight = entries.get(stem + WEIGHT);
    return weight != null && Objects.equals(scaleOf(weight, entries), entry);
  }

  /**
   * {@return the values of the header in the file's order} Whole numbers are {@code Long} (those of
   * 64 bits beyond 2^63 - 1 are negative), others {@code Float} or {@code Double}; then there are
   * {@code Boolean}, {@code String}, and {@code List} of one of these.
   */
  public Map<String, Object> metadata() {
    return header.metadata();
  }

  @Override
  public List<Stored> tensors() {
    return tensors.entrySet().stream()
        .map(
            tensor -> {
              Header.Entry entry = tensor.getValue().entry();
              return new Stored(
                  tensor.getKey(), entry.encoding().name(), entry.shape(), entry.bytes());
            })
        .toList();
  }

  /**
   * {@return the files of the Hugging Face folder that this model could come from, by name}
   * config.json and generation_config.json, and if there is a tokenizer tokenizer.json and
   * tokenizer_config.json, all made from the header.
   *
   * @throws GgufException if the architecture or the tokenizer is none that is known, or values
   *     that are needed are missing
   */
  public Map<String, String> files() throws GgufException {
    Map<String, List<Float>> small = new LinkedHashMap<>();
    for (Header.Entry entry : header.tensors()) {
      if (entry.shape().size() == 1 && entry.name().startsWith("rope_f")) {
        float[] values = new float[Math.toIntExact(entry.columns())];
        Tensor tensor = new Tensor(entry, RowOrder.SAME, false, -1);
        decode(tensor, new Scratch(tensor), 0, MemorySegment.ofArray(values));
        small.put(
            entry.name(), IntStream.range(0, values.length).mapToObj(i -> values[i]).toList());
      }
    }
    try {
      return new FolderFiles(header, small).all();
    } catch (IllegalArgumentException e) {
      throw new GgufException(path, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Reads codes and scales of a tensor. Values are those that {@link #read} gives, but for types
   * with offsets (Q4_1, Q5_1, Q2_K, Q4_K, Q5_K), where the offset is rounded to single precision
   * once more.
   *
   * @param name of the tensor, of two dimensions
   * @return codes and lattice in memory of their own; null if elements are floats
   * @throws IOException if there is no such tensor, it is of a type that is not decoded, or a scale
   *     is not finite
   */
  public @Nullable QuantizedTensor quantized(String name) throws IOException {
    Tensor tensor = tensor(name);
    Header.Entry entry = tensor.entry();
    Encoding.Coding coding = entry.encoding().coding();
    if (coding == null || tensor.lessOne() || entry.shape().size() != 2) {
      return null;
    }
    float scale = tensor.scaleAt() < 0 ? 1 : bytes.get(LITTLE_FLOAT, tensor.scaleAt());
    MemorySegment data = bytes.asSlice(header.dataStart() + entry.offset(), entry.bytes());
    try {
      return new CodeReader(entry, coding, data, tensor.order(), scale).read();
    } catch (IllegalArgumentException e) {
      throw new GgufException(path, name, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Reads the floats of a tensor, or what codes stand for.
   *
   * @param name of the tensor
   * @return F16 and BF16 values as they are, others as F32; a view of the file where nothing has to
   *     be changed, valid until this is closed
   * @throws IOException if there is no such tensor, or it is of a type that is not decoded
   */
  public TensorData plain(String name) throws IOException {
    Tensor tensor = tensor(name);
    Header.Entry entry = tensor.entry();
    DType type = entry.encoding().dtype();
    long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
    MemorySegment data = bytes.asSlice(header.dataStart() + entry.offset(), entry.bytes());
    if (type != null && !tensor.lessOne() && tensor.order().isSame()) {
      return new TensorData(type, shape, data);
    }
    if (type != null && !tensor.lessOne() && shape.length == 2) {
      MemorySegment ordered = Arena.ofAuto().allocate(entry.bytes(), Long.BYTES);
      long length = entry.encoding().rowBytes(entry.columns());
      for (long row = 0; row < entry.rows(); row++) {
        long from = tensor.order().fileRow(row) * length;
        MemorySegment.copy(data, from, ordered, row * length, length);
      }
      return new TensorData(type, shape, ordered);
    }
    long size = Math.multiplyExact(4L, TensorData.elements(shape));
    MemorySegment floats = Arena.ofAuto().allocate(size, Long.BYTES);
    read(name, 0, entry.rows(), floats);
    return new TensorData(DType.F32, shape, floats);
  }

  private Tensor tensor(String name) throws GgufException {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new GgufException(
          path, name, "not found, expected one of %d tensors".formatted(tensors.size()));
    }
    if (tensor.entry().encoding().decoder() == null) {
      throw new GgufException(
          path, name, "type %s is not decoded".formatted(tensor.entry().encoding()));
    }
    return tensor;
  }

  @Override
  public void read(String name, long row, long count, MemorySegment out) throws IOException {
    Tensor tensor = tensor(name);
    Header.Entry entry = tensor.entry();
    Objects.checkFromIndexSize(row, count, entry.rows());
    long columns = entry.columns();
    if (out.byteSize() != Math.multiplyExact(Math.multiplyExact(count, columns), 4L)) {
      throw new IndexOutOfBoundsException(
          "%d bytes for %d rows of %d floats".formatted(out.byteSize(), count, columns));
    }
    Scratch scratch = new Scratch(tensor);
    if (entry.shape().size() == 1 && !tensor.order().isSame()) {
      readElements(tensor, scratch, out);
      return;
    }
    for (long i = 0; i < count; i++) {
      long fileRow = tensor.order().fileRow(row + i);
      decode(tensor, scratch, fileRow, out.asSlice(4 * i * columns, 4 * columns));
    }
  }

  /** Buffers of one call. */
  private static final class Scratch {
    private final byte[] in;
    private final float[] out;

    Scratch(Tensor tensor) {
      Encoding encoding = tensor.entry().encoding();
      int elements = (int) Math.min(CHUNK, tensor.entry().columns());
      this.out = new float[elements];
      this.in = new byte[elements / encoding.elements() * encoding.bytes()];
    }
  }

  private void decode(Tensor tensor, Scratch scratch, long row, MemorySegment out) {
    Encoding encoding = tensor.entry().encoding();
    long columns = tensor.entry().columns();
    long at =
        header.dataStart()
            + tensor.entry().offset()
            + Math.multiplyExact(row, encoding.rowBytes(columns));
    for (long column = 0; column < columns; column += CHUNK) {
      int length = (int) Math.min(CHUNK, columns - column);
      int blocks = length / encoding.elements();
      MemorySegment.copy(
          bytes, at, MemorySegment.ofArray(scratch.in), 0, (long) blocks * encoding.bytes());
      at += (long) blocks * encoding.bytes();
      decode(tensor, scratch, blocks);
      MemorySegment.copy(scratch.out, 0, out, FLOAT, 4 * column, length);
    }
  }

  private void decode(Tensor tensor, Scratch scratch, int blocks) {
    if (tensor.scaleAt() >= 0) {
      float scale = bytes.get(LITTLE_FLOAT, tensor.scaleAt());
      FloatBlocks.nvfp4(scratch.in, 0, blocks, scratch.out, 0, scale);
    } else {
      Objects.requireNonNull(tensor.entry().encoding().decoder())
          .decode(scratch.in, 0, blocks, scratch.out, 0);
    }
    if (tensor.lessOne()) {
      for (int i = 0; i < scratch.out.length; i++) {
        scratch.out[i] -= 1;
      }
    }
  }

  /** A bias of queries or keys: its elements are ordered as rows are. */
  private void readElements(Tensor tensor, Scratch scratch, MemorySegment out) {
    long columns = tensor.entry().columns();
    MemorySegment stored = MemorySegment.ofArray(new float[Math.toIntExact(columns)]);
    decode(tensor, scratch, 0, stored);
    for (long i = 0; i < columns; i++) {
      out.set(FLOAT, 4 * i, stored.get(FLOAT, 4 * tensor.order().fileRow(i)));
    }
  }

  /** Unmaps the file. Closing twice does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
