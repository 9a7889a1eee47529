"""Writes the TorchScript model that parq-torch's tests train: tied_lm.pt.

    PYTHONHASHSEED=0 python reference/torch_script.py parq-torch/src/test/resources/io/parq/torch

A token model with an embedding, two linear layers, a layer normalization and a head that is tied
to the embedding. Written with torch 2.10.0; TorchScriptTest holds the checksum, and changes when
the file is written anew with another version. Debug records, which name the source files of the
machine that wrote them, and the random serialization id are left out; the fixed hash seed fixes the
order of constants.
"""

import hashlib
import pathlib
import sys
import tempfile
import zipfile

import torch
from torch import nn

TOKENS = 12
WIDTH = 16


class TiedLm(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(TOKENS, WIDTH)
        self.up = nn.Linear(WIDTH, 2 * WIDTH)
        self.down = nn.Linear(2 * WIDTH, WIDTH, bias=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, TOKENS, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids):
        x = self.tokens(ids)
        x = x + self.down(torch.relu(self.up(x)))
        return self.head(self.norm(x))


def main():
    torch.manual_seed(0)
    path = pathlib.Path(sys.argv[1]) / "tied_lm.pt"
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder) / path.name
        torch.jit.script(TiedLm()).save(str(whole))
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
            for record in source.infolist():
                if not record.filename.endswith((".debug_pkl", "serialization_id")):
                    target.writestr(zipfile.ZipInfo(record.filename), source.read(record))
    print(path, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
