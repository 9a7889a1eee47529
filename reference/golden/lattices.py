"""Calls the reference's quantizers and writes down the lattices they fit."""

import warnings
from dataclasses import dataclass

import torch
from torchao.prototype.mx_formats import mx_tensor, nvfp4_tensor
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.kernels import (
    f4_unpacked_to_f32,
    f32_to_f4_unpacked,
    unpack_uint4,
)
from torchao.prototype.parq.quant import (
    Int4UnifTorchaoQuantizer,
    LSBQuantizer,
    MaxUnifQuantizer,
    StretchedUnifTorchaoQuantizer,
    TernaryUnifQuantizer,
    UnifQuantizer,
    UnifTorchaoQuantizer,
)
from torchao.prototype.parq.quant.uniform import get_q_max
from torchao.quantization.quant_primitives import MappingType
from torchao.quantization.quantize_.workflows.nf4.nf4_tensor import NF4Tensor

warnings.filterwarnings("ignore")

SMALLEST_NORMAL = torch.finfo(torch.float32).tiny

# Normal-float levels of Dettmers et al., "QLoRA", appendix E, arXiv 2305.14314.
NF4 = torch.tensor(
    [
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0,
    ]
)
FP4 = torch.tensor([-6.0, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6])


@dataclass
class Fit:
    """What a quantizer made of one tensor: one scale (or one basis) a block."""

    values: torch.Tensor
    levels: torch.Tensor
    scales: torch.Tensor
    zero_points: torch.Tensor | None = None
    offsets: torch.Tensor | None = None
    # what a format stores, where that differs from the scale that multiplies
    stored_scales: torch.Tensor | None = None
    tensor_scale: torch.Tensor | None = None


def cut(x, granularity):
    """The view and the dimension that the reference's optimizer passes to a quantizer.

    None where it refuses: groups that do not divide the last dimension, groups of rank above 2.
    """
    if granularity == "per-tensor":
        return x, None
    if granularity == "per-row":
        return (x, None) if x.dim() == 1 else (x.flatten(1), -1)
    size = int(granularity.split(":")[1])
    if x.dim() > 2 or x.size(-1) % size:
        return None
    return x.reshape(-1, size), -1


def block_count(p, dim):
    return 1 if dim is None else p.size(0)


def rounded(scale, scale_type):
    """The scale in a narrower type, kept positive and finite; half of an fp16 scale is fp16 too."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[scale_type]
    info = torch.finfo(dtype)
    smallest = info.smallest_normal * info.eps
    if scale_type == "fp16":
        return (2 * (scale / 2).to(dtype).to(torch.float32)).clamp(min=2 * smallest, max=info.max)
    return scale.to(dtype).to(torch.float32).clamp(min=smallest, max=info.max)


def fit_torchao(quantizer, bits, p, dim, scale_type="fp32"):
    """A quantizer on torchao's primitives; new on each call, since it keeps its first range."""
    choose = quantizer._choose_qparams

    def choose_rounded(*args, **kwargs):
        scale, zero_point = choose(*args, **kwargs)
        if scale_type == "fp32":
            return scale, zero_point
        scale = rounded(scale, scale_type)
        if zero_point.dtype == torch.int32 and quantizer.mapping_type == MappingType.ASYMMETRIC:
            # The reference takes the zero point from the scale before rounding; here the rounded
            # scale decides everything.
            low, high = kwargs["quant_min"], kwargs["quant_max"]
            least = rows_of(p, dim).amin(1).clamp(max=0).view(scale.shape)
            zero_point = (low - torch.round(least / scale)).clamp(low, high).to(torch.int32)
        return scale, zero_point

    quantizer._choose_qparams = choose_rounded
    values, levels = quantizer.quantize(p.clone(), bits, dim=dim)
    scales, zero_points = choose_rounded(
        p,
        quantizer.mapping_type,
        p.size() if dim is None else (1, p.size(-1)),
        quantizer.target_dtype,
        eps=quantizer.eps,
        quant_min=quantizer.quant_min,
        quant_max=quantizer.quant_max,
    )
    return Fit(values, levels, scales, zero_points=zero_points)


