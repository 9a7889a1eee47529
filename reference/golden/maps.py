"""What torchao's proximal maps lack: a correct annealing curve, and soft quantization."""

import math
from contextlib import contextmanager

import torch
from torchao.prototype.parq.optim import parq as reference_parq
from torchao.prototype.parq.optim.proxmap import ProxMap
from torchao.prototype.parq.utils import channel_bucketize


def decreasing_sigmoid(t, t1, t2, s, c):
    """From 1 at t1 to 0 at t2, steepest at the fraction c of the way, with steepness s.

    The reference takes its end values as if c were 0.5, so that its curve neither starts at 1 nor
    ends at 0 for any other centre.
    """

    def sigmoid(fraction):
        return 1 / (1 + math.exp(s * (fraction - c)))

    first, last = sigmoid(0), sigmoid(1)
    return (sigmoid((t - t1) / (t2 - t1)) - last) / (first - last)


@contextmanager
def corrected_annealing():
    """Lets torchao's PARQ map run on the corrected curve."""
    original = reference_parq.normalized_mirror_sigmoid
    reference_parq.normalized_mirror_sigmoid = decreasing_sigmoid
    try:
        yield
    finally:
        reference_parq.normalized_mirror_sigmoid = original


def find(p, boundaries, dim):
    """The number of boundaries below each value: those equal to it do not count."""
    if dim is None:
        return torch.bucketize(p, boundaries)
    return channel_bucketize(p, boundaries)


def pick(levels, index, dim):
    return levels[index] if dim is None else levels.gather(1, index)


def nearest(p, levels, dim):
    middles = (levels[..., :-1] + levels[..., 1:]) / 2
    return pick(levels, find(p, middles, dim), dim)


class SoftQuant(ProxMap):
    """Between neighbouring levels a sigmoid staircase that grows steeper, in double precision.

    With x clamped to its interval [a, b], u = (x - a) / (b - a) and the temperature
    t = t_start + progress^t_power * (t_end - t_start):

        m + h * (sigmoid(t * (u - 0.5)) - 0.5) / (sigmoid(t / 2) - 0.5)

    where m is the middle and h half the length of the interval. Formula: soft quantization of the
    PARQ authors' own repository. Computed there in single precision, whose rounding of u the
    temperature magnifies up to a thousandfold; here only the result is rounded.
    """

    def __init__(self, anneal_start, anneal_end, t_start=1.0, t_end=1e3, t_power=1):
        self.anneal_start, self.anneal_end = anneal_start, anneal_end
        self.t_start, self.t_end, self.t_power = t_start, t_end, t_power

    @torch.no_grad()
    def apply_(self, p, q, Q, step_count, dim=None):
        if step_count < self.anneal_start:
            return
        if step_count >= self.anneal_end:
            p.copy_(nearest(p, Q, dim) if q is None else q)
            return
        progress = (step_count - self.anneal_start) / (self.anneal_end - self.anneal_start)
        temperature = self.t_start + progress**self.t_power * (self.t_end - self.t_start)
        above = find(p, Q, dim)
        lower = pick(Q, (above - 1).clamp(min=0), dim).double()
        upper = pick(Q, above.clamp(max=Q.size(-1) - 1), dim).double()
        x = torch.minimum(torch.maximum(p.double(), lower), upper)
        length = upper - lower
        u = torch.where(length > 0, (x - lower) / length, 0.5)
        rise = torch.sigmoid(temperature * (u - 0.5)) - 0.5
        full = 1 / (1 + math.exp(-0.5 * temperature)) - 0.5
        p.copy_((upper + lower) / 2 + length / 2 * (rise / full))
