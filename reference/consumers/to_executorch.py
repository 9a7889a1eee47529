"""Takes an exported torchao folder on to ExecuTorch (XNNPACK), and compares logits.

usage: to_executorch.py FOLDER OUT.pte [TOKENS]

FOLDER was written by `parq export --target torchao --activations int8-asym-per-token`, with one scale a
row, or one for each group of a multiple of 32, rounded to bf16. The program takes input_ids
[1, TOKENS] (default 16) and gives logits [1, TOKENS, vocabulary].

Stretched weights become odd integers, scale / 2 * (2 code + 1), since XNNPACK has no fractional zero
points: the same values. Embeddings, and heads tied to them, become floats: their inputs are not
rounded, and XNNPACK computes weight-only layers wrongly.
"""

import sys

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime
from torchao.quantization import IntxUnpackedToInt8Tensor
from transformers import AutoModelForCausalLM


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        return self.model(input_ids=input_ids, use_cache=False).logits


def prepare(name, weight):
    """The same weight in a form that XNNPACK runs right."""
    if weight.activation_quantization is None:
        return weight.dequantize()
    rows, group = weight.block_size
    per_row = rows == 1 and group == weight.shape[1]
    codes, scale = weight.qdata, weight.scale
    bits = int(str(weight.target_dtype).removeprefix("torch.int"))
    if (weight.zero_point == -0.5).all():
        codes, scale, bits = (2 * codes + 1).to(torch.int8), scale / 2, bits + 1
    elif not (weight.zero_point == 0).all():
        sys.exit(f"{name}: zero points, expected a symmetric or stretched grid")
    # Groups of 4-bit integers have bf16 scales there; rows of 8-bit integers have float scales.
    narrow = bits <= 4 and rows == 1 and group % 32 == 0
    narrow = narrow and torch.equal(scale, scale.to(torch.bfloat16).to(scale.dtype))
    if not (narrow or per_row):
        sys.exit(
            f"{name}: blocks of {rows} x {group} of {bits} bits, expected rows, or groups of a"
            " multiple of 32 with at most 4 bits (stretched: 3) and bf16 scales"
        )
    other = IntxUnpackedToInt8Tensor(
        codes,
        scale,
        torch.zeros_like(scale, dtype=torch.int8),
        torch.int4 if narrow else torch.int8,
        weight.block_size,
        weight.dtype,
        weight.activation_quantization,
    )
    assert torch.equal(other.dequantize(), weight.dequantize()), name
    return other


def convert(folder, out, tokens=16):
    """Writes the program; returns the largest difference from torchao's logits, and their largest size."""
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, IntxUnpackedToInt8Tensor):
            module.weight = torch.nn.Parameter(prepare(name, weight), requires_grad=False)
    model.requires_grad_(False)
    ids = (torch.arange(tokens) * 7 % model.config.vocab_size).reshape(1, tokens)
    wrapped = Logits(model)
    with torch.no_grad():
        expected = wrapped(ids)
        program = torch.export.export(wrapped, (ids,))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    with open(out, "wb") as file:
        file.write(lowered.to_executorch().buffer)
    method = Runtime.get().load_program(str(out)).load_method("forward")
    found = method.execute([ids])[0]
    return (found - expected).abs().max().item(), expected.abs().max().item()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    difference, largest = convert(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
    print(f"{sys.argv[2]}: logits up to {largest:.3g}, largest difference from torchao {difference:.2g}")
