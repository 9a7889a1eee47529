package io.parq.torch;

import io.parq.export.model.Rope;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What tokens of a sequence know of each other's places: by how much queries and keys are turned,
 * and which tokens see which. Lives in the scope it was made in.
 */
final class Positions {
  private final Tensor cosines;
  private final Tensor sines;
  private final TensorOptional mask;
  private final boolean causal;

  Positions(Rope rope, int window, long length) {
    List<Float> values = rope.frequencies(length);
    float[] frequencies = new float[values.size()];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = values.get(i);
    }
    Tensor places = torch.arange(new Scalar((double) length), new TensorOptions(ScalarType.Float));
    Tensor angles = torch.outer(places, Tensor.create(frequencies));
    Scalar magnitude = new Scalar(rope.magnitude());
    cosines = angles.cos().mul(magnitude);
    sines = angles.sin().mul(magnitude);
    causal = window == 0 || window >= length;
    mask = causal ? new TensorOptional() : new TensorOptional(band(length, window));
  }

  /** True where a token (row) sees another (column): itself and the window - 1 before it. */
  private static Tensor band(long length, long window) {
    Tensor all = torch.ones(new long[] {length, length}, new TensorOptions(ScalarType.Bool));
    return all.tril().triu(1 - window);
  }

  /** True if every token sees all tokens before it; otherwise the mask says which. */
  boolean causal() {
    return causal;
  }

  TensorOptional mask() {
    return mask;
  }

  /** Turns queries or keys, [batch, head, token, element]. */
  Tensor turn(Tensor x) {
    long pairs = cosines.size(1);
    long rest = x.size(3) - 2 * pairs;
    TensorVector parts =
        torch.split(x, rest == 0 ? new long[] {pairs, pairs} : new long[] {pairs, pairs, rest}, 3);
    Tensor first = parts.get(0);
    Tensor second = parts.get(1);
    Tensor turnedFirst = first.mul(cosines).sub(second.mul(sines));
    Tensor turnedSecond = second.mul(cosines).add(first.mul(sines));
    return torch.cat(
        rest == 0
            ? new TensorVector(turnedFirst, turnedSecond)
            : new TensorVector(turnedFirst, turnedSecond, parts.get(2)),
        3);
  }
}
