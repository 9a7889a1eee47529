package io.parq.export.onnx;

import io.parq.export.AtomicFolder;
import io.parq.export.ModelFiles;
import io.parq.export.ModelSource;
import io.parq.export.ModelWriter;
import io.parq.export.TensorCodes;
import io.parq.export.TensorValues;
import io.parq.export.TensorWork;
import io.parq.export.model.ModelConfig;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.TensorData;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import onnx.Onnx.TensorProto.DataType;

/**
 * Writes a model as a folder for ONNX Runtime: {@code model.onnx} with the graph, {@code
 * model.onnx.data} with the weights, which may be larger than 2 GB, the configuration and the
 * tokenizer's files of the source, and {@code genai_config.json} for onnxruntime-genai. Weights
 * that are not quantized keep their type; all computation is in single precision.
 *
 * <p>A whole model is a decoder of one of the families that {@link ModelConfig} reads. Its inputs
 * and outputs have the names that onnxruntime-genai and optimum use, B being the batch, T the new
 * tokens, P the tokens before them:
 *
 * <pre>
 * input_ids                    INT64 [B, T]
 * attention_mask               INT64 [B, P + T]     0 for padding, 1 for tokens
 * position_ids                 INT64 [B, T]
 * past_key_values.N.key        FLOAT [B, key-value heads, P, head size], and so .value
 * logits                       FLOAT [B, T, vocabulary]
 * present.N.key                FLOAT [B, key-value heads, P + T, head size], and so .value
 * </pre>
 *
 * A prompt is read with P = 0; present keys and values of one call are the past ones of the next. A
 * token sees itself even where it is padding, which keeps padded batches finite. Where positions
 * turn at other frequencies beyond some length (longrope), keys of earlier calls stay as they were
 * made, as in transformers.
 *
 * <p>A head that is tied to the embedding is stored once. Immutable.
 */
public final class OnnxWriter implements ModelWriter {
  /** The file of the graph within the folder that is written. */
  public static final String GRAPH = "model.onnx";

  private static final String DATA = GRAPH + ".data";

  private final OnnxTarget target;

  /**
   * Makes a writer.
   *
   * @param target says what MatMulNBits computes with
   */
  public OnnxWriter(OnnxTarget target) {
    this.target = target;
  }

  @Override
  public OnnxTarget target() {
    return target;
  }

  @Override
  public void write(ModelSource model, Path out, Progress progress) throws IOException {
    ModelConfig config = ModelConfig.read(model.folder());
    GraphBuilder graph = new GraphBuilder(config.family().architecture());
    GraphWeights weights = weights(graph, model);
    new DecoderGraph(config, graph, weights).build();
    weights.refuseUnused();
    try (AtomicFolder folder = AtomicFolder.create(out)) {
      write(model, graph, weights, folder.path(), progress);
      ModelFiles.copyCompanions(model.folder(), folder.path());
      Files.writeString(folder.path().resolve(ModelFiles.CONFIG), config.json());
      Files.writeString(folder.path().resolve(GenaiConfig.FILE), GenaiConfig.of(config));
      folder.commit();
    }
  }

  /**
   * Writes one linear layer: {@code output [.., rows] = input [.., columns] * weight^T}, plus the
   * bias if the model has one under the weight's name with {@code .bias} for {@code .weight}.
   *
   * @param model the model; not modified, not closed
   * @param name of the weight
   * @param out the folder; must not exist
   * @throws IllegalArgumentException if there is no such weight of rank 2, or the format cannot
   *     hold it
   * @throws IOException as {@link #write} throws
   */
  public void writeLinear(ModelSource model, String name, Path out) throws IOException {
    long[] shape = matrix(model, name);
    GraphBuilder graph = new GraphBuilder(name);
    GraphWeights weights = weights(graph, model);
    String x = graph.input("input", DataType.FLOAT, "batch", "token", shape[1]);
    String y = weights.linear(x, name, shape[0], shape[1]);
    String bias = name.replaceFirst("weight$", "bias");
    if (!bias.equals(name) && weights.has(bias)) {
      y = graph.add("Add", List.of(y, weights.vector(bias, shape[0])));
    }
    graph.output("output", y, DataType.FLOAT, "batch", "token", shape[0]);
    writeLayer(model, graph, weights, out);
  }

  /**
   * Writes one embedding: {@code output [batch, token, columns]}, the rows of the weight that
   * {@code ids [batch, token]} name.
   *
   * @param model the model; not modified, not closed
   * @param name of the weight
   * @param out the folder; must not exist
   * @throws IllegalArgumentException as {@link #writeLinear} throws
   * @throws IOException as {@link #write} throws
   */
  public void writeEmbedding(ModelSource model, String name, Path out) throws IOException {
    long[] shape = matrix(model, name);
    GraphBuilder graph = new GraphBuilder(name);
    GraphWeights weights = weights(graph, model);
    String ids = graph.input("ids", DataType.INT64, "batch", "token");
    String rows = weights.embedding(ids, name, shape[0], shape[1]);
    graph.output("output", rows, DataType.FLOAT, "batch", "token", shape[1]);
    writeLayer(model, graph, weights, out);
  }

  private static long[] matrix(ModelSource model, String name) {
    for (TensorInfo tensor : model.tensors()) {
      if (tensor.name().equals(name) && tensor.shape().length == 2) {
        return tensor.shape();
      }
    }
    throw new IllegalArgumentException(name + ": not found as a tensor of rank 2");
  }

  private GraphWeights weights(GraphBuilder graph, ModelSource model) {
    return new GraphWeights(graph, model, target.accuracyLevel(), DATA);
  }

  private static void writeLayer(
      ModelSource model, GraphBuilder graph, GraphWeights weights, Path out) throws IOException {
    try (AtomicFolder folder = AtomicFolder.create(out)) {
      write(model, graph, weights, folder.path(), Progress.NONE);
      folder.commit();
    }
  }

  private static void write(
      ModelSource model, GraphBuilder graph, GraphWeights weights, Path folder, Progress progress)
      throws IOException {
    weights.check();
    try (OutputStream out = Files.newOutputStream(folder.resolve(GRAPH))) {
      graph.model().writeTo(out);
    }
    try (DataFile data = new DataFile(folder.resolve(DATA), weights.bytes())) {
      try (OnnxReader reader = OnnxReader.open(folder)) {
        TensorWork.write(
            weights.placed(),
            GraphWeights.Placed::info,
            progress,
            reader,
            weight -> write(model, weight, data));
      }
      data.force();
    }
  }

  private static TensorValues write(ModelSource model, GraphWeights.Placed weight, DataFile file)
      throws IOException {
    Encoding encoding = weight.encoding();
    if (encoding == null) {
      TensorData plain = model.plain(weight.info().name());
      file.write(plain.data(), weight.codes());
      return plain::toFloats;
    }
    TensorCodes tensor = model.codes(weight.info().name());
    WeightBytes bytes = new WeightBytes(encoding, tensor);
    bytes.writeCodes(file, weight.codes());
    bytes.writeScales(file, weight.scales());
    if (encoding.zeroPoints()) {
      bytes.writeZeroPoints(file, weight.zeroPoints());
    }
    return tensor;
  }
}
