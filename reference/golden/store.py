"""Arrays as base64, cases as JSON, files as gzip: the same bytes on every run."""

import base64
import gzip
import hashlib
import io
import json
from pathlib import Path

import numpy as np

MAX_LEVELS = 128


def encode(values, dtype="<f4"):
    """Base64 of the little-endian bytes of an array or tensor."""
    if hasattr(values, "detach"):
        values = values.detach().numpy()
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode("ascii")


def encode_bytes(values):
    return encode(values, "u1")


def encode_inputs(inputs):
    return {
        name: {"shape": list(array.shape), "data": encode(array)} for name, array in inputs.items()
    }


def leading_levels(levels, blocks):
    """The levels of the leading blocks, MAX_LEVELS numbers at most but one block at least."""
    table = levels.reshape(blocks, -1)
    return table[: max(1, MAX_LEVELS // table.shape[1])]


def to_json(document):
    """JSON text with one case on a line."""
    head = {key: value for key, value in document.items() if key != "cases"}
    text = json.dumps(head, separators=(",", ":"), allow_nan=False)
    cases = ",\n".join(
        json.dumps(case, separators=(",", ":"), allow_nan=False) for case in document["cases"]
    )
    return f'{text[:-1]},"cases":[\n{cases}\n]}}\n'.encode("ascii")


def compress(data):
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as out:
        out.write(data)
    return buffer.getvalue()


def write_folder(folder: Path, documents, source):
    """Writes NAME.json.gz for each document, SOURCE.txt and CHECKSUMS."""
    folder.mkdir(parents=True, exist_ok=True)
    sums = []
    lines = [
        "Golden data: the reference's answers, for tests that compare with them.",
        "Written by reference/generate_golden.py; reference/README.md describes the fields.",
        "",
    ]
    lines += [f"{name} {version}" for name, version in source.items()]
    lines += ["", "SHA-256 of the uncompressed JSON:"]
    for name, document in documents.items():
        text = to_json(document)
        packed = compress(text)
        (folder / f"{name}.json.gz").write_bytes(packed)
        sums.append(f"{hashlib.sha256(packed).hexdigest()}  {name}.json.gz")
        lines.append(f"{hashlib.sha256(text).hexdigest()}  {name}.json")
    note = ("\n".join(lines) + "\n").encode("ascii")
    (folder / "SOURCE.txt").write_bytes(note)
    sums.append(f"{hashlib.sha256(note).hexdigest()}  SOURCE.txt")
    (folder / "CHECKSUMS").write_text("\n".join(sums) + "\n", encoding="ascii")
