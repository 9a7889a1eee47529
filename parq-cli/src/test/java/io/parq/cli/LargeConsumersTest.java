package io.parq.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.parq.export.ModelWriter;
import io.parq.export.SourceReader;
import io.parq.export.formats.Formats;
import io.parq.export.formats.WriteOptions;
import io.parq.export.safetensors.SafetensorsWriter;
import io.parq.export.safetensors.TensorInfo;
import io.parq.grids.NamedTensors;
import io.parq.grids.TensorData;
import io.parq.torch.CausalLm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Files beyond 2 GB, whose weights are in their place for the software that loads them. */
@Tag("consumers")
@ExtendWith(ConsumersSummary.class)
class LargeConsumersTest {
  private static final int TOKENS = 8;
  private static final long TWO_GIGABYTES = 1L << 31;

  /** Of sums of thousands of products, in another order. */
  private static final float TOLERANCE = 2e-4f;

  private static Path home = Path.of("");
  private static long[] ids = {};
  private static float[] logits = {};

  @BeforeAll
  static void compute() throws IOException {
    home = Artifacts.folder("large");
    ids = new Random(1).longs(TOKENS, 0, LargeModel.VOCABULARY).toArray();
    try (LargeModel source = new LargeModel(home.resolve("source"));
        CausalLm model = CausalLm.load(source.folder(), new SourceReader(source));
        PointerScope _ = new PointerScope()) {
      Tensor found = model.forward(Tensor.create(ids).reshape(1, TOKENS)).contiguous();
      logits = new float[(int) found.numel()];
      found.data_ptr_float().get(logits);
    }
  }

  @AfterAll
  static void delete() throws IOException {
    Artifacts.folder("large");
  }

  private static Path write(LargeModel source, String target, String name) throws IOException {
    Path out = Files.createDirectories(home.resolve("large-" + target)).resolve(name);
    Formats.writer(target, WriteOptions.DEFAULT).write(source, out, ModelWriter.Progress.NONE);
    return out;
  }

  @Test
  void llamaCppReadsGguf() throws Exception {
    try (LargeModel source = new LargeModel(home.resolve("source"))) {
      Path file = write(source, "gguf", "large.gguf");
      assertTrue(Files.size(file) > TWO_GIGABYTES, file + ": " + Files.size(file));
      Map<String, TensorData> far = new LinkedHashMap<>();
      for (TensorInfo tensor : source.tensors()) {
        if (tensor.name().startsWith(LargeModel.LAST)) {
          far.put(tensor.name(), source.plain(tensor.name()));
        }
      }
      assertEquals(9, far.size());
      SafetensorsWriter.write(
          file.resolveSibling("large.safetensors"), new NamedTensors(far, Map.of()));
      Files.writeString(file.resolveSibling("large.json"), expected());
      PythonVenv.check("check_gguf.py", file.getParent());
      Files.delete(file);
    }
  }

  private static String expected() {
    ByteBuffer bytes = ByteBuffer.allocate(4 * logits.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(logits);
    ObjectNode root = new ObjectMapper().createObjectNode().put("weights", "large.safetensors");
    root.put("head_dim", LargeModel.HEAD).put("n_ctx", 256).put("tolerance", TOLERANCE);
    ObjectNode sequence = root.putArray("sequences").addObject();
    for (long id : ids) {
      sequence.withArray("tokens").add(id);
    }
    sequence.put("logits", Base64.getEncoder().encodeToString(bytes.array()));
    return root.toString();
  }

  @Test
  void onnxRuntimeReadsExternalData() throws Exception {
    long start = System.nanoTime();
    try (LargeModel source = new LargeModel(home.resolve("source"))) {
      Path folder = write(source, "onnx", "model");
      long size = Files.size(folder.resolve("model.onnx.data"));
      assertTrue(size > TWO_GIGABYTES, folder + ": " + size);
      try (OnnxDecoder decoder = new OnnxDecoder(folder)) {
        float[] found = decoder.logits(new long[][] {ids}, 0);
        float worst = 0;
        for (int i = 0; i < logits.length; i++) {
          worst = Math.max(worst, Math.abs(found[i] - logits[i]));
        }
        String result = "%,d bytes, logits within %.1e".formatted(size, worst);
        ConsumersSummary.add("large-onnx", result, System.nanoTime() - start);
        assertEquals(logits.length, found.length);
        assertTrue(worst <= TOLERANCE, result);
      }
      Files.delete(folder.resolve("model.onnx.data"));
    }
  }
}
