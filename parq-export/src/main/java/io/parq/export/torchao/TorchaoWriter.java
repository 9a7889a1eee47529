package io.parq.export.torchao;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.FolderWriter;
import io.parq.export.ModelFiles;
import io.parq.export.ModelReader;
import io.parq.export.ModelSource;
import io.parq.export.TensorCodes;
import io.parq.export.TensorValues;
import io.parq.export.safetensors.SafetensorsReader;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.ActivationQuantization;
import io.parq.grids.BlockLayout;
import io.parq.grids.DType;
import io.parq.grids.Lattice;
import io.parq.grids.QuantConfig;
import io.parq.grids.Target;
import io.parq.grids.TensorData;
import io.parq.grids.UniformGrid;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Writes a folder that transformers loads as {@code IntxUnpackedToInt8Tensor}. A quantized weight
 * {@code P.weight} of N rows and K columns in groups of g is stored as
 *
 * <pre>
 * P._weight_qdata        I8        [N, K]
 * P._weight_scale        F32       [N, K / g]
 * P._weight_zero_point   I8, F32   [N, K / g]
 * </pre>
 *
 * and described by a plain value of the file. Other weights keep their names and types; a tied head
 * is not written.
 *
 * <p>Source: torchao 0.18.0, {@code prototype/safetensors}; transformers 5.23.0, {@code
 * quantizers/quantizer_torchao.py}.
 */
public final class TorchaoWriter extends FolderWriter {
  /** Why a quantized embedding of Gemma 3 is refused, and what to do instead. */
  public static final String GEMMA3_EMBEDDING =
      "a quantized embedding of Gemma 3 is loaded wrongly by transformers 5.23, which then leaves the"
          + " factor unset that embeddings are multiplied with; expected floats: quantize linear"
          + " layers only";

  static final String QDATA = "qdata";
  static final String SCALE = "scale";
  static final String ZERO_POINT = "zero_point";
  static final List<String> PARTS = List.of(QDATA, SCALE, ZERO_POINT);
  static final String TYPE = "IntxUnpackedToInt8Tensor";
  static final String NAMES = "tensor_names";

  private static final JsonMapper JSON = new JsonMapper();
  private static final String WEIGHT = ".weight";

  /** Codes that are written at a time. */
  private static final int PIECE = 1 << 18;

  /** Read by transformers before it looks at the weights; without it they would be random. */
  private static final String QUANTIZATION =
      """
      {"quant_method": "torchao", "quant_type": {"default": {"_type": "IntxWeightOnlyConfig",
       "_version": 2, "_data": {}}}}
      """;

  private final @Nullable ActivationQuantization activations;

  /** Makes a writer of weight-only checkpoints. */
  public TorchaoWriter() {
    this(null, SHARD_BYTES);
  }

  /**
   * Makes a writer.
   *
   * @param activations how the runtime is to round the inputs of linear layers: {@link
   *     ActivationQuantization#INT8_ASYM_PER_TOKEN}, or null for not at all. Embeddings, and a head
   *     that is tied to one, have inputs that are not rounded
   * @param maxShardBytes bytes of data in a file of weights, at least 1
   * @throws IllegalArgumentException if activations are to be rounded in another way, or {@code
   *     maxShardBytes} is below 1
   */
  public TorchaoWriter(@Nullable ActivationQuantization activations, long maxShardBytes) {
    super(maxShardBytes);
    if (activations != null && activations != ActivationQuantization.INT8_ASYM_PER_TOKEN) {
      throw new IllegalArgumentException(
          "activations %s, expected %s or none"
              .formatted(activations, ActivationQuantization.INT8_ASYM_PER_TOKEN));
    }
    this.activations = activations;
  }

  @Override
  public Target target() {
    return new TorchaoTarget();
  }

  /**
   * {@inheritDoc} transformers 5.23.0 leaves the scale of a Gemma 3 embedding unset when the
   * embedding is quantized, and computes nonsense.
   */
  @Override
  protected void check(ModelSource model) throws IOException {
    if (!ModelFiles.modelType(model.folder()).startsWith("gemma3")) {
      return;
    }
    for (TensorInfo tensor : model.tensors()) {
      QuantConfig config = model.config(tensor.name());
      if (config != null && ModelFiles.isEmbedding(tensor.name())) {
        throw new IllegalArgumentException(
            "%s (%s): %s".formatted(tensor.name(), config, GEMMA3_EMBEDDING));
      }
    }
  }

  /** {@return the stored name of a part of a weight, such as {@code a.b._weight_scale}} */
  static String part(String tensor, String part) {
    int dot = tensor.lastIndexOf('.');
    return tensor.substring(0, dot + 1) + "_" + tensor.substring(dot + 1) + "_" + part;
  }

