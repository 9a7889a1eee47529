"""Cases of moments.json.gz: optimizer moments in 8 bits and in bfloat16."""

import numpy as np
import torch
from torchao.optim.adam import single_param_adam
from torchao.optim.quant_utils import create_dynamic_map, dequant_with_qmap
from torchao.optim.quant_utils import quantize_8bit_with_qmap, scale_tensor
from torchao.optim.subclass_8bit import OptimState8bit

from golden import inputs, store

BLOCK = 256
STEPS = 6
RECORDED = (1, STEPS)
OPTIONS = {
    "adamw": {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1},
    "adam": {"lr": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.01},
}


def dynamic_map(signed):
    return torch.tensor(create_dynamic_map(signed), dtype=torch.float32)


def probes(signed):
    """Values of the map, middles, and their neighbours, in blocks whose scale is 1."""
    values = dynamic_map(signed).numpy()
    middles = (values[:-1] + values[1:]) / np.float32(2)
    both = np.concatenate([values, middles])
    up = np.nextafter(both, np.float32(2))
    down = np.nextafter(both, np.float32(-2))
    x = np.clip(np.concatenate([both, up, down]), -1 if signed else 0, 1)
    rows = -(-len(x) // (BLOCK - 1))
    blocks = np.ones((rows, BLOCK), np.float32)
    blocks[:, 1:] = np.resize(x, (rows, BLOCK - 1))
    return blocks


def spread(seed, rows):
    """Magnitudes from 1e-12 to 1e3, zeros, and a block of nothing else."""
    rng = inputs.generator(seed)
    x = 10.0 ** rng.uniform(-12, 3, (rows, BLOCK)) * rng.choice([-1.0, 1.0], (rows, BLOCK))
    x[:, ::17] = 0
    x[-1] = 0
    x[-2] *= 1e-30
    return x.astype(np.float32)


def quantize(name, array, signed):
    x = torch.from_numpy(array if signed else np.abs(array))
    qmap = dynamic_map(signed)
    scaled, scale = scale_tensor(x, BLOCK)
    codes = quantize_8bit_with_qmap(scaled, qmap)
    return {
        "kind": "quantize",
        "signed": signed,
        "input": name,
        "codes": store.encode_bytes(codes),
        "scales": store.encode(scale),
        "values": store.encode(dequant_with_qmap(codes, qmap, scale)),
    }


def gradient(first, step):
    """The gradient of a step, counted from 1: the first one's, moved along and scaled."""
    return torch.roll(first.flatten(), 37 * (step - 1)).view(first.shape) * (1 + step / 8)


def states(moments, shape):
    if moments == "bf16":
        return [torch.zeros(shape, dtype=torch.bfloat16) for _ in range(2)]
    return [OptimState8bit.zeros(shape, signed, BLOCK) for signed in (True, False)]


def trajectory(base, moments, options, weights, first):
    w = torch.from_numpy(weights.copy())
    exp_avg, exp_avg_sq = states(moments, w.shape)
    recorded = []
    for step in range(1, STEPS + 1):
        single_param_adam(
            w,
            gradient(torch.from_numpy(first), step),
            torch.tensor(float(step)),
            exp_avg,
            exp_avg_sq,
            None,
            torch.tensor(options["lr"]),
            options["beta1"],
            options["beta2"],
            options["weight_decay"],
            options["eps"],
            base == "adamw",
            False,
        )
        if step in RECORDED:
            state = {"step": step, "weights": store.encode(w)}
            for name, moment in (("exp_avg", exp_avg), ("exp_avg_sq", exp_avg_sq)):
                values = moment.float() if moments == "bf16" else moment.dequantize()
                state[name] = store.encode(values)
            recorded.append(state)
    case = {"kind": "trajectory", "base": base, "moments": moments, "options": options}
    return case | {"states": recorded}


def build():
    arrays = {
        "probe signed": probes(True),
        "probe unsigned": probes(False),
        "spread": spread(71, 12),
        "normal": inputs.normal(72, (8, BLOCK)),
        "weights": inputs.normal(73, (17, BLOCK)),
        "gradient": inputs.heavy(74, (17, BLOCK)),
    }
    cases = []
    for signed in (True, False):
        values = store.encode(dynamic_map(signed))
        cases.append({"kind": "map", "signed": signed, "values": values})
        probe = "probe signed" if signed else "probe unsigned"
        for name in (probe, "spread", "normal", "gradient"):
            cases.append(quantize(name, arrays[name], signed))
    for base, options in OPTIONS.items():
        for moments in ("bf16", "blockwise_8bit"):
            run = trajectory(base, moments, options, arrays["weights"], arrays["gradient"])
            cases.append(run)
    return arrays, cases
