"""Least squared errors, found exactly in double precision: what a fit is measured against."""

import numpy as np


def squared_error(x, q, importance=None):
    square = (np.asarray(x, np.float64) - np.asarray(q, np.float64)) ** 2
    return float((square if importance is None else square * importance).sum())


def ternary(x):
    """Least error of {-v, 0, v}, and v: every threshold over the sorted magnitudes is tried."""
    a = np.sort(np.abs(x.astype(np.float64)))
    best = (squared_error(a, 0.0), 0.0)
    for zeros in range(a.size):
        v = a[zeros:].mean()
        error = squared_error(a[:zeros], 0.0) + squared_error(a[zeros:], v)
        best = min(best, (error, v))
    return best[0], [float(best[1])]


def two_magnitudes(x):
    """Least error of {-b, -a, a, b}, and a, b: every split of the sorted magnitudes is tried."""
    a = np.sort(np.abs(x.astype(np.float64)))
    best = (squared_error(a, a.mean()), a.mean(), a.mean())
    for inner in range(1, a.size):
        low, high = a[:inner].mean(), a[inner:].mean()
        error = squared_error(a[:inner], low) + squared_error(a[inner:], high)
        best = min(best, (error, low, high))
    return best[0], [float(best[1]), float(best[2])]


def scale(x, bits, stretched, importance=None):
    """Least error over all scales s of the levels s * k, and that s.

    k is -2^(bits-1) .. 2^(bits-1) - 1, or the same plus a half if stretched. As s falls from
    infinity, the nearest codes change one at a time, at known scales; between two changes the best
    scale is a quotient of sums. So running sums over the sorted changes see every candidate.
    """
    x = x.astype(np.float64)
    w = np.ones_like(x) if importance is None else importance.astype(np.float64)
    magnitude = np.abs(x)
    changes = []
    for value, weight, negative in zip(magnitude, w, x < 0):
        top = 2 ** (bits - 1) - (0 if negative and not stretched else 1)
        for k in range(1, top + 1):
            old, new, edge = (k - 0.5, k + 0.5, k) if stretched else (k - 1, k, k - 0.5)
            if value > 0:
                gain = weight * value * (new - old)
                changes.append((value / edge, gain, weight * (new**2 - old**2)))
    changes.sort(key=lambda change: -change[0])
    start = 0.5 if stretched else 0.0
    products = np.array([start * (w * magnitude).sum()] + [c[1] for c in changes]).cumsum()
    squares = np.array([start**2 * w.sum()] + [c[2] for c in changes]).cumsum()
    valid = squares > 0
    if not valid.any() or not magnitude.any():
        return 0.0, 0.0
    candidates = products[valid] / squares[valid]
    best = candidates[np.argmax(products[valid] ** 2 / squares[valid])]
    return squared_error(x, _nearest(x, best, bits, stretched), w), float(best)


def _nearest(x, s, bits, stretched):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if stretched:
        return s * (np.clip(np.floor(x / s), low, high) + 0.5)
    return s * np.clip(np.rint(x / s), low, high)
