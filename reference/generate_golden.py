#!/usr/bin/env python3
"""Regenerates the golden test data from the reference, or checks what is there.

    python reference/generate_golden.py             write the files into the modules' test resources
    python reference/generate_golden.py --check     compare them with their checksums
    python reference/generate_golden.py --output D  write them under the folder D instead

README.md beside this file describes the files.
"""

import argparse
import os
import sys
from pathlib import Path

# Plain scalar kernels: the same sums and the same unfused multiplications on every x86-64 CPU.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.dont_write_bytecode = True

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

FOLDERS = {
    "parq-grids/src/test/resources/golden": ("grids", "formats", "activations"),
    "parq-optim/src/test/resources/golden": ("moments", "proxmaps", "trajectories"),
    "parq-torch/src/test/resources/fakequantizers": ("fakequantizers",),
}


def generate(root, only):
    import importlib
    import logging

    logging.disable(logging.WARNING)
    import numpy
    import torch
    import torchao

    from golden import store

    torch.set_num_threads(1)
    torch.manual_seed(0)
    source = {
        "torchao": torchao.__version__,
        "torch": torch.__version__.split("+")[0],
        "numpy": numpy.__version__,
    }
    for folder, names in FOLDERS.items():
        documents = {}
        for name in names:
            if only and name not in only:
                continue
            inputs, cases = importlib.import_module(f"golden.{name}").build()
            documents[name] = {
                "source": source,
                "inputs": store.encode_inputs(inputs),
                "cases": cases,
            }
            print(f"{name}: {len(cases)} cases")
        if documents:
            store.write_folder(root / folder, documents, source)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare the files with CHECKSUMS")
    parser.add_argument("--output", type=Path, default=ROOT, help="root of the written folders")
    parser.add_argument(
        "--only", nargs="*", help="some files only, for trials; the checksums then name only them"
    )
    arguments = parser.parse_args()
    if arguments.check:
        from golden import folder

        return folder.check(*(ROOT / path for path in FOLDERS))
    return generate(arguments.output, arguments.only)


if __name__ == "__main__":
    sys.exit(main())
