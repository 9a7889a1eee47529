#!/usr/bin/env python3
"""Regenerates the golden GGUF data from the gguf package, or checks what is there.

    python reference/gguf_golden.py             write the files into parq-export's test resources
    python reference/gguf_golden.py --check     compare them with their checksums
    python reference/gguf_golden.py --output D  write them under the folder D instead

README.md beside this file describes the files.
"""

import argparse
import hashlib
import sys
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

FOLDER = "parq-export/src/test/resources/golden"
BLOCKS = 12

# Where a block has numbers in half precision.
HALVES = {
    "F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [], "NVFP4": [], "Q2_0": [0],
}


def q2_0(blocks):
    """The package has no decoder for Q2_0: this is dequantize_row_q2_0 of ggml-quants.c."""
    import numpy as np

    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    codes = (blocks[:, 2:, None] >> np.array([0, 2, 4, 6], dtype=np.uint8)) & 3
    return scales * (codes.reshape(len(blocks), 64).astype(np.float32) - np.float32(1))


def cases():
    import gguf
    import numpy as np

    from golden import store

    generator = np.random.Generator(np.random.PCG64(20))
    found = []
    for name, halves in HALVES.items():
        if name == "Q2_0":
            elements, size = 64, 18
        else:
            elements, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
        blocks = generator.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for at in halves:
            scales = generator.normal(0, 0.1, BLOCKS).astype(np.float16)
            scales[0] = np.float16(6e-8)
            scales[1] = np.float16(65504 if name == "F16" else 500)
            blocks[:, at : at + 2] = scales.view(np.uint8).reshape(BLOCKS, 2)
        if name == "MXFP4":
            blocks[:, 0] = np.array([0, 1, 2, 3, 100, 118, 120, 125, 127, 130, 200, 251])
        if name == "NVFP4":
            blocks[:, :4] &= 0x7F
            blocks[0, :4] = [0, 1, 0x7E, 0x7F]
        if name == "Q2_0":
            values = q2_0(blocks)
        else:
            values = gguf.dequantize(blocks, gguf.GGMLQuantizationType[name])
        found.append(
            {
                "encoding": name,
                "bytes": store.encode_bytes(blocks),
                "values": store.encode(np.asarray(values).reshape(BLOCKS, elements)),
            }
        )
    return found


def write_model(path):
    """A file as the package writes it: a value of each type, and a llama of one layer."""
    import gguf
    import numpy as np

    generator = np.random.Generator(np.random.PCG64(21))
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("made by gguf-py")
    writer.add_custom_alignment(64)
    writer.add_head_count(2)
    writer.add_key_length(4)
    writer.add_uint8("test.uint8", 200)
    writer.add_int8("test.int8", -3)
    writer.add_uint16("test.uint16", 60000)
    writer.add_int16("test.int16", -300)
    writer.add_uint32("test.uint32", 4000000000)
    writer.add_int32("test.int32", -70000)
    writer.add_uint64("test.uint64", 1 << 40)
    writer.add_int64("test.int64", -(1 << 40))
    writer.add_float32("test.float32", 0.5)
    writer.add_float64("test.float64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "größer")
    writer.add_array("test.texts", ["a", "", "ü"])
    writer.add_array("test.ints", [1, -2, 3])
    writer.add_array("test.floats", [0.25, -0.5])
    writer.add_array("test.flags", [True, False])
    rows = np.arange(8, dtype=np.float32)
    writer.add_tensor("blk.0.attn_q.weight", np.repeat(rows[:, None], 32, axis=1))
    writer.add_tensor("blk.0.attn_q.bias", rows)
    writer.add_tensor("blk.0.attn_v.weight", generator.normal(0, 1, (3, 5)).astype(np.float16))
    values = generator.normal(0, 1, (4, 64)).astype(np.float32)
    for kind in ("Q8_0", "Q4_1", "Q5_1"):
        qtype = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(f"test.{kind}.weight", gguf.quantize(values, qtype), raw_dtype=qtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def generate(root):
    from importlib.metadata import version

    import numpy

    from golden import store

    source = {"gguf": version("gguf"), "numpy": numpy.__version__}
    folder = root / FOLDER
    store.write_folder(folder, {"gguf": {"source": source, "cases": cases()}}, source)
    write_model(folder / "other.gguf")
    digest = hashlib.sha256((folder / "other.gguf").read_bytes()).hexdigest()
    note = (folder / "SOURCE.txt").read_text(encoding="ascii")
    note = note.replace("generate_golden.py", "gguf_golden.py")
    (folder / "SOURCE.txt").write_text(note, encoding="ascii")
    lines = (folder / "CHECKSUMS").read_text(encoding="ascii").splitlines()[:-1]
    lines.append(f"{hashlib.sha256(note.encode('ascii')).hexdigest()}  SOURCE.txt")
    lines.append(f"{digest}  other.gguf")
    (folder / "CHECKSUMS").write_text("\n".join(lines) + "\n", encoding="ascii")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare the files with CHECKSUMS")
    parser.add_argument("--output", type=Path, default=ROOT, help="root of the written folder")
    arguments = parser.parse_args()
    if arguments.check:
        from golden import folder

        return folder.check(ROOT / FOLDER)
    return generate(arguments.output)


if __name__ == "__main__":
    sys.exit(main())
