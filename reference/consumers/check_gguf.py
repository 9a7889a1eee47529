#!/usr/bin/env python3
"""Checks GGUF files with llama.cpp: that it loads them, and computes what parq computes.

    pip install numpy gguf==0.19.0 llama-cpp-python==0.3.36     # built from source: Python 3.11, a C++ compiler, CMake
    python check_gguf.py FOLDER

FOLDER has, for each model NAME, the file NAME.gguf and what is expected of it, NAME.json:

    weights    a safetensors file in FOLDER with the trained values in F32, under Hugging Face's names
    head_dim   if rows of queries and keys are interleaved in the file: elements of a head
    plus_one   true if norms are stored with 1 added (gemma)
    n_ctx      the context to compute with
    sequences  a list of {"tokens": ids, "logits": base64 of F32 [tokens, vocabulary]}
    tolerance  the largest difference of logits
    emulate    {"heads", "kv_heads", "eps"} of a quantized llama, or absent: llama.cpp's activations
               have 8 bits then; a numpy model with such activations must compute the same for half
               of the sequences at least (in the others an activation fell on the other side of a
               rounding boundary), and with activations in single precision it must compute "logits"
    greedy     {"prompt": ids, "tokens": ids that follow}, or absent
    held_out   a text to score and prompts to continue as held_out.py describes, or absent
    texts      a list of {"text": text, "tokens": ids}, or absent: what the tokenizer makes of texts

Weights must be equal: decoded by ggml's own functions, and by the gguf package where it knows the
type. Prints a line for each model, and exits with 1 if anything differs.
"""

import base64
import ctypes
import json
import re
import struct
import sys
from pathlib import Path

import gguf
import llama_cpp
import numpy as np

import held_out
from llama_emulation import Llama

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
GEMMA_NAMES = {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
NVFP4 = 40

# Sums in double precision against sums in single precision, in another order.
EMULATION = 1e-4

# Bits per character of 8-bit activations against emulated ones: some fall on the other side of a
# rounding boundary.
ROUNDED_BITS = 5e-4


class Mismatch(Exception):
    """What differs, and where."""


class TypeTraits(ctypes.Structure):
    """struct ggml_type_traits of ggml.h."""

    _fields_ = [
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)),
    ]


