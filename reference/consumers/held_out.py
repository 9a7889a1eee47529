"""Scores a text, and continues prompts, with whatever computes logits.

What is expected is an object of

    tokens  of the text
    window  how many tokens are scored at once, each from those before it in the window
    units   what the bits are divided by: the characters of the text
    bits    what parq measured
    greedy  a list of {"prompt": ids, "tokens": ids that parq takes after it, always the likeliest}
"""

import json

import numpy as np

# Of float models: sums in another order.
BITS = 1e-5


def windows(count, length):
    """Yields begin and end of inputs, and the first of them whose successor is scored."""
    targets = count - 1
    length = min(length, targets)
    scored = 0
    while scored < targets:
        begin = min(scored, targets - length)
        yield begin, begin + length, scored
        scored = begin + length


def bits(logits, expected):
    """Bits of a unit; logits(tokens) gives an array of [tokens, vocabulary]."""
    tokens = expected["tokens"]
    nats = 0.0
    for begin, end, scored in windows(len(tokens), expected["window"]):
        found = np.asarray(logits(tokens[begin:end]), dtype=np.float64)[scored - begin :]
        largest = found.max(axis=-1, keepdims=True)
        norm = largest[:, 0] + np.log(np.exp(found - largest).sum(axis=-1))
        targets = np.asarray(tokens[scored + 1 : end + 1])
        nats += float((norm - found[np.arange(len(targets)), targets]).sum())
    return nats / np.log(2) / expected["units"]


def greedy(logits, prompt, count):
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(np.asarray(logits(tokens))[-1].argmax()))
    return tokens[len(prompt) :]


def texts(logits, expected, explained=None):
    """Continues all prompts; returns how many tokens were equal, of how many.

    Raises AssertionError where a text departs, unless `explained`, which computes logits as the
    consumer is known to, departs there with the same token.
    """
    equal = count = 0
    for case in expected["greedy"]:
        prompt, wanted = case["prompt"], case["tokens"]
        found = greedy(logits, prompt, len(wanted))
        same = next((i for i, pair in enumerate(zip(found, wanted)) if len(set(pair)) > 1), len(wanted))
        equal, count = equal + same, count + len(wanted)
        if same < len(wanted):
            why = explained and greedy(explained, prompt + wanted[:same], 1)[0] == found[same]
            assert why, f"after {bytes(prompt)}: {bytes(found)}, expected {bytes(wanted)}"
    return f"{equal} of {count}"


def check_folder(model, folder):
    """Scores a model of transformers if the folder has held_out.json; returns what to print."""
    import torch

    file = folder / "held_out.json"
    if not file.exists():
        return ""
    expected = json.loads(file.read_text(encoding="utf-8"))

    def logits(tokens):
        with torch.no_grad():
            return model(torch.tensor([tokens])).logits[0].numpy()

    found = bits(logits, expected)
    assert abs(found - expected["bits"]) <= BITS, f"{found} bits, expected {expected['bits']} within {BITS}"
    return (
        f", {found:.6f} bits per character (parq {expected['bits']:.6f}), "
        f"{texts(logits, expected)} tokens of greedy text"
    )
