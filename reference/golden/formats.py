"""Cases of formats.json.gz: torch's casts between float32 and the narrower types, as bits."""

import numpy as np
import torch

from golden import inputs, store

# How many of a float32 fraction's 23 bits each type drops.
DROPPED = {"bf16": 16, "fp16": 13, "e4m3": 20, "e5m2": 21, "e8m0": 23}
TYPES = {
    "bf16": (torch.bfloat16, np.uint16),
    "fp16": (torch.float16, np.uint16),
    "e4m3": (torch.float8_e4m3fn, np.uint8),
    "e5m2": (torch.float8_e5m2, np.uint8),
    "e8m0": (torch.float8_e8m0fnu, np.uint8),
}
LARGEST = {"bf16": np.inf, "fp16": np.inf, "e4m3": 448.0, "e5m2": 57344.0, "e8m0": np.inf}


def floats(dropped):
    """Every exponent with fractions on and beside the boundaries where a cast rounds."""
    fractions = {1, 0x7FFFFF, 0x2AAAAA}
    half = 1 << (dropped - 1)
    for base in (0, 1 << dropped, 0x7FFFFF & ~((1 << dropped) - 1)):
        fractions |= {(base + half + d) & 0x7FFFFF for d in (-1, 0, 1)} | {base & 0x7FFFFF}
    fractions = np.array(sorted(fractions), np.uint32)
    exponents = np.arange(255, dtype=np.uint32) << 23
    positive = (exponents[:, None] | fractions[None, :]).ravel()
    # Below its smallest normal number a narrow type drops more bits: boundaries there.
    small = [k * 2.0**e for e in (-10, -17, -25, -134) for k in np.arange(0, 20, 0.5)]
    ordinary = np.concatenate([inputs.normal(31, 100, 2.0), inputs.heavy(32, 100, 30.0)])
    extra = np.concatenate([np.array(small), ordinary]).astype(np.float32).view(np.uint32)
    bits = np.concatenate([positive, extra & 0x7FFFFFFF])
    # Every third one negative, and both zeros.
    bits[::3] |= 0x80000000
    return np.unique(np.concatenate([bits, [0, 0x80000000]]).astype(np.uint32))


def cast_case(name):
    dtype, unsigned = TYPES[name]
    bits = floats(DROPPED[name])
    x = torch.from_numpy(bits.view(np.float32).copy())
    narrow = x.to(dtype)
    wide = narrow.to(torch.float32)
    usable = (x.abs() <= LARGEST[name]) & ~wide.isnan()
    if name == "e8m0":
        usable &= x > 0
    kept = usable.numpy()
    return {
        "kind": "cast",
        "type": name,
        "count": int(kept.sum()),
        "from": store.encode(bits[kept], "<u4"),
        "to": store.encode(
            narrow.view(torch.uint8).numpy().view(unsigned)[kept],
            np.dtype(unsigned).newbyteorder("<"),
        ),
    }


def decode_case(name):
    dtype, unsigned = TYPES[name]
    if unsigned is np.uint8:
        codes = np.arange(256, dtype=np.uint8)
    else:
        codes = (np.arange(0, 65536, 61) & 0xFFFF).astype(np.uint16)
    values = torch.from_numpy(codes.copy().view(np.uint8)).view(dtype).to(torch.float32).numpy()
    return {
        "kind": "decode",
        "type": name,
        "count": int(codes.size),
        "from": store.encode(codes, codes.dtype.newbyteorder("<")),
        # NaN as one bit pattern, whatever torch made of its payload
        "to": store.encode(np.where(np.isnan(values), np.float32(np.nan), values)),
    }


def build():
    return {}, [cast_case(name) for name in TYPES] + [decode_case(name) for name in TYPES]
