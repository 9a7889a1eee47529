#!/usr/bin/env python3
"""Times PyTorch's AdamW and torchao's QuantOptimizer (prototype PARQ) around it, on the sizes that parq bench uses.

    python reference/bench_step.py              print a table of ratios
    python reference/bench_step.py --json       print JSON, which parq bench --reference reads
    python reference/bench_step.py --threads 1  on one thread instead of two

Quantizers are fitted in every step. The shortest of several interleaved rounds counts.
"""

import argparse
import json
import logging
import os
import sys
import time
import warnings

# Spinning threads slow each other down on busy machines; the parq launcher sets the same.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.dont_write_bytecode = True
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import torch  # noqa: E402
import torchao  # noqa: E402
from torchao.prototype.parq.optim import ProxHardQuant, ProxPARQ, QuantOptimizer  # noqa: E402
from torchao.prototype.parq.quant import (  # noqa: E402
    LSBQuantizer,
    StretchedUnifTorchaoQuantizer,
    TernaryUnifQuantizer,
    UnifTorchaoQuantizer,
)

WARM_UP = 2
ROUNDS = 15
BUDGET_SECONDS = 5.0
SAMPLE_SECONDS = 0.001


def layers(count, width):
    square, vector = (width, width), (width,)
    return ([square] * 4 + [(2 * width, width), (width, 2 * width), vector, vector]) * count


MODELS = {
    "large": [(4096, 4096)] * 2,
    "small": layers(25, 128),
    "tiny": layers(2, 128),
}

GRANULARITIES = ("per-row", "group:128", "group:32")

# Names as parq's: map, grid, granularity.
STEPS = {
    "large": [f"{prox} stretched:2 {granularity}" for prox in ("hard", "parq") for granularity in GRANULARITIES]
    + ["hard symmetric:4 group:32", "hard ternary per-row", "hard lsbq-greedy:2 per-row", "hard lsbq-optimal:2 per-row"],
    "small": [f"{prox} stretched:2 {granularity}" for prox in ("hard", "parq") for granularity in GRANULARITIES],
}
STEPS["tiny"] = STEPS["small"]


def tensors(shapes):
    generator = torch.Generator().manual_seed(1)
    parameters = []
    for shape in shapes:
        parameter = torch.nn.Parameter(0.02 * torch.randn(shape, generator=generator))
        parameter.grad = 0.001 * torch.randn(shape, generator=generator)
        parameters.append(parameter)
    return parameters


def quantizer(grid):
    """The reference's quantizer for a grid, and its bits; 0 means ternary there."""
    kind, _, bits = grid.partition(":")
    return {
        "stretched": lambda: (StretchedUnifTorchaoQuantizer(int(bits)), int(bits)),
        "symmetric": lambda: (UnifTorchaoQuantizer(), int(bits)),
        "ternary": lambda: (TernaryUnifQuantizer(), 0),
        "lsbq-greedy": lambda: (LSBQuantizer(optimal=False), int(bits)),
        "lsbq-optimal": lambda: (LSBQuantizer(optimal=True), int(bits)),
    }[kind]()


def adamw(groups, kind):
    return torch.optim.AdamW(groups, lr=1e-5, **{kind: True})


def quant_optimizer(shapes, name):
    prox, grid, granularity = name.split()
    made, bits = quantizer(grid)
    parameters = tensors(shapes)
    quantized = {"params": [p for p in parameters if p.dim() > 1], "quant_bits": bits}
    if granularity.startswith("group:"):
        quantized["quant_block_size"] = int(granularity.removeprefix("group:"))
    groups = [quantized, {"params": [p for p in parameters if p.dim() == 1]}]
    return QuantOptimizer(
        adamw([group for group in groups if group["params"]], "fused"),
        made,
        ProxHardQuant() if prox == "hard" else ProxPARQ(0, 1_000_000),
        quant_period=1,
        quant_per_channel=True,
    )