def symmetric(bits, p, dim, scale_type="fp32"):
    fit = fit_torchao(UnifTorchaoQuantizer(), bits, p, dim, scale_type)
    assert not fit.zero_points.any()
    fit.zero_points = None
    return fit


def asymmetric(bits, p, dim, scale_type="fp32"):
    quantizer = UnifTorchaoQuantizer(mapping_type=MappingType.ASYMMETRIC)
    return fit_torchao(quantizer, bits, p, dim, scale_type)


def tinygemm(p, dim):
    fit = fit_torchao(Int4UnifTorchaoQuantizer(), 4, p, dim)
    fit.offsets, fit.zero_points = fit.zero_points, None
    return fit


def stretched(bits, p, dim, scale_type="fp32"):
    # The reference refuses 8 bits in its default int8: its range check sees 127.5.
    wide = {"target_dtype": torch.int32} if bits == 8 else {}
    fit = fit_torchao(StretchedUnifTorchaoQuantizer(bits, **wide), bits, p, dim, scale_type)
    assert (fit.zero_points == -0.5).all()
    fit.zero_points = None
    return fit


def without_mean(p, dim, centred):
    """The tensor that is quantized, and the mean that is added to the result."""
    if not centred:
        return p, None
    mean = p.mean(dim=dim, keepdim=dim is not None)
    return p - mean, mean


def clipped(bits, method, int_shift, zero_point, p, dim, centred=False):
    kind = MaxUnifQuantizer if method == "max" else UnifQuantizer
    quantizer = kind(
        center=centred, scale_method=method, int_shift=int_shift, zero_point=zero_point
    )
    values, levels = quantizer.quantize(p.clone(), bits, dim=dim)
    rest, mean = without_mean(p, dim, centred)
    limit = 2 ** (bits - 1) - int_shift
    scales = get_q_max(rest, bits, dim=dim, scale_method=method).clamp(min=SMALLEST_NORMAL) / limit
    top = limit * scales if mean is None else limit * scales + mean
    assert torch.equal(levels[..., -1].flatten(), top.flatten())
    return Fit(values, levels, scales, offsets=mean)


def asymmetric_uniform(bits, p, dim):
    """Levels on multiples of the scale from the minimum to the maximum.

    Not the reference's AsymUnifQuantizer: its values are not among its levels. This is what it aims
    at, with scales of at least max|p| / 2^21 so that the multiples stay exact.
    """
    rows = rows_of(p, dim)
    low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
    step = ((high.double() - low.double()) / (2**bits - 1)).float()
    finest = rows.abs().amax(1, keepdim=True) * 2.0**-21
    scales = torch.maximum(step, finest).clamp(min=SMALLEST_NORMAL)
    first = torch.round(low / scales)
    index = (torch.round(rows / scales) - first).clamp(0, 2**bits - 1)
    steps = torch.arange(2**bits, dtype=torch.float32)
    return Fit(
        (index + first) * scales,
        (steps + first) * scales,
        scales,
        zero_points=-(2 ** (bits - 1)) - first,
    )


def ternary(p, dim, centred=False):
    values, levels = TernaryUnifQuantizer(center=centred).quantize(p.clone(), 0, dim=dim)
    rest, mean = without_mean(p, dim, centred)
    scales = get_q_max(rest, 0, dim=dim, scale_method="max").clamp(min=SMALLEST_NORMAL) / 1.5
    top = scales if mean is None else scales + mean
    assert torch.equal(levels[..., -1].flatten(), top.flatten())
    return Fit(values, levels, scales, offsets=mean)


def lsbq_greedy(bits, p, dim, centred=False):
    values, levels = LSBQuantizer(center=centred).quantize(p.clone(), bits, dim=dim)
    rest, mean = without_mean(p, dim, centred)
    # The basis: each vector's weight is the mean magnitude of what the earlier ones left.
    basis = []
    for _ in range(bits):
        weight = rest.abs().mean(dim=dim, keepdim=dim is not None)
        rest = rest - torch.where(rest < 0, -weight, weight)
        basis.append(weight.reshape(-1, 1))
    scales = torch.cat(basis, dim=1)
    top = scales.sum(1) if mean is None else scales.sum(1) + mean.flatten()
    assert torch.allclose(levels.reshape(top.numel(), -1)[:, -1], top, rtol=1e-6, atol=1e-7)
    return Fit(values, levels, scales, offsets=mean)