  private static UniformGrid grid(QuantConfig config) {
    if (config.grid() instanceof UniformGrid grid) {
      return grid;
    }
    throw new IllegalStateException(config + " was not refused");
  }

  @Override
  protected List<TensorInfo> declare(TensorInfo tensor, @Nullable QuantConfig config) {
    if (config == null) {
      return List.of(tensor);
    }
    String name = tensor.name();
    if (!name.endsWith(WEIGHT)) {
      throw new IllegalArgumentException(
          name + ": quantized, expected a name that ends with .weight");
    }
    long[] shape = tensor.shape();
    long[] blocks = {shape[0], shape[1] / blockLength(shape, config)};
    return List.of(
        TensorInfo.of(part(name, QDATA), DType.I8, shape),
        TensorInfo.of(part(name, SCALE), DType.F32, blocks),
        TensorInfo.of(part(name, ZERO_POINT), TorchaoTarget.zeroPointType(grid(config)), blocks));
  }

  /** Columns that share a scale. */
  private static long blockLength(long[] shape, QuantConfig config) {
    return Math.min(shape[1], BlockLayout.of(shape, config.granularity()).blockLength());
  }

  @Override
  protected Map<String, String> metadata(ModelSource model) {
    Map<String, String> values = new LinkedHashMap<>();
    ArrayNode names = JSON.createArrayNode();
    for (TensorInfo tensor : model.tensors()) {
      names.add(tensor.name());
      QuantConfig config = model.config(tensor.name());
      values.put(
          tensor.name(),
          config == null ? "{\"_type\": \"Tensor\"}" : description(tensor, config).toString());
    }
    values.put(NAMES, names.toString());
    return values;
  }

  private ObjectNode description(TensorInfo tensor, QuantConfig config) {
    ObjectNode root = JSON.createObjectNode().put("_type", TYPE);
    ObjectNode data = root.putObject("_data");
    data.set("target_dtype", dtype("int" + TorchaoTarget.bits(grid(config))));
    data.putArray("block_size").add(1).add(blockLength(tensor.shape(), config));
    data.set("dtype", dtype("float32"));
    boolean rounds = activations != null && !ModelFiles.isEmbedding(tensor.name());
    data.put("activation_quantization", rounds ? "int8_asym_per_token" : null);
    PARTS.forEach(root.putArray("_tensor_data_names")::add);
    return root;
  }

  private static ObjectNode dtype(String name) {
    return JSON.createObjectNode().put("_type", "torch.dtype").put("_data", name);
  }

  @Override
  protected void config(Path from, Path to) throws IOException {
    ModelFiles.copyConfig(from, to, "float32", QUANTIZATION);
  }

  @Override
  protected ModelReader open(SafetensorsReader files) throws IOException {
    return TorchaoReader.of(files);
  }

  @Override
  protected TensorValues put(ModelSource model, TensorInfo tensor, SafetensorsWriter out)
      throws IOException {
    String name = tensor.name();
    if (model.config(name) == null) {
      TensorData plain = model.plain(name);
      out.put(name, plain.data());
      return plain::toFloats;
    }
    TensorCodes quantized = model.codes(name);
    Lattice lattice = quantized.lattice();
    UniformGrid grid = grid(lattice.config());
    // One scale of the whole tensor is repeated for its rows.
    int copies = lattice.layout().blockLength() > tensor.shape()[1] ? (int) tensor.shape()[0] : 1;
    float[] zeroPoints = new float[lattice.layout().blocks()];
    Arrays.fill(zeroPoints, grid.zeroPoint());
    float[] own = lattice.zeroPoints();
    float[] all = repeat(own == null ? zeroPoints : own, copies);
    byte[] codes = new byte[(int) Math.min(PIECE, tensor.elements())];
    AtomicLong done = new AtomicLong();
    out.put(
        part(name, QDATA),
        () -> {
          long start = done.get();
          int n = (int) Math.min(codes.length, tensor.elements() - start);
          quantized.codes(start, codes, 0, n);
          done.addAndGet(n);
          return n == 0 ? null : MemorySegment.ofArray(codes).asSlice(0, n);
        });
    out.put(part(name, SCALE), MemorySegment.ofArray(repeat(lattice.scales(), copies)));
    out.put(
        part(name, ZERO_POINT),
        TorchaoTarget.zeroPointType(grid) == DType.I8 ? bytes(all) : MemorySegment.ofArray(all));
    return quantized;
  }

  private static float[] repeat(float[] values, int copies) {
    if (copies == 1) {
      return values;
    }
    float[] repeated = new float[copies];
    Arrays.fill(repeated, values[0]);
    return repeated;
  }

  private static MemorySegment bytes(float[] values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return MemorySegment.ofArray(bytes);
  }
}
