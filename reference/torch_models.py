#!/usr/bin/env python3
"""Regenerates parq-torch's golden models: tiny random checkpoints and the logits that transformers computes.

    python reference/torch_models.py             write the folders into parq-torch's test resources
    python reference/torch_models.py --check     compare them with their checksums
    python reference/torch_models.py --output D  write them under the folder D instead

README.md beside this file describes the folders.
"""

import json
import os
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"
sys.dont_write_bytecode = True

from golden import folder  # noqa: E402

GOLDEN = Path(__file__).resolve().parent.parent / "parq-torch/src/test/resources/golden"

# Sizes that all models share unless they say otherwise.
SIZES = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": None,
    "bos_token_id": 1,
    "eos_token_id": 2,
}

LONGROPE = {
    "rope_type": "longrope",
    "short_factor": [1.0, 1.25, 1.5],
    "long_factor": [1.5, 3.0, 6.0],
}

VISION = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "image_size": 4,
    "patch_size": 2,
}

GEMMA = {
    "num_hidden_layers": 3,
    "head_dim": 16,
    "query_pre_attn_scalar": 24,
    "sliding_window": 8,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 100000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0},
    },
}

# name: (family, dtype, bytes in a shard or None, tokens, what differs from the family's defaults and SIZES)
MODELS = {
    "llama": ("Llama", "float32", None, 24, {"rope_parameters": {"rope_type": "default", "rope_theta": 20000.0}}),
    "llama-biases": (
        "Llama",
        "bfloat16",
        None,
        24,
        {
            "attention_bias": True,
            "mlp_bias": True,
            "head_dim": 12,
            "num_key_value_heads": 4,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5},
        },
    ),
    "llama3": (
        "Llama",
        "bfloat16",
        24_000,
        24,
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32,
            }
        },
    ),
    "qwen2": ("Qwen2", "bfloat16", None, 24, {"tie_word_embeddings": True}),
    "qwen2-yarn": (
        "Qwen2",
        "float16",
        None,
        24,
        {
            "use_sliding_window": True,
            "sliding_window": 8,
            "max_window_layers": 1,
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 1000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 16,
            },
        },
    ),
    "qwen3": ("Qwen3", "bfloat16", None, 24, {"head_dim": 16, "tie_word_embeddings": True}),
    "phi3": ("Phi3", "float16", None, 24, {"sliding_window": 8}),
    "phi3-longrope": (
        "Phi3",
        "bfloat16",
        None,
        24,
        {
            "tie_word_embeddings": True,
            "original_max_position_embeddings": 32,
            "rope_parameters": {"rope_theta": 10000.0, "partial_rotary_factor": 0.75, **LONGROPE},
        },
    ),
    "phi3-longrope-beyond": (
        "Phi3",
        "bfloat16",
        None,
        40,
        {
            "tie_word_embeddings": True,
            "original_max_position_embeddings": 32,
            "rope_parameters": {"rope_theta": 10000.0, "partial_rotary_factor": 0.75, **LONGROPE},
        },
    ),
    "gemma3": ("Gemma3Text", "bfloat16", None, 24, GEMMA),
    "gemma3-multimodal": ("Gemma3", "bfloat16", None, 24, GEMMA),
}


def configuration(family, changes):
    import transformers

    values = json.loads(json.dumps({**SIZES, **changes}))
    if family == "Gemma3":
        text = transformers.Gemma3TextConfig(**values)
        return transformers.Gemma3Config(text_config=text, vision_config=VISION, mm_tokens_per_image=4)
    return getattr(transformers, family + "Config")(**values)


def model_class(family):
    import transformers

    names = {"Gemma3": "Gemma3ForConditionalGeneration", "Gemma3Text": "Gemma3ForCausalLM"}
    return getattr(transformers, names.get(family, family + "ForCausalLM"))


