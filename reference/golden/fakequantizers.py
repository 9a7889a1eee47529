"""Cases of fakequantizers.json.gz: fake quantization of activations in training, with gradients."""

import numpy as np
import torch
from torchao.quantization.qat import Int8DynActInt4WeightQATQuantizer, IntxFakeQuantizeConfig
from torchao.quantization.qat.fake_quantizer import IntxFakeQuantizer

from golden import inputs, store


def arrays():
    return {
        "normal": inputs.normal(31, (2, 5, 64), 1.0),
        "heavy": inputs.heavy(32, (2, 3, 96), 1.0),
        "positive": abs(inputs.normal(33, (4, 33), 3.0)) + 1,
        "zero_rows": inputs.zero_rows(34),
        "gradient of normal": inputs.normal(41, (2, 5, 64), 1.0),
        "gradient of heavy": inputs.normal(42, (2, 3, 96), 1.0),
        "gradient of positive": inputs.normal(43, (4, 33), 1.0),
        "gradient of zero_rows": inputs.normal(44, inputs.zero_rows(34).shape, 1.0),
        "weight": inputs.normal(45, (16, 64), 0.05),
        "gradient of linear": inputs.normal(46, (2, 5, 16), 1.0),
    }


def fake_quantizer(values, name):
    x = torch.from_numpy(values[name]).requires_grad_()
    config = IntxFakeQuantizeConfig(torch.int8, "per_token", is_symmetric=False)
    y = IntxFakeQuantizer(config)(x)
    y.backward(torch.from_numpy(values[f"gradient of {name}"]))
    return {
        "kind": "fake-quantizer",
        "activations": "int8-asym-per-token",
        "input": name,
        "values": store.encode(y),
        "gradient": store.encode(x.grad),
    }


def linear(values):
    model = torch.nn.Sequential(torch.nn.Linear(64, 16, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.from_numpy(values["weight"]))
    model = Int8DynActInt4WeightQATQuantizer(groupsize=32).prepare(model)
    x = torch.from_numpy(values["normal"]).requires_grad_()
    y = model(x)
    y.backward(torch.from_numpy(values["gradient of linear"]))
    return {
        "kind": "linear",
        "activations": "int8-asym-per-token",
        "input": "normal",
        "values": store.encode(y),
        "gradient": store.encode(x.grad),
        "weight_gradient": store.encode(model[0].weight.grad),
    }


def build():
    values = {name: np.ascontiguousarray(array) for name, array in arrays().items()}
    names = [name for name in values if f"gradient of {name}" in values]
    return values, [fake_quantizer(values, name) for name in names] + [linear(values)]