class GgufParameters(ctypes.Structure):
    """struct gguf_init_params of gguf.h."""

    _fields_ = [("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p)]


def load_ggml():
    folder = Path(llama_cpp.__file__).parent / "lib"
    ggml = ctypes.CDLL(str(next(iter(sorted(folder.glob("libggml-base*"))))))
    ggml.ggml_get_type_traits.restype = ctypes.POINTER(TypeTraits)
    ggml.gguf_init_from_file.restype = ctypes.c_void_p
    ggml.gguf_init_from_file.argtypes = [ctypes.c_char_p, GgufParameters]
    for name, result, arguments in (
        ("gguf_free", None, []),
        ("gguf_get_data_offset", ctypes.c_size_t, []),
        ("gguf_find_tensor", ctypes.c_int64, [ctypes.c_char_p]),
        ("gguf_get_n_tensors", ctypes.c_int64, []),
        ("gguf_get_tensor_type", ctypes.c_int, [ctypes.c_int64]),
        ("gguf_get_tensor_offset", ctypes.c_size_t, [ctypes.c_int64]),
        ("gguf_get_tensor_size", ctypes.c_size_t, [ctypes.c_int64]),
    ):
        function = getattr(ggml, name)
        function.restype = result
        function.argtypes = [ctypes.c_void_p, *arguments]
    return ggml


class File:
    """A GGUF file as ggml's own reader sees it."""

    def __init__(self, ggml, path):
        self.ggml = ggml
        self.bytes = np.memmap(path, dtype=np.uint8, mode="r")
        self.context = ggml.gguf_init_from_file(str(path).encode(), GgufParameters(True, None))
        if not self.context:
            raise Mismatch("ggml does not open the file")

    def close(self):
        self.ggml.gguf_free(self.context)

    def raw(self, name):
        index = self.ggml.gguf_find_tensor(self.context, name.encode())
        if index < 0:
            return None, None
        start = self.ggml.gguf_get_data_offset(self.context)
        start += self.ggml.gguf_get_tensor_offset(self.context, index)
        size = self.ggml.gguf_get_tensor_size(self.context, index)
        kind = self.ggml.gguf_get_tensor_type(self.context, index)
        return kind, np.array(self.bytes[start : start + size])

    def decoders(self, kind, raw, shape):
        """Yields who decoded, and what it made of the bytes."""
        count = int(np.prod(shape))
        if kind == 0:
            yield "ggml", raw.view(np.float32).reshape(shape)
            return
        out = np.empty(count, dtype=np.float32)
        traits = self.ggml.ggml_get_type_traits(kind).contents
        traits.to_float(raw.ctypes.data, out.ctypes.data, count)
        yield "ggml", out.reshape(shape)
        try:
            qtype = gguf.GGMLQuantizationType(kind)
            values = gguf.dequantize(raw.reshape(*shape[:-1], -1), qtype)
        except (ValueError, NotImplementedError):
            return
        yield "gguf", values.reshape(shape)


def safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    for name, info in header.items():
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        yield name, np.frombuffer(data[begin:end], dtype="<f4").reshape(info["shape"])


def file_name(name, gemma):
    stem, suffix = name.rsplit(".", 1)
    layer = re.fullmatch(r"model\.layers\.(\d+)\.(.+)", stem)
    if not layer:
        return f"{NAMES[stem]}.{suffix}"
    module = (GEMMA_NAMES if gemma else {}).get(layer[2]) or NAMES[layer[2]]
    return f"blk.{layer[1]}.{module}.{suffix}"


def interleaved(values, head_dim):
    """Rows of queries and keys as llama.cpp's llama wants them."""
    heads = values.shape[0] // head_dim
    return (
        values.reshape(heads, 2, head_dim // 2, *values.shape[1:])
        .swapaxes(1, 2)
        .reshape(values.shape)
    )


def check_weights(file, expected, folder):
    types = {}
    gemma = expected.get("plus_one", False)
    for name, values in safetensors(folder / expected["weights"]):
        stored = file_name(name, gemma)
        kind, raw = file.raw(stored)
        if raw is None:
            raise Mismatch(f"{stored} is not in the file")
        if expected.get("head_dim") and re.search(r"attn_[qk]\.", stored):
            values = interleaved(values, expected["head_dim"])
        if gemma and name.endswith("norm.weight"):
            values = values + np.float32(1)
        for who, decoded in file.decoders(kind, raw, values.shape):
            if kind == NVFP4:
                # The tensor's scale multiplies products, not weights: one more rounding.
                scale = file.raw(stored.replace(".weight", ".scale"))[1].view(np.float32)[0]
                equal = np.abs(decoded * scale - values) <= np.abs(values) * 2.0**-22
            else:
                equal = decoded == values
            if not equal.all():
                row = tuple(np.argwhere(~equal)[0])
                raise Mismatch(f"{stored} at {row}: {who} {decoded[row]}, expected {values[row]}")
        label = file.ggml.ggml_get_type_traits(kind).contents.type_name.decode()
        types[name] = label
    return types


class Model:
    """A model in llama.cpp, in single precision wherever it has the choice, on one thread."""

    def __init__(self, path, n_ctx):
        parameters = llama_cpp.llama_model_default_params()
        parameters.use_extra_bufts = False
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise Mismatch("llama.cpp does not load the file")
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.size = llama_cpp.llama_vocab_n_tokens(self.vocabulary)
        self.n_ctx = n_ctx

    def close(self):
        llama_cpp.llama_model_free(self.model)

    def logits(self, tokens):
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = self.n_ctx
        parameters.n_batch = parameters.n_ubatch = max(len(tokens), 1)
        parameters.n_threads = parameters.n_threads_batch = 1
        parameters.type_k = parameters.type_v = 0
        parameters.flash_attn_type = 0
        context = llama_cpp.llama_init_from_model(self.model, parameters)
        if not context:
            raise Mismatch("llama.cpp makes no context")
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for i, token in enumerate(tokens):
                batch.token[i] = token
                batch.pos[i] = i
                batch.n_seq_id[i] = 1
                batch.seq_id[i][0] = 0
                batch.logits[i] = True
            if llama_cpp.llama_decode(context, batch) != 0:
                raise Mismatch("llama.cpp does not decode the tokens")
            rows = []
            for i in range(len(tokens)):
                row = llama_cpp.llama_get_logits_ith(context, i)
                rows.append(np.ctypeslib.as_array(row, shape=(self.size,)).copy())
            return np.stack(rows)
        finally:
            llama_cpp.llama_batch_free(batch)
            llama_cpp.llama_free(context)

    def greedy(self, prompt, count):
        tokens = list(prompt)
        for _ in range(count):
            tokens.append(int(self.logits(tokens)[-1].argmax()))
        return tokens[len(prompt) :]

    def tokens(self, text):
        data = text.encode()
        room = len(data) + 8
        found = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(
            self.vocabulary, data, len(data), found, room, False, True
        )
        return list(found[:count])


def sequences(expected):
    for sequence in expected.get("sequences", []):
        logits = np.frombuffer(base64.b64decode(sequence["logits"]), dtype="<f4")
        yield sequence["tokens"], logits.reshape(len(sequence["tokens"]), -1)


def difference(what, found, reference, tolerance):
    differences = np.abs(found - reference)
    if not differences.max() <= tolerance:
        token, word = np.unravel_index(differences.argmax(), differences.shape)
        raise Mismatch(
            f"{what}, token {token}, logit {word}: {found[token, word]}, expected "
            f"{reference[token, word]} within {tolerance}"
        )
    return float(differences.max())


def check_logits(model, expected):
    largest = 0.0
    for number, (tokens, reference) in enumerate(sequences(expected)):
        found = model.logits(tokens)
        what = f"sequence {number}"
        largest = max(largest, difference(what, found, reference, expected["tolerance"]))
    return {"logits within": f"{largest:.1e}"}


def check_emulated(model, emulation, expected):
    single, plain, rounded = [], [], []
    for number, (tokens, reference) in enumerate(sequences(expected)):
        found = model.logits(tokens)
        exact = emulation.logits(tokens, False)
        single.append(difference(f"emulated sequence {number}", exact, reference, EMULATION))
        rounded.append(float(np.abs(found - emulation.logits(tokens, True)).max()))
        plain.append(float(np.abs(found - reference).max()))
    explained = sum(value <= EMULATION for value in rounded)
    if 2 * explained < len(rounded):
        raise Mismatch(f"8-bit activations explain {explained} of {len(rounded)} sequences")
    return {
        "emulation in single precision within": f"{max(single):.1e}",
        "with 8-bit activations, median": f"{np.median(rounded):.1e}",
        "sequences explained": f"{explained} of {len(rounded)}",
        "logits within": f"{max(plain):.1e}",
    }


def close(what, found, reference, tolerance):
    if not abs(found - reference) <= tolerance:
        raise Mismatch(f"{what}: {found} bits, expected {reference} within {tolerance}")
    return found


def check_held_out(model, emulation, expected):
    """llama.cpp's bits and text are ours, or what its 8-bit activations make of ours."""
    found = held_out.bits(model.logits, expected)
    result = {"bits per character": f"{found:.6f}", "parq": f"{expected['bits']:.6f}"}
    rounding = None
    if emulation is None:
        close("held-out text", found, expected["bits"], held_out.BITS)
    else:

        def rounding(tokens):
            return emulation.logits(tokens, True)

        single = held_out.bits(lambda tokens: emulation.logits(tokens, False), expected)
        rounded = held_out.bits(rounding, expected)
        close("emulation in single precision", single, expected["bits"], held_out.BITS)
        close("held-out text with 8-bit activations", found, rounded, ROUNDED_BITS)
        result["with 8-bit activations emulated"] = f"{rounded:.6f}"
    try:
        result["tokens of greedy text"] = held_out.texts(model.logits, expected, rounding)
    except AssertionError as problem:
        raise Mismatch(f"greedy text {problem}") from problem
    return result


def check_text(model, expected):
    greedy = expected.get("greedy")
    if greedy:
        found = model.greedy(greedy["prompt"], len(greedy["tokens"]))
        if found != greedy["tokens"]:
            raise Mismatch(f"greedy tokens {found}, expected {greedy['tokens']}")
    for case in expected.get("texts", []):
        found = model.tokens(case["text"])
        if found != case["tokens"]:
            raise Mismatch(f"tokens of {case['text']!r}: {found}, expected {case['tokens']}")


def check(ggml, folder, name):
    expected = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    path = folder / f"{name}.gguf"
    file = File(ggml, path)
    try:
        types = check_weights(file, expected, folder)
    finally:
        file.close()
    emulation = None
    if "emulate" in expected:
        weights = dict(safetensors(folder / expected["weights"]))
        emulation = Llama(weights, types, **expected["emulate"])
    model = Model(path, expected["n_ctx"])
    try:
        if emulation is None or not expected["sequences"]:
            differences = check_logits(model, expected)
        else:
            differences = check_emulated(model, emulation, expected)
        if "held_out" in expected:
            differences = check_held_out(model, emulation, expected["held_out"])
        check_text(model, expected)
    finally:
        model.close()
    counts = {label: list(types.values()).count(label) for label in sorted(set(types.values()))}
    parts = [f"{count} {label}" for label, count in counts.items()]
    parts += [f"{what} {value}" for what, value in differences.items()]
    return ", ".join(parts)


def main():
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        print(__doc__)
        return 2
    folder = Path(sys.argv[1])
    names = sorted(path.stem for path in folder.glob("*.json"))
    if not names:
        print(f"no NAME.json in {folder}", file=sys.stderr)
        return 1
    quiet = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(quiet, None)
    llama_cpp.llama_backend_init()
    ggml = load_ggml()
    failed = 0
    for name in names:
        try:
            print(f"{name}: {check(ggml, folder, name)}", flush=True)
        except Mismatch as problem:
            failed += 1
            print(f"{name}: {problem}", file=sys.stderr, flush=True)
    print(f"summary: llama-cpp-python {llama_cpp.__version__}: {len(names) - failed} of {len(names)} files as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
