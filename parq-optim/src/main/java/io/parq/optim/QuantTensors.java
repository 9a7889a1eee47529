package io.parq.optim;

import io.parq.grids.Lattice;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All tensors under a {@link QuantOptimizer}, their latents, and their saved form. */
final class QuantTensors {
  private final List<QuantGroup> groups = new ArrayList<>();
  private final List<QuantSlot> slots = new ArrayList<>();
  private final ChunkPlan plan;

  /** By chunk; empty until quantization begins, and for chunks of unquantized tensors. */
  private float[][] latents = {};

  /** By chunk: whether its latents are known to be finite. */
  private boolean[] finite = {};

  QuantTensors(List<ParamGroup> paramGroups) {
    TiedParameters.checkDistinct(paramGroups);
    for (ParamGroup group : paramGroups) {
      for (Parameter parameter : group.parameters()) {
        slots.add(new QuantSlot(parameter, groups.size(), group.config()));
      }
      groups.add(new QuantGroup(group));
    }
    plan = new ChunkPlan(paramGroups);
  }

  List<QuantGroup> groups() {
    return groups;
  }

  List<QuantSlot> slots() {
    return slots;
  }

  QuantSlot slot(Chunk chunk) {
    return slots.get(chunk.slot());
  }

  ChunkPlan plan() {
    return plan;
  }

  /** Latents of a chunk of a quantized tensor, from index 0, once quantization has begun. */
  float[] latents(Chunk chunk) {
    return latents[chunk.index()];
  }

  boolean hasFiniteLatents(Chunk chunk) {
    return finite[chunk.index()];
  }

  void latentsAreFinite(Chunk chunk, boolean known) {
    finite[chunk.index()] = known;
  }

  /** Makes the weights the latents. */
  void startLatents() {
    allocateLatents();
    for (Chunk chunk : plan.chunks()) {
      if (slot(chunk).isQuantized()) {
        Floats.load(
            slot(chunk).parameter().weights(), chunk.start(), latents(chunk), 0, chunk.length());
      }
    }
  }

  private void allocateLatents() {
    latents = new float[plan.chunks().size()][0];
    finite = new boolean[latents.length];
    for (Chunk chunk : plan.chunks()) {
      if (slot(chunk).isQuantized()) {
        latents[chunk.index()] = new float[chunk.length()];
      }
    }
  }

  Map<String, Lattice> lattices() {
    Map<String, Lattice> lattices = new LinkedHashMap<>();
    for (QuantSlot slot : slots) {
      if (slot.isQuantized()) {
        lattices.put(slot.parameter().name(), slot.lattice());
      }
    }
    return Collections.unmodifiableMap(lattices);
  }

  void write(StateWriter writer, boolean hasLatents) {
    for (int i = 0; i < groups.size(); i++) {
      groups.get(i).write(writer, "group/" + i + "/");
    }
    for (int i = 0; i < slots.size(); i++) {
      QuantSlot slot = slots.get(i);
      Parameter parameter = slot.parameter();
      String name = parameter.name();
      writer.floats("weight/" + name, parameter.shape(), List.of(parameter.weights()));
      if (slot.isQuantized()) {
        writer.nested("lattice/" + name + "/", slot.lattice().state());
        if (hasLatents) {
          writer.floats("latent/" + name, parameter.shape(), plan.views(i, latents));
        }
      }
    }
  }

  void read(StateReader reader, boolean hasLatents) {
    for (int i = 0; i < groups.size(); i++) {
      groups.get(i).read(reader, "group/" + i + "/");
    }
    if (hasLatents) {
      reader.change(this::allocateLatents);
    }
    for (int i = 0; i < slots.size(); i++) {
      QuantSlot slot = slots.get(i);
      Parameter parameter = slot.parameter();
      String name = parameter.name();
      reader.tensor(
          "weight/" + name,
          parameter.shape(),
          saved -> Floats.fromStored(saved, parameter.weights()));
      if (slot.isQuantized()) {
        reader.lattice("lattice/" + name + "/", slot.lattice());
        if (hasLatents) {
          int own = i;
          reader.tensor(
              "latent/" + name, parameter.shape(), saved -> plan.fill(own, saved, latents));
        }
      }
    }
  }
}
