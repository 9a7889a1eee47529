"""Cases of trajectories.json.gz: weights and latents through whole runs of the optimizer."""

import math

import torch
from torchao.prototype.parq.optim import (
    ProxBinaryRelax,
    ProxHardQuant,
    ProxPARQ,
    QuantOptimizer,
)
from torchao.prototype.parq.quant import StretchedUnifTorchaoQuantizer, UnifTorchaoQuantizer

from golden import inputs, store
from golden.maps import SoftQuant

STEPS = 24
RECORDED = (1, 5, 12, 24)
WINDOW = {"anneal_start": 6, "anneal_end": 18}

MAPS = {
    "hard": ProxHardQuant,
    "parq": lambda: ProxPARQ(**WINDOW),
    "binary-relax": lambda: ProxBinaryRelax(**WINDOW),
    "soft-quant": lambda: SoftQuant(**WINDOW),
}

SGD = {"lr": 0.05, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.05, "nesterov": False}
ADAM = {"lr": 0.02, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.05}
BASES = {
    "sgd": ("sgd", SGD),
    "sgd-nesterov": ("sgd", SGD | {"nesterov": True}),
    "sgd-dampening": ("sgd", SGD | {"dampening": 0.3, "momentum": 0.8}),
    "adam": ("adam", ADAM),
    "adamw": ("adamw", ADAM | {"weight_decay": 0.3}),
}
PLAIN = {
    "warmup_steps": 0,
    "quant_period": 1,
    "quant_shrink": False,
    "anneal_wd_frac": 0.0,
    "lr_factors": "constant",
}
VARIANTS = {
    "plain": {},
    "warmup": {"warmup_steps": 5, "lr_factors": "cosine"},
    "period": {"quant_period": 3},
    # The cumulated learning rate passes 1, where shrinking starts.
    "shrink": {"quant_shrink": True, "lr": 0.25},
    "anneal-wd": {"anneal_wd_frac": 0.5, "lr_factors": "cosine"},
    "combined": {
        "warmup_steps": 2,
        "quant_period": 3,
        "quant_shrink": True,
        "anneal_wd_frac": 0.5,
        "lr_factors": "cosine",
        "lr": 0.25,
    },
}


def weights():
    """Two quantized matrices, one unquantized vector, and a gradient of each for every step."""
    arrays = {
        "a": inputs.normal(61, (8, 32), 0.5),
        "b": inputs.normal(62, (4, 32), 0.3),
        "c": inputs.normal(63, (8,), 1.0),
    }
    for i, name in enumerate("abc"):
        shape = (STEPS, *arrays[name].shape)
        arrays[f"gradients {name}"] = inputs.normal(64 + i, shape, 0.4)
    return arrays


def factors(kind):
    if kind == "constant":
        return [1.0] * STEPS
    return [0.5 * (1 + math.cos(math.pi * t / STEPS)) for t in range(STEPS)]


def base_optimizer(kind, options, groups):
    if kind == "sgd":
        return torch.optim.SGD(groups, **options, foreach=False)
    adam = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    options = dict(options)
    betas = (options.pop("beta1"), options.pop("beta2"))
    return adam(groups, betas=betas, **options, foreach=False)


class NormalMap(QuantOptimizer):
    """Normal-map SGD (arXiv 2305.05828): latents are pulled towards the weights that were used.

    After the base optimizer's step, each quantized parameter moves by -(lr / gamma) times the
    difference between its latent and its weight before the step; shrinking divides by gamma. There
    is no such move at the first quantized step, which has no weight to compare with.
    """

    def __init__(self, base, *args, gamma, **kwargs):
        super().__init__(base, *args, **kwargs)
        self.gamma = gamma
        self.gaps = {}
        base.register_step_post_hook(self.move)

    @torch.no_grad()
    def restore_latent_params(self):
        for group in self.regularized_param_groups():
            for p in group["params"]:
                self.gaps[p] = self.state[p]["latent"] - p
        super().restore_latent_params()

    @torch.no_grad()
    def move(self, *_):
        for group in self.regularized_param_groups():
            for p in group["params"]:
                if p in self.gaps:
                    p.add_(self.gaps[p], alpha=-group["lr"] / self.gamma)
            # The parent shrinks by the cumulated rate, to which it is about to add this one.
            group["cumu_lr"] = self.gamma - group["lr"]


