"""Cases of proxmaps.json.gz: proximal maps at and around every boundary of their schedules."""

from functools import partial

import numpy as np
import torch
from torchao.prototype.parq.optim import ProxBinaryRelax, ProxHardQuant, ProxPARQ

from golden import inputs, lattices, store
from golden.maps import SoftQuant, corrected_annealing

START, END = 10, 30
STEPS = (START - 1, START, START + 1, (START + END) // 2, END - 1, END, END + 1)
GRIDS = {
    "symmetric:4": partial(lattices.symmetric, 4),
    "stretched:2": partial(lattices.stretched, 2),
    "ternary": lattices.ternary,
    "lsbq-greedy:3": partial(lattices.lsbq_greedy, 3),
    "lsbq-greedy:2": partial(lattices.lsbq_greedy, 2),
    "nf4": lattices.nf4,
}


def map_configs():
    """Pairs of a map's description and the map itself."""
    window = {"anneal_start": START, "anneal_end": END}
    configs = [({"map": "hard"}, ProxHardQuant())]
    for steepness, center in ((10, 0.5), (1, 0.5), (50, 0.5), (10, 0.3), (10, 0.7)):
        shape = {"steepness": steepness, "anneal_center": center}
        configs.append(({"map": "parq"} | window | shape, ProxPARQ(**window, **shape)))
    configs.append(({"map": "binary-relax"} | window, ProxBinaryRelax(**window)))
    for shape in (
        {"t_start": 1.0, "t_end": 1000.0, "t_power": 1},
        {"t_start": 0.5, "t_end": 40.0, "t_power": 2},
    ):
        configs.append(({"map": "soft-quant"} | window | shape, SoftQuant(**window, **shape)))
    return configs


def fitted_input():
    """What the lattices are fitted to: two normal rows, a heavy-tailed one and one full of ties."""
    x = np.concatenate([inputs.normal(41, (2, 16)), inputs.heavy(42, (1, 16)), np.zeros((1, 16))])
    # Multiples of an eighth of 2^-5 up to 7.5: the scale of 4 symmetric bits is exactly 2^-5.
    x[3] = inputs.generator(43).integers(-60, 60, 16, endpoint=True) * 2.0**-8
    x[3, 5] = 60 * 2.0**-8
    return x.astype(np.float32)


def probes(levels, dim, seed, rows=4, columns=24):
    """Levels, middles, their neighbours, values outside the range, and ordinary ones."""
    rng = inputs.generator(seed)
    table = levels.numpy().reshape(-1, levels.size(-1)).astype(np.float32)
    x = np.empty((rows, columns), np.float32)
    for row in range(rows):
        q = table[row % len(table)]
        middles = (q[:-1] + q[1:]) / np.float32(2)
        on_levels = rng.choice(q, 4)
        on_middles = rng.choice(middles, 4)
        span = q[-1] - q[0]
        x[row] = np.concatenate(
            [
                on_levels,
                np.nextafter(on_levels[:2], np.float32(9)),
                np.nextafter(on_levels[:2], np.float32(-9)),
                on_middles,
                np.nextafter(on_middles[:2], np.float32(9)),
                [q[0], q[-1], q[0] - span / 3, q[-1] + span / 3],
                rng.uniform(q[0], q[-1], columns - 18),
            ]
        ).astype(np.float32)
    return x


def apply(prox, x, q, levels, step, dim):
    p = torch.from_numpy(x.copy())
    with corrected_annealing():
        slope = prox.apply_(p, q, levels, step_count=step, dim=dim)
    return p, slope


def build():
    fitted = fitted_input()
    arrays = {"fitted": fitted}
    cases = []
    seed = 50
    for granularity, dim in (("per-tensor", None), ("per-row", -1)):
        for grid, fit in GRIDS.items():
            lattice = fit(torch.from_numpy(fitted), dim)
            levels = lattice.levels.flatten() if dim is None else lattice.levels
            values = lattice.values.reshape(fitted.shape)
            seed += 1
            probe = f"probe {grid} {granularity}"
            arrays[probe] = probes(levels, dim, seed)
            cases.append(
                {
                    "kind": "lattice",
                    "grid": grid,
                    "granularity": granularity,
                    "input": "fitted",
                    "scales": store.encode(lattice.scales),
                    "level_count": levels.size(-1),
                    "levels": store.encode(levels),
                    "values": store.encode(values),
                }
            )
            # Fresh: the quantizer's own rounding of what it was fitted to is passed in.
            for name, q in (("fitted", values), (probe, None)):
                for config, prox in map_configs():
                    for step in STEPS if config["map"] != "hard" else STEPS[:1]:
                        output, slope = apply(prox, arrays[name], q, levels, step, dim)
                        case = {"kind": "map", "grid": grid, "granularity": granularity}
                        case |= {"input": name, "fresh": q is not None} | config | {"step": step}
                        if slope is not None:
                            case["inverse_slope"] = slope
                        cases.append(case | {"output": store.encode(output)})
    return arrays, cases
