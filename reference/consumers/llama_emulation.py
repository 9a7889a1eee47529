"""A llama in numpy, with activations rounded to 8 bits as llama.cpp's CPU code rounds them.

ggml multiplies a quantized matrix by activations of 8 bits: in blocks of 32 with a scale in half
precision (Q8_0), or in blocks of 256 with one in single precision (Q8_K), by the matrix's type.
"""

import numpy as np

BLOCKS_OF_256 = {"q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "tq1_0", "tq2_0"}


def round_32(x):
    blocks = x.reshape(*x.shape[:-1], -1, 32)
    most = np.abs(blocks).max(axis=-1, keepdims=True)
    inverse = np.divide(np.float32(127), most, out=np.zeros_like(most), where=most != 0)
    scale = (most / np.float32(127)).astype(np.float16).astype(np.float32)
    return (np.rint(blocks * inverse) * scale).reshape(x.shape)


def round_256(x):
    blocks = x.reshape(*x.shape[:-1], -1, 256)
    first = np.abs(blocks).argmax(axis=-1, keepdims=True)
    most = np.take_along_axis(blocks, first, axis=-1)
    inverse = np.divide(np.float32(-127), most, out=np.zeros_like(most), where=most != 0)
    scale = np.divide(np.float32(1), inverse, out=np.zeros_like(most), where=inverse != 0)
    return (np.minimum(np.rint(blocks * inverse), 127) * scale).reshape(x.shape)


class Llama:
    """Weights under Hugging Face's names; types are those of the matrices in the file."""

    def __init__(self, weights, types, heads, kv_heads, eps, theta=10000.0):
        self.weights = weights
        self.types = types
        self.heads = heads
        self.kv_heads = kv_heads
        self.eps = eps
        self.theta = theta

    def linear(self, name, x, rounded):
        kind = self.types[name]
        if rounded and kind != "f32":
            x = (round_256 if kind in BLOCKS_OF_256 else round_32)(x)
        return (x.astype(np.float64) @ self.weights[name].T.astype(np.float64)).astype(np.float32)

    def norm(self, name, x):
        # In ggml's order: values on a lattice give exact ties when they are rounded to 8 bits.
        total = np.sum((x * x).astype(np.float64), axis=-1, keepdims=True)
        mean = (total / x.shape[-1]).astype(np.float32)
        scale = np.float32(1) / np.sqrt(mean + np.float32(self.eps))
        return x * scale * self.weights[name]

    def turned(self, x):
        """[token, head, element], element i turned with i + half."""
        half = x.shape[-1] // 2
        angles = np.arange(len(x))[:, None] * self.theta ** (-np.arange(half) / half)
        cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
        low, high = x[..., :half], x[..., half:]
        return np.concatenate([low * cos - high * sin, high * cos + low * sin], axis=-1)

    def attention(self, prefix, x, rounded):
        def heads(name, count):
            return self.linear(f"{prefix}.{name}.weight", x, rounded).reshape(len(x), count, -1)

        queries = self.turned(heads("q_proj", self.heads))
        keys = self.turned(heads("k_proj", self.kv_heads))
        values = heads("v_proj", self.kv_heads)
        shared = self.heads // self.kv_heads
        keys, values = np.repeat(keys, shared, axis=1), np.repeat(values, shared, axis=1)
        scores = np.einsum("qhd,khd->hqk", queries, keys) / np.sqrt(queries.shape[-1])
        scores[:, np.triu(np.ones((len(x), len(x)), dtype=bool), 1)] = -np.inf
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        seen = np.einsum("hqk,khd->qhd", weights, values).reshape(len(x), -1)
        return self.linear(f"{prefix}.o_proj.weight", seen.astype(np.float32), rounded)

    def logits(self, tokens, rounded):
        x = self.weights["model.embed_tokens.weight"][tokens]
        layer = 0
        while f"model.layers.{layer}.input_layernorm.weight" in self.weights:
            prefix = f"model.layers.{layer}"
            normed = self.norm(f"{prefix}.input_layernorm.weight", x)
            x = x + self.attention(f"{prefix}.self_attn", normed, rounded)
            normed = self.norm(f"{prefix}.post_attention_layernorm.weight", x)
            gate = self.linear(f"{prefix}.mlp.gate_proj.weight", normed, rounded)
            up = self.linear(f"{prefix}.mlp.up_proj.weight", normed, rounded)
            both = (gate / (1 + np.exp(-gate.astype(np.float64))) * up).astype(np.float32)
            x = x + self.linear(f"{prefix}.mlp.down_proj.weight", both, rounded)
            layer += 1
        x = self.norm("model.norm.weight", x)
        head = "lm_head.weight" if "lm_head.weight" in self.weights else "model.embed_tokens.weight"
        return self.linear(head, x, rounded)