def run(arrays, kind, options, variant, prox_name, gamma=None):
    params = {name: torch.nn.Parameter(torch.from_numpy(arrays[name].copy())) for name in "abc"}
    groups = [
        {"params": [params["a"]], "quant_bits": 2},
        {"params": [params["b"]], "quant_bits": 4, "quant_block_size": 16},
        {"params": [params["c"]]},
    ]
    base = base_optimizer(kind, options, groups)
    arguments = {key: variant[key] for key in PLAIN if key != "lr_factors"}
    arguments |= {
        "quant_per_channel": True,
        # Keys count quantized groups, not groups.
        "group_quantizer_map": {0: StretchedUnifTorchaoQuantizer(2), 1: UnifTorchaoQuantizer()},
    }
    prox = MAPS[prox_name]()
    if gamma is None:
        optimizer = QuantOptimizer(base, UnifTorchaoQuantizer(), prox, **arguments)
    else:
        optimizer = NormalMap(base, UnifTorchaoQuantizer(), prox, gamma=gamma, **arguments)
    rates = [options["lr"] * factor for factor in factors(variant["lr_factors"])]
    decays, states = [], []
    for t, rate in enumerate(rates):
        for group in base.param_groups:
            group["lr"] = rate
        decays.append(groups_decay(base))
        for name, p in params.items():
            p.grad = torch.from_numpy(arrays[f"gradients {name}"][t].copy())
        optimizer.step()
        if t + 1 in RECORDED:
            states.append(snapshot(t + 1, params, base))
    return rates, decays, states, {name: scales(params[name], base) for name in "ab"}


def groups_decay(base):
    return base.param_groups[0]["weight_decay"]


def snapshot(step, params, base):
    state = {"step": step}
    for name, p in params.items():
        state[name] = store.encode(p)
        latent = base.state[p].get("latent")
        if latent is not None and step in (RECORDED[1], RECORDED[-1]):
            state[f"latent {name}"] = store.encode(latent)
    return state


def scales(p, base):
    """The scales of the last fit: the distance of neighbouring levels."""
    levels = base.state[p]["quants"]
    middle = levels.size(1) // 2
    # Levels -0.5 s, 0.5 s of the stretched grid; 0, s of the symmetric one.
    scale = levels[:, middle] * 2 if levels.size(1) == 4 else levels[:, middle + 1]
    return store.encode(scale)


def case(arrays, base_name, variant_name, prox_name, gamma=None):
    kind, options = BASES[base_name]
    variant = PLAIN | VARIANTS[variant_name]
    options = options | ({"lr": variant.pop("lr")} if "lr" in variant else {})
    rates, decays, states, last_scales = run(arrays, kind, options, variant, prox_name, gamma)
    built = {"kind": "trajectory", "base": kind, "options": options}
    if gamma is not None:
        built |= {"base": "normal-map-sgd", "gamma": gamma}
    built |= {"map": prox_name} | ({} if prox_name == "hard" else WINDOW)
    if prox_name == "parq":
        built |= {"steepness": 10, "anneal_center": 0.5}
    if prox_name == "soft-quant":
        built |= {"t_start": 1.0, "t_end": 1000.0, "t_power": 1}
    built |= {"variant": variant_name}
    built |= {key: value for key, value in variant.items() if key != "lr_factors"}
    built |= {"lr": rates}
    if variant["anneal_wd_frac"]:
        built["weight_decay"] = decays
    return built | {"states": states, "scales": last_scales}


def build():
    arrays = weights()
    cases = []
    for base_name in BASES:
        for variant_name in VARIANTS:
            for prox_name in ("parq",) if "anneal_wd_frac" in VARIANTS[variant_name] else MAPS:
                cases.append(case(arrays, base_name, variant_name, prox_name))
    for variant_name, gamma in (("plain", 0.7), ("warmup", 2.0), ("period", 0.7), ("shrink", 2.0)):
        for prox_name in MAPS:
            for base_name in ("sgd", "sgd-nesterov"):
                cases.append(case(arrays, base_name, variant_name, prox_name, gamma))
    return arrays, cases
