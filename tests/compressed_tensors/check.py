#!/usr/bin/env python3
"""Checks sparse files against the package that has their layout, compressed-tensors.

    check.py EXCHANGE FOLDER

The package makes sparse files of dense ones, and the program EXCHANGE (exchange.cpp) does the same. Each
must write the same tensors, to the bit, and read what the other has written.
"""

import pathlib
import subprocess
import sys

import torch
from compressed_tensors.compressors.sparse_compressors.sparse_bitmask import BitmaskCompressor
from compressed_tensors.config import BitmaskConfig
from safetensors.torch import load_file, save_file


def weights():
    """Of several types and shapes: dropped at random, 2:4, all kept, none kept, with a NaN."""
    generator = torch.Generator().manual_seed(1)
    state = {}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for rows, cols in ((1, 1), (5, 13), (3, 64), (64, 257), (128, 512)):
            weight = torch.randn(rows, cols, generator=generator)
            for kind, keep in {
                "half": torch.rand(rows, cols, generator=generator) < 0.5,
                "pairs": torch.arange(cols).expand(rows, cols) % 4 >= 2,
                "all": torch.ones(rows, cols, dtype=torch.bool),
                "none": torch.zeros(rows, cols, dtype=torch.bool),
            }.items():
                state[f"{str(dtype)[6:]}.{rows}x{cols}.{kind}.weight"] = torch.where(keep, weight, 0).to(dtype)
    state["float32.5x13.half.weight"][2, 3] = torch.nan
    return state


def same(a, b):
    """The names of tensors that are not the same bits."""
    def bits(tensor):
        return tensor.contiguous().flatten().view(torch.uint8)
    return sorted(a.keys() ^ b.keys()) + [
        name for name in a.keys() & b.keys()
        if a[name].dtype != b[name].dtype or a[name].shape != b[name].shape or not torch.equal(bits(a[name]), bits(b[name]))]


def main():
    exchange, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    dense, theirs, ours, back = (folder / f"{name}.safetensors" for name in ("dense", "theirs", "ours", "back"))
    state = weights()
    save_file(state, dense)

    package = BitmaskCompressor(BitmaskConfig())
    save_file(package.compress(state), theirs)
    subprocess.run([exchange, "pack", dense, ours], check=True)
    subprocess.run([exchange, "unpack", theirs, back], check=True)
    differences = {
        "files of both": same(load_file(theirs), load_file(ours)),
        "the package's file, read by tamp": same(state, load_file(back)),
        "tamp's file, read by the package": same(state, dict(package.decompress(str(ours)))),
    }
    for what, names in differences.items():
        print(f"{what}: {len(names)} of {len(state)} differ" if names else f"{what}: equal", *names[:5])
    return any(differences.values())


if __name__ == "__main__":
    sys.exit(main())
