"""Loads exported torchao folders with transformers and torchao and compares them with what was trained.

usage: check_torchao.py ARTIFACTS

Each folder in ARTIFACTS holds `model`, the exported folder, and `expected.safetensors`: for every
quantized weight W the tensors codes/W, scales/W, zero_points/W and values/W, for every other weight
values/W; input_ids and, where activations are not rounded, logits. If there is `held_out.json`, as
held_out.py describes it, bits per character and greedy text must be the same, too.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load_file
from torchao.quantization import IntxUnpackedToInt8Tensor
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

import held_out

LOGITS = 1e-4


def check(folder):
    """Raises AssertionError with the first difference."""
    model, info = AutoModelForCausalLM.from_pretrained(folder / "model", output_loading_info=True)
    assert not info["missing_keys"], f"missing {info['missing_keys']}"
    assert not info["unexpected_keys"], f"unexpected {info['unexpected_keys']}"
    expected = load_file(folder / "expected.safetensors")
    weights = dict(model.named_parameters())
    quantized = 0
    for key, value in expected.items():
        kind, _, name = key.partition("/")
        if not name:
            continue
        weight = weights[name]
        intx = isinstance(weight, IntxUnpackedToInt8Tensor)
        if kind == "values":
            equal(key, weight.dequantize() if intx else weight, value)
            continue
        assert intx, f"{name}: {type(weight).__name__}, expected IntxUnpackedToInt8Tensor"
        if kind == "codes":
            quantized += 1
            equal(key, weight.qdata, value)
            rounded = weight.activation_quantization is not None
            linear = "embed_tokens" not in name
            assert rounded == (linear and "logits" not in expected), f"{name}: {weight.activation_quantization}"
        elif kind == "scales":
            equal(key, weight.scale, value)
        elif kind == "zero_points":
            equal(key, weight.zero_point, value)
    assert quantized, "nothing was quantized"
    if model.config.tie_word_embeddings:
        tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
        assert tied, "the head is no longer tied to the embedding"
    with torch.no_grad():
        logits = model(expected["input_ids"]).logits
    assert torch.isfinite(logits).all(), "logits are not finite"
    worst = float("nan")
    if "logits" in expected:
        worst = (logits - expected["logits"]).abs().max().item()
        assert worst <= LOGITS, f"logits differ by {worst}, expected at most {LOGITS}"
    return f"{quantized} quantized weights equal, logits within {worst:.1e}{held_out.check_folder(model, folder)}"


def equal(key, found, expected):
    found = found.detach().to(torch.float32)
    expected = expected.to(torch.float32)
    assert found.shape == expected.shape, f"{key}: {tuple(found.shape)}, expected {tuple(expected.shape)}"
    different = (found != expected).nonzero()
    if len(different):
        at = tuple(different[0].tolist())
        raise AssertionError(f"{key} at {at}: {found[at].item()}, expected {expected[at].item()}")


def main():
    folders = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir())
    if not folders:
        sys.exit(f"{sys.argv[1]}: no artifacts")
    disable_progress_bar()
    for folder in folders:
        try:
            print(f"{folder.name}: {check(folder)}", flush=True)
        except AssertionError as difference:
            sys.exit(f"{folder.name}: {difference}")
    versions = ", ".join(f"{name} {version(name)}" for name in ("transformers", "torchao"))
    print(f"summary: {versions}: {len(folders)} folders as expected")


if __name__ == "__main__":
    main()
