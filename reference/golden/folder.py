"""Folders of golden files with their checksums."""

import argparse
import hashlib
import shutil
import tempfile
from pathlib import Path


def replace(folder: Path, write):
    """Has write(work) fill an empty folder, adds CHECKSUMS, and puts it in place of the folder."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary) / "golden"
        work.mkdir()
        write(work)
        files = sorted(path for path in work.rglob("*") if path.is_file())
        sums = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(work).as_posix()}" for f in files]
        (work / "CHECKSUMS").write_text("\n".join(sums) + "\n", encoding="ascii")
        print(f"{len(files)} files, {sum(f.stat().st_size for f in files)} bytes")
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(work, folder)


def differences(folder: Path):
    """The names of the files that are missing or differ from CHECKSUMS."""
    wrong = []
    for line in (folder / "CHECKSUMS").read_text(encoding="ascii").splitlines():
        expected, name = line.split("  ", 1)
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            wrong.append(str(path))
    return wrong


def check(*folders: Path):
    """Prints the differences, and returns an exit status."""
    wrong = [path for folder in folders for path in differences(folder)]
    for path in wrong:
        print(f"differs from its checksum: {path}")
    return 1 if wrong else 0


def main(description, folder: Path, write):
    """The command line of a script that writes one folder; returns an exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="compare the files with their checksums")
    parser.add_argument("--output", type=Path, default=folder, help="folder to write; it is replaced")
    options = parser.parse_args()
    if options.check:
        return check(folder)
    replace(options.output, write)
    return 0
