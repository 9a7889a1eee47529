"""Inputs: float32 arrays from fixed seeds, ordinary and awkward."""

import numpy as np

TIE_MAXIMA = (1.5, 3.5, 7.5, 1.0, 3.0, 7.0, 6.0, 127.5)


def generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


def normal(seed, shape, scale=0.05):
    return (generator(seed).standard_normal(shape) * scale).astype(np.float32)


def heavy(seed, shape, scale=0.02):
    """Student's t with two degrees of freedom."""
    return (generator(seed).standard_t(2, shape) * scale).astype(np.float32)


def ties(seed):
    """Multiples of 1/8 of an exact scale, so that absolute-maximum grids meet halves.

    Row i spans [-m, m] with m = TIE_MAXIMA[i] (times 2^-5), and so does every run of 16: symmetric
    grids of 2, 3, 4 and 8 bits then have the scale 2^-5 in the rows of 1.5, 3.5, 7.5 and 127.5,
    clipped grids with zero in the rows of 1, 3 and 7, and E2M1 in the row of 6.
    """
    rng = generator(seed)
    rows = []
    for maximum in TIE_MAXIMA:
        unit = 0.5 if maximum > 100 else 0.125
        steps = int(maximum / unit)
        row = rng.integers(-steps, steps, 64, endpoint=True) * unit
        for start in range(0, 64, 16):
            low, high = rng.choice(16, 2, replace=False)
            row[start + low] = -maximum
            row[start + high] = maximum
        rows.append(row)
    return (np.array(rows) * 2.0**-5).astype(np.float32)


def zero_rows(seed):
    """Rows 0 and 2 zero (one of them with negative zeros), row 3 half zero."""
    x = normal(seed, (4, 32))
    x[0] = 0.0
    x[2] = 0.0
    x[2, 5:9] = -0.0
    x[3, :16] = 0.0
    return x


def outlier(seed):
    x = normal(seed, (3, 32), 0.01)
    x[1, 7] = 50.0
    return x


def subnormal(seed):
    """Row 0 around 1e-40, row 1 around the smallest normal number, row 2 of 1e-40 and one 1."""
    rng = generator(seed)
    x = rng.standard_normal((3, 32))
    x[0] *= 1e-40
    x[1] *= 3e-38
    x[2] *= 1e-40
    x[2, 11] = 1.0
    return x.astype(np.float32)


def constant():
    return np.repeat(np.array([[0.3], [-0.3], [1e-3], [-7.0]], np.float32), 32, axis=1)


def all_equal():
    return np.full((2, 32), 0.7, np.float32)


def weights():
    """The inputs of the grid cases."""
    return {
        "normal": normal(1, (6, 64)),
        "heavy": heavy(2, (6, 64)),
        "ties": ties(3),
        "zero_rows": zero_rows(4),
        "outlier": outlier(5),
        "subnormal": subnormal(6),
        "constant": constant(),
        "all_equal": all_equal(),
        "rank1": normal(7, (64,)),
        "conv": normal(8, (4, 3, 3, 3), 0.2),
        "wide": heavy(9, (2, 1024)),
        "importance": (generator(10).chisquare(1, 64) + 0.01).astype(np.float32),
    }