def build(family, dtype, seed, changes):
    """A model whose weights, norms and biases included, are random and exact in its dtype."""
    import torch

    torch.manual_seed(seed)
    model = model_class(family)(configuration(family, changes)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.2 if parameter.dim() > 1 else 0.3
            parameter.add_(torch.randn(parameter.shape, generator=generator) * spread)
    return model.to(getattr(torch, dtype))


def old_spelling(config):
    """The same configuration as releases before 5 wrote it."""
    config = json.loads(json.dumps(config))
    text = config.get("text_config", config)
    ropes = text.pop("rope_parameters")
    if "full_attention" in ropes:
        text["rope_theta"] = ropes["full_attention"].pop("rope_theta")
        text["rope_local_base_freq"] = ropes["sliding_attention"].pop("rope_theta")
        text["rope_scaling"] = ropes["full_attention"]
        del text["layer_types"], text["_sliding_window_pattern"]
        text["sliding_window_pattern"] = 2
    else:
        text["rope_theta"] = ropes.pop("rope_theta")
        if "partial_rotary_factor" in ropes:
            text["partial_rotary_factor"] = ropes.pop("partial_rotary_factor")
        if text["model_type"] == "phi3":
            ropes.pop("original_max_position_embeddings", None)
        ropes["type"] = ropes.pop("rope_type")
        text["rope_scaling"] = None if ropes["type"] == "default" else ropes
    config["torch_dtype"] = config.pop("dtype")
    return config


def logits(folder, family, ids):
    import torch

    model = model_class(family).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        return model.eval()(input_ids=ids).logits.float().contiguous()


def write_model(root, name, seed):
    import torch
    from safetensors.torch import save_file

    family, dtype, shard, tokens, changes = MODELS[name]
    folder = root / name
    model = build(family, dtype, seed, changes)
    model.save_pretrained(folder, max_shard_size=shard or "1GB")
    (folder / "generation_config.json").unlink()
    generator = torch.Generator().manual_seed(1000 + seed)
    ids = torch.randint(0, SIZES["vocab_size"], (2, tokens), generator=generator)
    answer = logits(folder, family, ids)

    new = (folder / "config.json").read_bytes()
    old = json.dumps(old_spelling(json.loads(new)), indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(old, encoding="utf-8")
    difference = (logits(folder, family, ids) - answer).abs().max().item()
    if difference != 0:
        raise SystemExit(f"{name}: the old spelling changes logits by {difference}")
    (folder / "config.json").write_bytes(new)
    (folder / "config.old.json").write_text(old, encoding="utf-8")
    save_file({"input_ids": ids, "logits": answer}, root / f"{name}.expected.safetensors")
    print(f"{name}: largest logit {answer.abs().max().item():.2f}")


def write_tokenizer(root):
    """A byte-level BPE tokenizer trained on a few sentences, and what it makes of some texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = "LATIN SMALL LETTER A WITH GRAVE GREEK CAPITAL OMEGA CYRILLIC HEBREW ARABIC DIGIT ONE TWO THREE".split()
    tokenizer.train_from_iterator([" ".join(words[i % 7 :]) for i in range(50)], trainer)
    folder = root / "tokenizer"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    texts = ["", "LATIN LETTER OMEGA", "na\u00efve \u65e5\u672c\u8a9e \U0001f600\n\ttwo  spaces", "one<|end|>two"]
    cases = [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts]
    (folder / "expected.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="ascii")


def write(work):
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name in MODELS:
        # Where only the length of the input differs, so do only the logits.
        write_model(work, name, list(MODELS).index(name.removesuffix("-beyond")))
    write_tokenizer(work)
    lines = [
        "Golden models: tiny random checkpoints, and the logits that transformers computes.",
        "Written by reference/torch_models.py; reference/README.md describes the folders.",
        "",
        f"transformers {transformers.__version__}",
        f"torch {torch.__version__.split('+')[0]}",
    ]
    (work / "SOURCE.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    sys.exit(folder.main(__doc__.splitlines()[0], GOLDEN, write))
