"""Takes exported torchao folders on to ExecuTorch and compares its logits with torchao's.

usage: check_executorch.py ARTIFACTS

Each folder in ARTIFACTS holds `model`, the exported folder. Activations are rounded to 8 bits on both
sides, and a difference in the last bit of a sum may round one of them the other way.
"""

import sys
from importlib.metadata import version
from pathlib import Path

from to_executorch import convert

RELATIVE = 0.02


def main():
    folders = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir())
    if not folders:
        sys.exit(f"{sys.argv[1]}: no artifacts")
    for folder in folders:
        difference, largest = convert(folder / "model", folder / "model.pte")
        print(f"{folder.name}: logits up to {largest:.3g}, largest difference {difference:.2g}", flush=True)
        if not difference <= RELATIVE * largest:
            sys.exit(f"{folder.name}: logits differ by {difference}, expected at most {RELATIVE} of {largest}")
    print(f"summary: executorch {version('executorch')}: {len(folders)} programs as expected")


if __name__ == "__main__":
    main()
