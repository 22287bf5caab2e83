#!/usr/bin/env python3
"""Checks how tamp reads and prunes ggml's blocks against the package gguf, llama.cpp's own.

    check.py BLOCKS FOLDER

The program BLOCKS (blocks.cpp) reads blocks of every type: of random bits, of random bits with finite
scales, and, where the package can make them, quantised weights. Its numbers must be those of the package,
to the bit. It then drops half of the weights, and the package must read 0 for them, and for the others what
it read before.
"""

import pathlib
import subprocess
import sys

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

ROWS, COLS = 40, 3 * 256

# Where a block has 16-bit numbers, or the upper half of a float, by type.
SCALES = {"F16": [0], "BF16": [0], "F32": [2], "F64": [6], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2],
          "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
          "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": []}


def dequantised(blocks, name):
    """(ROWS, COLS) floats of (ROWS, bytes), by the package."""
    if name == "F64":  # which it leaves to NumPy
        return blocks.view(np.float64).astype(np.float32)
    return quants.dequantize(blocks, GGMLQuantizationType[name]).astype(np.float32)


def bits(numbers):
    """The numbers' bits. All NaN are one."""
    return np.where(np.isnan(numbers), np.float32(np.nan), numbers).view(np.uint32)


def blocks_of(name, values, size, generator):
    """Kinds of blocks, (ROWS, bytes)."""
    row = COLS // values * size
    wild = generator.integers(0, 256, (ROWS, row), dtype=np.uint8)
    finite = generator.integers(0, 256, (ROWS, row), dtype=np.uint8)
    for scale in SCALES[name]:
        finite[:, scale + 1::size] &= 0xBF  # not the largest exponent
    if name == "MXFP4":
        finite[:, ::size] %= 253
    kinds = {"any bits": wild, "finite scales": finite}
    weights = generator.standard_normal((ROWS, COLS)).astype(np.float32) * np.float32(0.02)
    try:
        made = weights.astype(np.float64) if name == "F64" else quants.quantize(weights, GGMLQuantizationType[name])
        kinds["quantised weights"] = np.ascontiguousarray(made).view(np.uint8)
    except NotImplementedError:
        pass
    return kinds


class Comparison:
    """Of one type's blocks. Every difference is printed."""

    def __init__(self, program, folder):
        self.program, self.folder, self.failures = program, folder, 0

    def run(self, *words):
        return subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, check=False)

    def hold(self, holds, what):
        if not holds:
            print("It does not hold that", what)
            self.failures += 1

    def sizes(self, number, name, values, size):
        theirs = GGMLQuantizationType(number)
        if name == "Q8_1":  # of activations, never in files; the package has the size of an older layout
            return
        self.hold(theirs.name == name and GGML_QUANT_SIZES[theirs] == (values, size),
                  f"type {number} is {name}, {values} values in {size} bytes")

    def read(self, number, name, kind, blocks):
        """The package's numbers, against which tamp's are held."""
        source, numbers = self.folder / "blocks", self.folder / "floats"
        blocks.tofile(source)
        done = self.run("read", number, COLS, source, numbers)
        self.hold(done.returncode == 0, f"{name} is read: {done.stderr}")
        expected = dequantised(blocks, name)
        ours = np.fromfile(numbers, np.float32).reshape(ROWS, COLS)
        different = np.count_nonzero(bits(ours) != bits(expected))
        self.hold(different == 0, f"{name}, {kind}: all numbers are the same; {different} are not")
        return expected

    def zero(self, number, name, kind, blocks, before, generator):
        keep = generator.random((ROWS, COLS)) < 0.5
        source, mask, out = (self.folder / part for part in ("blocks", "keep", "pruned"))
        np.packbits(keep, axis=1, bitorder="little").tofile(mask)
        done = self.run("zero", number, COLS, source, mask, out)
        self.hold(done.returncode == 0, f"{name} is pruned: {done.stderr}")
        after = dequantised(np.fromfile(out, np.uint8).reshape(blocks.shape), name)
        zero = (after == 0) | ~np.isfinite(before)  # a scale that is not finite has no zero
        self.hold(np.all(zero[~keep]), f"{name}, {kind}: what was dropped is 0")
        self.hold(np.array_equal(bits(after)[keep], bits(before)[keep]), f"{name}, {kind}: what was kept is the same")

    def no_zero(self, number, name):
        done = self.run("zero", number, COLS, self.folder / "blocks", self.folder / "keep", self.folder / "pruned")
        self.hold(done.returncode == 1 and "has no code for zero" in done.stderr, f"{name} is refused")


def main():
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(sys.argv[1], folder)
    generator = np.random.default_rng(1)
    np.seterr(all="ignore")
    np.full((ROWS, COLS // 8), 255, np.uint8).tofile(folder / "keep")
    read, pruned = [], []
    for line in comparison.run("types").stdout.splitlines():
        number, name, values, size, is_read, has_zero = line.split()
        number, values, size = int(number), int(values), int(size)
        comparison.sizes(number, name, values, size)
        if is_read != "1":
            continue
        read.append(name)
        for kind, blocks in blocks_of(name, values, size, generator).items():
            before = comparison.read(number, name, kind, blocks)
            if has_zero == "1":
                comparison.zero(number, name, kind, blocks, before, generator)
        if has_zero == "1":
            pruned.append(name)
        else:
            comparison.no_zero(number, name)
    comparison.hold(set(read) == set(SCALES), "each type of SCALES is read, and no other")
    print(f"{ROWS} x {COLS} weights each of {len(read)} types read:", *read)
    print(f"{len(pruned)} types pruned in place:", *pruned)
    print(f"{comparison.failures} differences" if comparison.failures else "equal to the package gguf, to the bit")
    return comparison.failures > 0


if __name__ == "__main__":
    sys.exit(main())
