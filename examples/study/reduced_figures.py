#!/usr/bin/env python3
"""Figures of tamp_reduce: which tokens stay, and FitPrune's schedules.

    tamp_reduce --csv build/results/reduced.csv --kept build/results/kept.csv
    python3 examples/study/reduced_figures.py build/results/reduced.csv --kept build/results/kept.csv \\
      --scenes examples/data/tiny_mllm/tiny_eval.safetensors --out docs/guide/figures

Needs matplotlib.
"""
import argparse
import csv
import json
import pathlib
import struct

from drawing import plain, plot, save
from result_file import fail, read

FIRST_PATCH = 2  # position of the first visual token in a prompt
PICTURED = ["random", "attention_top_k", "fitprune", "divprune"]


def images(path):
    """The pictures of a scenes file, as lists of rows."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell()
        count, size, _ = header["images"]["shape"]
        file.seek(start + header["images"]["data_offsets"][0])
        data = file.read(count * size * size)
    return [[data[(i * size + y) * size:(i * size + y + 1) * size] for y in range(size)] for i in range(count)]


def draw_kept(kept, scenes, folder):
    chosen = [row for row in kept if row["tokens"] in PICTURED]
    selectors = [name for name in PICTURED if any(row["tokens"] == name for row in chosen)]
    prompts = sorted({int(row["prompt"]) for row in chosen})
    budget = sorted({float(row["budget"]) for row in chosen})[1]
    figure, axes = plot.subplots(len(prompts), len(selectors) + 1, squeeze=False,
                                 figsize=(1.6 * (len(selectors) + 1), 1.7 * len(prompts)))
    for y, prompt in enumerate(prompts):
        picture = [list(line) for line in scenes[prompt]]
        size = len(picture)
        side = 6
        for x, name in enumerate(["all patches"] + selectors):
            shown = [[value / 255 for value in line] for line in picture]
            if x != 0:
                row = next(r for r in chosen if r["tokens"] == name and int(r["prompt"]) == prompt
                           and float(r["budget"]) == budget)
                stay = {int(p) - FIRST_PATCH for p in row["positions"].split()}
                for i in range(size):
                    for j in range(size):
                        if i // side * (size // side) + j // side not in stay:
                            shown[i][j] = 0.75 + 0.25 * shown[i][j]
            axes[y][x].imshow(shown, cmap="gray", vmin=0, vmax=1)
            axes[y][x].set_axis_off()
            if y == 0:
                axes[y][x].set_title(name, fontsize=7)
    figure.suptitle(f"Patches that reach the last layer at {budget:.0%} of the visual multiply-adds", fontsize=8)
    save(figure, folder / "kept_patches.png", dpi=150)


def draw_schedules(rows, folder):
    figure, axes = plot.subplots(figsize=(5, 2.6))
    fits = [row for row in rows if row["tokens"] == "fitprune"]
    if not fits:
        fail("there is no row of fitprune")
    for row in fits:
        drops = [int(n) for n in row["drops"].split()]
        left, visual = [], 64
        for n in drops:
            visual -= n
            left.append(visual)
        axes.step(range(len(drops) + 1), [64] + left, where="post", label=f"{float(row['budget']):.0%}")
    axes.set_xlabel("layers passed")
    axes.set_ylabel("visual tokens left")
    axes.set_ylim(0, 66)
    axes.legend(title="FitPrune, budget", fontsize=7, title_fontsize=7, frameon=False)
    plain(axes)
    save(figure, folder / "fitprune_schedule.svg")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", help="what tamp_reduce --csv or --json wrote")
    parser.add_argument("--kept", type=pathlib.Path, help="what tamp_reduce --kept wrote")
    parser.add_argument("--scenes", help="the scenes that were judged by")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="draw into this folder")
    arguments = parser.parse_args()
    results = read(arguments.results)
    results.need("tokens", "budget", "drops")
    if bool(arguments.kept) != bool(arguments.scenes):
        fail("--kept and --scenes belong together")
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw_schedules(results.rows, arguments.out)
    if arguments.kept:
        with open(arguments.kept, newline="") as file:
            draw_kept(list(csv.DictReader(file)), images(arguments.scenes), arguments.out)


if __name__ == "__main__":
    main()
