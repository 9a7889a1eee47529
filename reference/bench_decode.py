"""Times llama.cpp on a model of random weights in the shape of Phi-4-mini: tokens a second for reading a prompt and for
going on from it, one token at a time.

    python bench_decode.py Q4_0 Q2_K --threads 2 --layers 32 --prompt 64 --tokens 16

Needs llama-cpp-python and gguf. Weights of linear layers have the given type, the tied embedding Q4_0. Files are written
beside each other to a temporary folder, up to 2.2 GB each, and removed. Rounds alternate between the models; the shortest
counts. Prints JSON.
"""

import argparse
import ctypes
import json
import os
import tempfile
import time

import gguf
import llama_cpp as lib
import numpy as np

HIDDEN, INNER, HEADS, KEYS, HEAD, VOCABULARY = 3072, 8192, 24, 8, 128, 200064
BLOCKS = {"Q4_0": (32, 18, (0,)), "Q2_K": (256, 84, (80, 82)), "Q8_0": (32, 34, (0,))}


def weights(kind, rows, columns, seed):
    """Random blocks, whose half-precision scales are small."""
    block, size, scales = BLOCKS[kind]
    data = np.random.default_rng(seed).integers(0, 256, (rows * columns // block, size), dtype=np.uint8)
    for at in scales:
        data[:, at : at + 2] = np.frombuffer(np.float16(0.002).tobytes(), np.uint8)
    return data.reshape(rows, columns // block * size)


def write(path, kind, layers):
    out = gguf.GGUFWriter(path, "phi3")
    out.add_context_length(4096)
    out.add_embedding_length(HIDDEN)
    out.add_block_count(layers)
    out.add_feed_forward_length(INNER)
    out.add_head_count(HEADS)
    out.add_head_count_kv(KEYS)
    out.add_rope_dimension_count(HEAD * 3 // 4)
    out.add_rope_freq_base(10000.0)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_sliding_window(0)
    out.add_uint32("phi3.rope.scaling.original_context_length", 4096)
    out.add_vocab_size(VOCABULARY)
    out.add_tokenizer_model("no_vocab")

    def add(name, rows, columns, kind):
        data = weights(kind, rows, columns, len(name))
        out.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[kind])

    ones = np.ones(HIDDEN, np.float32)
    add("token_embd.weight", VOCABULARY, HIDDEN, "Q4_0")
    out.add_tensor("output_norm.weight", ones)
    for i in range(layers):
        out.add_tensor(f"blk.{i}.attn_norm.weight", ones)
        out.add_tensor(f"blk.{i}.ffn_norm.weight", ones)
        add(f"blk.{i}.attn_qkv.weight", (HEADS + 2 * KEYS) * HEAD, HIDDEN, kind)
        add(f"blk.{i}.attn_output.weight", HIDDEN, HEADS * HEAD, kind)
        add(f"blk.{i}.ffn_up.weight", 2 * INNER, HIDDEN, kind)
        add(f"blk.{i}.ffn_down.weight", HIDDEN, INNER, kind)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


class Model:
    def __init__(self, path, threads):
        self.model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"{path} cannot be loaded")
        params = lib.llama_context_default_params()
        params.n_ctx = 2048
        params.n_batch = params.n_ubatch = 512
        params.n_threads = params.n_threads_batch = threads
        self.context = lib.llama_init_from_model(self.model, params)

    def decode(self, ids):
        array = (ctypes.c_int32 * len(ids))(*ids)
        start = time.perf_counter()
        if lib.llama_decode(self.context, lib.llama_batch_get_one(array, len(ids))) != 0:
            raise SystemExit("llama_decode failed")
        lib.llama_synchronize(self.context)
        return time.perf_counter() - start

    def run(self, prompt, tokens):
        lib.llama_memory_clear(lib.llama_get_memory(self.context), True)
        ids = np.random.default_rng(1).integers(0, VOCABULARY, prompt + tokens).tolist()
        prefill = self.decode(ids[:prompt])
        return prefill, sum(self.decode([one]) for one in ids[prompt:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="+", choices=BLOCKS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", help="a folder to keep the files in, and to take them from")
    args = parser.parse_args()
    lib.llama_backend_init()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or temporary
        models = {}
        for kind in args.kinds:
            path = os.path.join(folder, f"{kind}-{args.layers}.gguf")
            if not os.path.exists(path):
                write(path, kind, args.layers)
            models[kind] = (Model(path, args.threads), os.path.getsize(path))
        best = {}
        for _ in range(args.rounds):
            for kind, (model, _) in models.items():
                times = model.run(args.prompt, args.tokens)
                best[kind] = tuple(map(min, zip(times, best.get(kind, times))))
        for kind, (prefill, decode) in best.items():
            print(
                json.dumps(
                    {
                        "type": kind,
                        "bytes": models[kind][1],
                        "prefill": args.prompt / prefill,
                        "decode": args.tokens / decode,
                        "llama-cpp-python": lib.__version__,
                    }
                )
            )


if __name__ == "__main__":
    main()
