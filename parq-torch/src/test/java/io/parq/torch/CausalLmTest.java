package io.parq.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.parq.export.model.ModelConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.StringSharedModuleDict;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class CausalLmTest {
  private static final int STEPS = 300;
  private static final int WARM_UP = 60;

  @BeforeAll
  static void threads() {
    Torch.setThreads(2);
  }

  private static CausalLm fresh(String name, long seed) throws IOException {
    return CausalLm.create(ModelConfig.read(Golden.folder(name)), seed);
  }

  @Test
  void namesAndTypesAreThoseOfTransformers() throws IOException {
    try (CausalLm model = CausalLm.load(Golden.folder("llama-biases"));
        PointerScope _ = new PointerScope()) {
      StringTensorDict parameters = model.named_parameters();
      List<String> names = new ArrayList<>();
      for (long i = 0; i < parameters.size(); i++) {
        names.add(parameters.get(i).key().getString());
        assertTrue(parameters.get(i).value().requires_grad(), names.getLast());
      }
      assertEquals(2 + 2 * 16, names.size());
      assertTrue(names.contains("model.embed_tokens.weight"));
      assertTrue(names.contains("model.layers.1.self_attn.o_proj.bias"));
      assertTrue(names.contains("model.layers.0.post_attention_layernorm.weight"));
      assertFalse(names.contains("lm_head.weight"), "tied heads have no parameter");

      Map<String, Module> modules = new TreeMap<>();
      StringSharedModuleDict found = model.named_modules();
      // The first is the model itself; its name is empty, which the bindings give as null.
      for (long i = 1; i < found.size(); i++) {
        modules.put(found.get(i).key().getString(), found.get(i).value());
      }
      assertEquals(48, modules.get("model.layers.0.mlp.gate_proj").asLinear().weight().size(0));
      assertEquals(
          48,
          modules.get("model.layers.0.mlp.gate_proj").asLinear().options().out_features().get());
      assertEquals(96, modules.get("model.embed_tokens").asEmbedding().weight().size(0));
      assertEquals("RMSNorm", modules.get("model.norm").name().getString());
      assertEquals("LlamaForCausalLM", model.name().getString());
    }
  }

  @Test
  void sameSeedSameWeights() throws IOException {
    try (CausalLm one = fresh("qwen3", 7);
        CausalLm same = fresh("qwen3", 7);
        CausalLm other = fresh("qwen3", 8)) {
      Golden.assertSameWeights(one, same);
      float[] weights = Golden.weights(one).get("model.embed_tokens.weight");
      assertNotEquals(weights[0], Golden.weights(other).get("model.embed_tokens.weight")[0]);
      double squares = 0;
      for (float weight : weights) {
        squares += (double) weight * weight;
      }
      assertEquals(one.config().initializerRange(), Math.sqrt(squares / weights.length), 0.001);
      assertEquals(1f, Golden.weights(one).get("model.norm.weight")[0]);
    }
  }

  @Test
  void tiedWeightsCollectTheGradientsOfBothUses() throws IOException {
    try (CausalLm model = fresh("qwen2", 1);
        PointerScope _ = new PointerScope()) {
      Tensor ids = Tensor.create(new long[] {3, 3, 3, 3}, 1, 4);
      model.forward(ids).sum().backward();
      float[] gradient =
          Golden.floats(model.named_parameters().get("model.embed_tokens.weight").grad());
      int hidden = model.config().hiddenSize();
      // Token 5 is never looked up, so its row comes from the head alone; row 3 has both.
      float head = gradient[5 * hidden];
      assertNotEquals(0f, head);
      assertNotEquals(head, gradient[3 * hidden]);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "phi3-longrope", "gemma3"})
  void everyParameterIsTrained(String name) throws IOException {
    try (CausalLm model = CausalLm.load(Golden.folder(name));
        PointerScope _ = new PointerScope()) {
      train(model, 1, 1);
      StringTensorDict parameters = model.named_parameters();
      for (long i = 0; i < parameters.size(); i++) {
        Tensor gradient = parameters.get(i).value().grad();
        assertTrue(
            gradient.defined() && gradient.abs().sum().item_float() > 0,
            parameters.get(i).key().getString());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Threads.class)
  void trainingRepeatsBitForBit(Threads threads) throws IOException {
    Torch.setThreads(threads.count);
    try (CausalLm one = fresh("gemma3", 3);
        CausalLm two = fresh("gemma3", 3)) {
      train(one, 5, 5);
      train(two, 5, 5);
      Golden.assertSameWeights(one, two);
    } finally {
      Torch.setThreads(2);
    }
  }

  enum Threads {
    ONE(1),
    TWO(2);
    final int count;

    Threads(int count) {
      this.count = count;
    }
  }

  @Test
  void nativeMemoryIsFlatOverManySteps() throws IOException {
    try (CausalLm model = fresh("gemma3", 5)) {
      long objects = 0;
      long bytes = 0;
      for (int done = 0; done < STEPS; done += WARM_UP) {
        train(model, WARM_UP, done);
        if (done == 0) {
          objects = Pointer.totalCount();
          bytes = Pointer.physicalBytes();
        }
      }
      // Objects of earlier tests may be collected meanwhile.
      long kept = Pointer.totalCount() - objects;
      assertTrue(kept <= 0, () -> kept + " native objects that no scope has freed");
      long growth = Pointer.physicalBytes() - bytes;
      // 240 steps; one that kept its activations would keep about 1 MB.
      assertTrue(growth < 32_000_000, () -> "resident memory grew by " + growth + " bytes");
    }
  }

  private static void train(CausalLm model, int steps, long seed) {
    try (PointerScope _ = new PointerScope()) {
      SGD optimizer = new SGD(model.parameters(), new SGDOptions(0.1));
      for (int step = 0; step < steps; step++) {
        try (PointerScope _ = new PointerScope()) {
          long[] ids = new java.util.SplittableRandom(seed + step).longs(2 * 24, 0, 96).toArray();
          Tensor input = Tensor.create(ids, 2, 24);
          optimizer.zero_grad();
          Tensor logits = model.forward(input);
          torch.cross_entropy(logits.flatten(0, 1), input.flatten()).backward();
          optimizer.step();
        }
      }
    }
  }

  @Test
  void longerSequencesThanTheModelWasMadeForAreComputed() throws IOException {
    try (CausalLm model = fresh("llama", 1);
        PointerScope _ = new PointerScope()) {
      Tensor logits = model.forward(Tensor.create(new long[100], 1, 100));
      assertEquals(100, logits.size(1));
      assertEquals(96, logits.size(2));
    }
  }

  @Test
  void idsOfAnotherKindAreErrors() throws IOException {
    try (CausalLm model = fresh("llama", 1);
        PointerScope _ = new PointerScope()) {
      IllegalArgumentException rank =
          assertThrows(
              IllegalArgumentException.class,
              () -> model.forward(Tensor.create(new long[] {1, 2})));
      assertTrue(rank.getMessage().contains("rank 1, 2 elements of type Long"), rank.getMessage());
      assertThrows(
          IllegalArgumentException.class, () -> model.forward(Tensor.create(new int[] {1}, 1, 1)));
    }
  }

  @Test
  void threadsAreSetForMatrixProductsToo() {
    Torch.setThreads(1);
    assertEquals(1, Torch.threads());
    assertEquals(1, org.bytedeco.openblas.global.openblas_nolapack.blas_get_num_threads());
    Torch.setThreads(2);
    assertThrows(IllegalArgumentException.class, () -> Torch.setThreads(0));
  }
}
