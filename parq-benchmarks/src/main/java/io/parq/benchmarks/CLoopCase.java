package io.parq.benchmarks;

import io.parq.optim.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** AdamW as a C loop, over the same kind of memory and on as many threads as ours. */
final class CLoopCase implements Case {
  private final Arena arena = Arena.ofShared();
  private final Tensors tensors;
  private final List<MemorySegment> first = new ArrayList<>();
  private final List<MemorySegment> second = new ArrayList<>();
  private final CLoop loop;
  private final Parallel parallel;
  private long steps;

  CLoopCase(Model model, int threads) {
    loop =
        CLoop.compile(
            CLoop.compiler()
                .orElseThrow(
                    () ->
                        new IllegalStateException(
                            "no C compiler on PATH, expected cc, gcc or clang")),
            arena);
    parallel = new Parallel(threads);
    tensors = new Tensors(model, this::allocate);
    for (Model.Shape shape : model.shapes()) {
      first.add(allocate(shape));
      second.add(allocate(shape));
    }
  }

  private MemorySegment allocate(Model.Shape shape) {
    return arena.allocate(Float.BYTES * shape.size(), 64);
  }

  @Override
  public void run() {
    steps++;
    CLoop.Scalars scalars = CLoop.Scalars.of(Oracle.OPTIONS, steps);
    for (int i = 0; i < first.size(); i++) {
      Parameter parameter = tensors.parameters().get(i);
      MemorySegment m = first.get(i);
      MemorySegment v = second.get(i);
      parallel.run(
          parameter.size(),
          (from, to) ->
              loop.run(
                  slice(parameter.weights(), from, to),
                  slice(parameter.gradient(), from, to),
                  slice(m, from, to),
                  slice(v, from, to),
                  scalars));
    }
  }

  private static MemorySegment slice(MemorySegment whole, long from, long to) {
    return whole.asSlice(Float.BYTES * from, Float.BYTES * (to - from));
  }

  @Override
  public void check() {
    Oracle.checkAdamW(tensors, steps);
  }

  @Override
  public long weights() {
    return tensors.model().size();
  }

  @Override
  public long bytes() {
    return AdamWCase.BYTES * tensors.model().size();
  }

  @Override
  public void close() {
    parallel.close();
    arena.close();
  }
}
