"""Cases of grids.json.gz: fitted lattices, and least squared errors to be met."""

from functools import partial

import numpy as np
import torch
from torchao.prototype.parq.quant import LSBQuantizer

from golden import inputs, lattices, optima, store

GRANULARITIES = ("per-tensor", "per-row", "group:16", "group:32")
ORDINARY = ("normal", "heavy", "ties")
ALL = (
    *ORDINARY,
    "zero_rows",
    "outlier",
    "subnormal",
    "constant",
    "all_equal",
    "rank1",
    "conv",
)
FEW = (*ORDINARY, "zero_rows", "outlier", "constant", "conv")
FEWER = ("normal", "zero_rows", "outlier")
# A sum of 1024 terms depends on its order: for grids whose scale is a mean.
WIDE = (*ALL, "wide")

# Clipping at a mean or a maximum, integer shift and zero point: the reference's two defaults
# (UnifQuantizer, MaxUnifQuantizer) and the two other pairings.
CLIPPED = (("mean", 0.5, 0.5), ("max", 1.0, 0.0), ("max", 0.5, 0.5), ("mean", 1.0, 0.0))


def uniform_grids():
    """Triples of a grid's text, its fit and the inputs to try."""
    grids = []
    for bits in range(2, 9):
        grids.append((f"symmetric:{bits}", partial(lattices.symmetric, bits), ALL))
        grids.append((f"asymmetric:{bits}", partial(lattices.asymmetric, bits), ALL))
    for bits in range(1, 9):
        fit = partial(lattices.asymmetric_uniform, bits)
        grids.append((f"asymmetric-uniform:{bits}", fit, FEW))
    grids.append(("tinygemm", lattices.tinygemm, ALL))
    for bits in range(1, 9):
        fit = partial(lattices.stretched, bits)
        grids.append((f"stretched:{bits}", fit, WIDE if bits <= 3 else ALL))
    for bits in range(2, 9):
        for clip in CLIPPED:
            for centred in (False, True):
                names = ALL if bits <= 3 and not centred else FEW if bits <= 4 else FEWER
                text = ":".join(map(str, ("clipped", bits, *clip))) + suffix(centred)
                fit = partial(lattices.clipped, bits, *clip, centred=centred)
                grids.append((text, fit, names))
    for centred in (False, True):
        fit = partial(lattices.ternary, centred=centred)
        grids.append(("ternary" + suffix(centred), fit, ALL))
    return grids


def lsbq_grids():
    grids = []
    for bits in range(1, 5):
        for centred in (False, True):
            fit = partial(lattices.lsbq_greedy, bits, centred=centred)
            grids.append((f"lsbq-greedy:{bits}" + suffix(centred), fit, WIDE))
    fit = partial(lattices.lsbq_simple_ternary, 1.1)
    return [*grids, ("lsbq-simple-ternary:1.1", fit, WIDE)]


def suffix(centred):
    return "+centred" if centred else ""


def fit_case(grid, granularity, name, fit, blocks, scale_type="fp32"):
    case = {"kind": "fit", "grid": grid, "granularity": granularity, "scale_type": scale_type}
    levels = store.leading_levels(fit.levels, blocks)
    case |= {"input": name, "blocks": blocks, "level_count": levels.shape[1]}
    case["scales"] = store.encode(fit.scales)
    if fit.zero_points is not None:
        case["zero_points"] = store.encode(fit.zero_points.to(torch.float32))
    if fit.offsets is not None:
        case["offsets"] = store.encode(fit.offsets)
    if fit.stored_scales is not None:
        case["stored_scales"] = store.encode_bytes(fit.stored_scales)
    if fit.tensor_scale is not None:
        case["tensor_scale"] = store.encode(fit.tensor_scale)
    case["levels"] = store.encode(levels)
    case["values"] = store.encode(fit.values)
    return case


def cuts(x, granularities=GRANULARITIES):
    for granularity in granularities:
        view = lattices.cut(x, granularity)
        if view is not None:
            yield granularity, *view


def fit_cases(data):
    for grid, fit, names in uniform_grids() + lsbq_grids():
        for name in names:
            for granularity, p, dim in cuts(data[name]):
                if name == "wide" and granularity.startswith("group"):
                    continue
                case = fit_case(grid, granularity, name, fit(p, dim), lattices.block_count(p, dim))
                exact = lattices.exact_scales(grid, p, dim)
                if exact is not None:
                    case["exact_scales"] = store.encode(exact.to(torch.float32))
                yield case


