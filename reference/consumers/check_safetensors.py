"""Loads exported folders of floats with transformers and compares them with what was trained.

usage: check_safetensors.py ARTIFACTS

Each folder in ARTIFACTS holds `model`, the exported folder, and `expected.safetensors`: values/W for
every weight W, input_ids and logits. If there is `held_out.json`, as held_out.py describes it, bits
per character and greedy text must be the same, too.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load_file
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
    count = 0
    for key, value in expected.items():
        name = key.removeprefix("values/")
        if name == key:
            continue
        weight = weights[name].detach().to(torch.float32)
        different = (weight != value).nonzero()
        if len(different):
            at = tuple(different[0].tolist())
            raise AssertionError(f"{name} at {at}: {weight[at].item()}, expected {value[at].item()}")
        count += 1
    assert count == len(weights), f"{count} weights compared, expected all {len(weights)}"
    if model.config.tie_word_embeddings:
        tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
        assert tied, "the head is no longer tied to the embedding"
    with torch.no_grad():
        logits = model.to(torch.float32)(expected["input_ids"]).logits
    worst = (logits - expected["logits"]).abs().max().item()
    assert worst <= LOGITS, f"logits differ by {worst}, expected at most {LOGITS}"
    return f"{count} weights equal, logits within {worst:.1e}{held_out.check_folder(model, folder)}"


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
    versions = ", ".join(f"{name} {version(name)}" for name in ("transformers",))
    print(f"summary: {versions}: {len(folders)} folders as expected")


if __name__ == "__main__":
    main()
