#!/usr/bin/env python3
"""The figures of docs/guide/tamp.md: each layer's sparsity by OWL and by DAS, and how similar its output
tokens are to each other.

    tamp_study --score wanda --allocate owl,das --pattern per_row --sparsity 0.5 --plan-only \\
      --plans build/figures/plans --densities build/figures/densities.csv
    python3 examples/study/figures.py build/figures docs/guide/figures
"""
import csv
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402

PARTS = ["q", "k", "v", "o", "gate", "up", "down"]


def part(layer):
    return layer.split(".")[-2].removesuffix("_proj")


def block(layer):
    return int(layer.split(".")[2])


def separate_blocks(axes, layers):
    """A line between blocks, their numbers below, and the names of a block's layers above."""
    starts = [k for k in range(len(layers)) if k == 0 or block(layers[k]) != block(layers[k - 1])]
    for k in starts[1:]:
        axes.axvline(k - 0.5, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(layers)), [part(name) for name in layers], rotation=90, fontsize=6)
    for k in starts:
        axes.text(k, 1.02, f"block {block(layers[k])}", transform=axes.get_xaxis_transform(), fontsize=7)
    axes.set_xlim(-0.7, len(layers) - 0.3)
    axes.spines[["top", "right"]].set_visible(False)


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plot.close(figure)
    print(path)


def sparsity(plans, path):
    figure, all_axes = plot.subplots(2, 1, figsize=(8, 4), sharex=True, sharey=True)
    for axes, (title, file) in zip(all_axes, plans.items()):
        layers = json.loads(file.read_text())["layers"]
        names = [layer["name"] for layer in layers]
        axes.bar(range(len(layers)), [100 * layer["sparsity"] for layer in layers], width=0.8,
                 color=[f"C{PARTS.index(part(name)) // 4}" for name in names])
        axes.axhline(50, color="0.4", linewidth=0.8, linestyle="--")
        axes.set_ylabel(f"{title}\nsparsity, %", fontsize=8)
        separate_blocks(axes, names)
    save(figure, path)


def density(file, path):
    with open(file, newline="") as source:
        rows = list(csv.DictReader(source))
    figure, axes = plot.subplots(figsize=(8, 2.6))
    for column, label, mark in (("image", "within the image", "o"), ("text", "within the text", "s"),
                                ("across", "across", "^")):
        axes.plot([float(row[column]) for row in rows], mark, markersize=4, label=label)
    axes.set_ylabel("mean cosine similarity", fontsize=8)
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.legend(fontsize=7, ncol=3, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.25))
    separate_blocks(axes, [row["layer"] for row in rows])
    save(figure, path)


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    target.mkdir(parents=True, exist_ok=True)
    plot.rcParams["svg.hashsalt"] = "tamp"  # the same file for the same figures
    plot.rcParams["svg.fonttype"] = "none"  # text stays text
    sparsity({"OWL": source / "plans" / "wanda-owl-per_row-0-0.50.json",
              "DAS": source / "plans" / "wanda-das-per_row-0-0.50.json"}, target / "sparsity.svg")
    density(source / "densities.csv", target / "density.svg")


if __name__ == "__main__":
    main()