def check(optimizer, bits):
    """Every row or group must have few values under the hard map, and finite ones under any."""
    group = optimizer.param_groups[0]
    parameter = group["params"][0].detach()
    rows = parameter.view(-1, group.get("quant_block_size", parameter.shape[-1]))
    if not bool(torch.isfinite(rows).all()):
        raise SystemExit("a weight is not finite")
    values, levels = rows[0].unique(), 2**bits if bits else 3
    # LSBQ sums its levels for each weight anew, and they differ in last bits.
    found = 1 + int((values.diff() > 1e-5 * values.abs().max()).sum())
    if isinstance(optimizer.prox_map, ProxHardQuant) and found > levels:
        raise SystemExit(f"{found} values in a row, expected at most {levels}")


class Timing:
    """The shortest of several samples; short ones are repeated."""

    def __init__(self, run):
        self.run = run
        self.best, self.rounds, self.repeats = float("inf"), 0, 1
        start = time.perf_counter()
        for i in range(WARM_UP):
            if i == 0 or time.perf_counter() - start < BUDGET_SECONDS / 2:
                run()
        while self.sample() < SAMPLE_SECONDS / 2:
            self.repeats *= 2
        self.best, self.rounds = float("inf"), 0

    def sample(self):
        start = time.perf_counter()
        for _ in range(self.repeats):
            self.run()
        seconds = time.perf_counter() - start
        self.best = min(self.best, seconds / self.repeats)
        self.rounds += 1
        return seconds


def measure(run, anchors):
    """Times it, and in the same rounds the anchors."""
    timing = Timing(run)
    for anchor in anchors:
        anchor.best = float("inf")
    start = time.perf_counter()
    while timing.rounds < ROUNDS and (timing.rounds < 2 or time.perf_counter() - start < BUDGET_SECONDS):
        for anchor in anchors:
            anchor.sample()
        timing.sample()
    return timing


def subjects(model):
    shapes = MODELS[model]
    for kind in ("fused", "foreach"):
        yield f"AdamW, {kind}", "AdamW", lambda kind=kind: adamw(tensors(shapes), kind)
    for name in STEPS[model]:
        yield name, name, lambda name=name: quant_optimizer(shapes, name)


def rows(model):
    shapes = MODELS[model]
    weights = sum(torch.Size(shape).numel() for shape in shapes)
    base = adamw(tensors(shapes), "fused")
    source, target = torch.ones(weights), torch.empty(weights)
    fused = Timing(base.step)
    copy = Timing(lambda: target.copy_(source))
    for name, against, make in subjects(model):
        optimizer = make()
        timing = measure(optimizer.step, (fused, copy))
        if isinstance(optimizer, QuantOptimizer):
            check(optimizer, optimizer.param_groups[0]["quant_bits"])
        moved = 32 if isinstance(optimizer, QuantOptimizer) else 28
        yield {
            "model": model,
            "name": name,
            "against": against,
            "rounds": timing.rounds,
            "nanos": timing.best * 1e9,
            "toAdamW": timing.best / fused.best,
            "toCopy": timing.best / moved / (copy.best / 8),
        }
        del optimizer, timing


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", action="append", choices=MODELS, help="default: large and small")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    facts = {
        "torch": torch.__version__,
        "torchao": torchao.__version__,
        "torch capability": torch.backends.cpu.get_cpu_capability(),
    }
    if not arguments.json:
        print(", ".join(f"{key} {value}" for key, value in facts.items()), f"{arguments.threads} threads")
    report = []
    for model in arguments.model or ("large", "small"):
        if not arguments.json:
            print(f"\n{model} model\n{'':36}{'to fused AdamW':>16}{'to copy limit':>16}{'ms':>10}")
        for row in rows(model):
            report.append(row)
            if not arguments.json:
                to_copy = f"{row['toCopy']:.2f}" if model == "large" else ""
                print(f"{row['name']:36}{row['toAdamW']:16.2f}{to_copy:>16}{row['nanos'] / 1e6:10.1f}", flush=True)
    if arguments.json:
        json.dump({"facts": facts, "rows": report}, sys.stdout)


if __name__ == "__main__":
    main()