def lsbq_simple_ternary(multiplier, p, dim):
    quantizer = LSBQuantizer(ternary_multiplier=multiplier)
    values, levels = quantizer.quantize(p.clone(), 0, dim=dim)
    return Fit(values, levels, levels[..., -1])


def exact_scales(grid, p, dim):
    """Scales that rest on a mean, in double precision: free of any order of additions.

    None for other grids. The reference's own single-precision sums are a few units in the last
    place away from these, by an amount that depends on the CPU's vector length.
    """
    text, _, centre = grid.partition("+")
    name, *arguments = text.split(":")
    if name not in ("stretched", "clipped", "ternary", "lsbq-greedy", "lsbq-simple-ternary"):
        return None
    if not centre and (name == "ternary" or "max" in arguments):
        return None
    rest, _ = without_mean(p.double(), dim, bool(centre))
    mean = lambda x: x.abs().mean(dim=dim, keepdim=dim is not None)
    if name == "lsbq-simple-ternary":
        return float(arguments[0]) * mean(rest)
    if name == "lsbq-greedy":
        basis = []
        for _ in range(int(arguments[0])):
            basis.append(mean(rest).reshape(-1, 1))
            rest = rest - torch.where(rest < 0, -mean(rest), mean(rest))
        return torch.cat(basis, dim=1)
    if name == "ternary":
        method, bits, limit = "max", 0, 1.5
    else:
        bits = int(arguments[0])
        method = arguments[1] if name == "clipped" else "mean"
        limit = 2 ** (bits - 1) - (float(arguments[2]) if name == "clipped" else 0.5)
    return get_q_max(rest, bits, dim=dim, scale_method=method).clamp(min=SMALLEST_NORMAL) / limit


def rows_of(p, dim):
    return p.reshape(1, -1) if dim is None else p


def nf4(p, dim):
    rows = rows_of(p, dim)
    scales = rows.abs().amax(1, keepdim=True)
    scales = torch.where(scales == 0, SMALLEST_NORMAL, scales)
    index = NF4Tensor.quantize_tensor_nearest((rows / scales).flatten(), NF4).view(rows.shape)
    return Fit(NF4[index] * scales, NF4 * scales, scales)


def fp4(p, dim):
    """E2M1 with a single-precision scale: the largest magnitude becomes 6."""
    rows = rows_of(p, dim)
    scales = rows.abs().amax(1, keepdim=True) / 6
    scales = torch.where(scales == 0, SMALLEST_NORMAL, scales)
    values = f4_unpacked_to_f32(f32_to_f4_unpacked(rows / scales)) * scales
    return Fit(values, FP4 * scales, scales)


def mxfp4(p):
    """E2M1 in blocks of 32 with a power of two each, as torchao's to_mx (floor mode)."""
    element = torch.float4_e2m1fn_x2
    stored, packed = mx_tensor.to_mx(p.contiguous(), element, 32, ScaleCalculationMode.FLOOR)
    values = mx_tensor.to_dtype(packed, stored, element, 32, torch.float32)
    scales = mx_tensor.get_fp_scale(stored)
    return Fit(values, FP4 * scales, scales, stored_scales=stored.view(torch.uint8))


def nvfp4(p, whole):
    """E2M1 in blocks of 16 with an E4M3 scale each and one single-precision scale for all."""
    tensor_scale = nvfp4_tensor.per_tensor_amax_to_scale(whole.abs().max())
    stored, packed = nvfp4_tensor.nvfp4_quantize(p.contiguous(), 16, tensor_scale)
    scales = tensor_scale * stored.to(torch.float32)
    values = f4_unpacked_to_f32(unpack_uint4(packed)).view(p.shape) * scales
    return Fit(
        values,
        FP4 * scales,
        scales,
        stored_scales=stored.view(torch.uint8),
        tensor_scale=tensor_scale,
    )
