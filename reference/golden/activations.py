"""Cases of activations.json.gz: fake quantization of activations."""

import torch
from torchao.quantization.quant_primitives import (
    MappingType,
    _choose_scale_float8,
    _dequantize_affine_float8,
    _quantize_affine_float8,
    choose_qparams_affine,
    dequantize_affine,
    quantize_affine,
)
from torchao.quantization.quantize_.workflows.intx.intx_unpacked_to_int8_tensor import (
    _apply_int8_act_asym_per_token_quant_dequant,
)
from torchao.quantization.utils import _quantize_activation_per_token_absmax

from golden import inputs, store


def activations():
    x = inputs.ties(23)
    return {
        "normal": inputs.normal(21, (6, 64), 1.0),
        "heavy": inputs.heavy(22, (6, 64), 1.0),
        "ties": x[-1:],
        "zero_rows": inputs.zero_rows(24),
        "outlier": inputs.outlier(25),
        "subnormal": inputs.subnormal(26),
        "constant": inputs.constant(),
        "positive": abs(inputs.normal(27, (4, 33), 3.0)) + 1,
        "wide": inputs.heavy(28, (3, 512), 0.5),
    }


def int8_asymmetric(x):
    values = _apply_int8_act_asym_per_token_quant_dequant(x)
    scales, zero_points = choose_qparams_affine(
        x, MappingType.ASYMMETRIC, (1, x.size(-1)), torch.int8, zero_point_dtype=torch.int8
    )
    return values, scales, zero_points


def int8_symmetric(x):
    block = (1, x.size(-1))
    scales, zero_points = choose_qparams_affine(
        x, MappingType.SYMMETRIC, block, torch.int8, quant_min=-127, quant_max=127
    )
    codes = quantize_affine(x, block, scales, zero_points, torch.int8, -127, 127)
    return dequantize_affine(codes, block, scales, zero_points, torch.int8, -127, 127), scales, None


def int8_symmetric_helper(x):
    """torchao's own helper: the same, with scales of at least 1e-5."""
    codes, scales = _quantize_activation_per_token_absmax(x)
    return codes.to(torch.float32) * scales.view(-1, 1), scales, None


def e4m3(x, block):
    scales = _choose_scale_float8(x, block)
    values = _dequantize_affine_float8(_quantize_affine_float8(x, scales), scales)
    # A block of zeros has the scale 0 there, and its values are then 0 / 0.
    return torch.where(scales == 0, 0.0, values), scales, None


def case(kind, name, result):
    values, scales, zero_points = result
    assert values.isfinite().all()
    built = {"kind": kind, "input": name, "scales": store.encode(scales)}
    if zero_points is not None:
        built["zero_points"] = store.encode(zero_points.to(torch.float32))
    return built | {"values": store.encode(values)}


def build():
    arrays = activations()
    cases = []
    for name, array in arrays.items():
        x = torch.from_numpy(array)
        cases += [
            case("int8-asym-per-token", name, int8_asymmetric(x)),
            case("int8-sym-per-token", name, int8_symmetric(x)),
            case("int8-sym-per-token-eps-1e-5", name, int8_symmetric_helper(x)),
            case("fp8-e4m3-per-row", name, e4m3(x, (1, x.size(-1)))),
            case("fp8-e4m3-per-tensor", name, e4m3(x, tuple(x.shape))),
        ]
    return arrays, cases