def scale_type_cases(data):
    grids = (
        ("symmetric:4", lattices.symmetric, 4),
        ("stretched:2", lattices.stretched, 2),
        ("stretched:3", lattices.stretched, 3),
        ("asymmetric:4", lattices.asymmetric, 4),
    )
    for scale_type in ("bf16", "fp16"):
        for grid, fit, bits in grids:
            for name in (*ORDINARY, "zero_rows", "rank1", "conv"):
                for granularity, p, dim in cuts(data[name]):
                    fitted = fit(bits, p, dim, scale_type)
                    blocks = lattices.block_count(p, dim)
                    yield fit_case(grid, granularity, name, fitted, blocks, scale_type)


def codebook_cases(data):
    for grid, fit in (("nf4", lattices.nf4), ("fp4", lattices.fp4)):
        for name in ALL:
            for granularity, p, dim in cuts(data[name], (*GRANULARITIES, "group:64")):
                yield fit_case(grid, granularity, name, fit(p, dim), lattices.block_count(p, dim))
    for name in (*ORDINARY, "zero_rows", "outlier", "constant", "all_equal", "rank1"):
        for granularity, p, _ in cuts(data[name], ("group:32",)):
            yield fit_case("fp4", granularity, name, lattices.mxfp4(p), p.size(0), "e8m0")
        for granularity, p, _ in cuts(data[name], ("group:16",)):
            fit = lattices.nvfp4(p, data[name])
            yield fit_case("fp4", granularity, name, fit, p.size(0), "e4m3")


def lsbq_optimum_cases(data):
    """The least possible error of each block, and what the reference's two variants reach."""
    for grid, bits, best in (
        ("lsbq-optimal:2", 2, optima.two_magnitudes),
        ("lsbq-optimal-ternary", 0, optima.ternary),
    ):
        for name in [name for name in ALL if name != "subnormal"]:
            for granularity, p, dim in cuts(data[name]):
                rows = lattices.rows_of(p, dim)
                optimal = [best(row.numpy()) for row in rows]
                whole = [lsbq_error(row, bits, None) for row in rows]
                yield {
                    "kind": "optimum",
                    "grid": grid,
                    "granularity": granularity,
                    "input": name,
                    "blocks": len(optimal),
                    "best_error": [error for error, _ in optimal],
                    "best_levels": [levels for _, levels in optimal],
                    "reference_error": whole,
                    "skipped": [i for i, error in enumerate(whole) if error is None],
                    "per_channel_error": [lsbq_error(row, bits, -1) for row in rows],
                }


def lsbq_error(row, bits, dim):
    """Squared error of the reference's optimal fit of one block, None where it fails."""
    p = row.clone() if dim is None else row.clone().view(1, -1)
    try:
        values, _ = LSBQuantizer(optimal=True).quantize(p, bits, dim=dim)
    except (AssertionError, RuntimeError, IndexError):
        return None
    error = optima.squared_error(row.numpy(), values.flatten().numpy())
    return error if np.isfinite(error) else None


def scale_optimum_cases(data):
    """The least possible error over all scales, plain and weighted by input importance."""
    importance = data["importance"].numpy()
    for bits in (2, 3, 4):
        for family, plain in (("symmetric", lattices.symmetric), ("stretched", lattices.stretched)):
            if family == "stretched" and bits == 4:
                continue
            for name in (*ORDINARY, "zero_rows", "outlier", "constant", "rank1", "conv"):
                for granularity, p, dim in cuts(data[name]):
                    for weighted in (False, True) if data[name].shape[-1] == 64 else (False,):
                        weights = None
                        if weighted:
                            weights = np.broadcast_to(importance, data[name].shape)
                        yield scale_optimum_case(
                            (family, bits), granularity, name, p, dim, plain, weights
                        )


def scale_optimum_case(grid, granularity, name, p, dim, plain, weights):
    family, bits = grid
    rows = lattices.rows_of(p, dim).numpy()
    w = None if weights is None else weights.reshape(rows.shape)
    values = plain(bits, p, dim).values.reshape(rows.shape).numpy()
    best = [
        optima.scale(row, bits, family == "stretched", None if w is None else w[i])
        for i, row in enumerate(rows)
    ]
    case = {
        "kind": "optimum",
        "grid": f"{family}:{bits}+error-optimal",
        "granularity": granularity,
        "input": name,
        "blocks": len(best),
    }
    if w is not None:
        case["importance"] = "importance"
    case["best_error"] = [error for error, _ in best]
    case["best_scale"] = [scale for _, scale in best]
    case["plain_error"] = [
        optima.squared_error(row, values[i], None if w is None else w[i])
        for i, row in enumerate(rows)
    ]
    return case


def build():
    arrays = inputs.weights()
    data = {name: torch.from_numpy(array) for name, array in arrays.items()}
    cases = [
        *fit_cases(data),
        *scale_type_cases(data),
        *codebook_cases(data),
        *lsbq_optimum_cases(data),
        *scale_optimum_cases(data),
    ]
    return arrays, cases
