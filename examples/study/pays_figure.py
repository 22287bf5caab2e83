#!/usr/bin/env python3
"""The figure of docs/guide/what_pruning_pays.md: tokens a second against sparsity, and quality against
bytes.

    bash examples/run.sh pays smollm2 --sparsity 0.3,0.4,0.5,0.6,0.7 --csv build/results/pays.csv
    python3 examples/study/pays_figure.py build/results/pays.csv docs/guide/figures/pays.svg
"""
import pathlib
import sys

from drawing import plain, plot, save
from result_file import read
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

COLORS = {"float": "C1", "bf16": "C0", "int8": "C2"}


def speed(axes, rows):
    """One thread: sparse weights as they are, dense weights as a line, and what reading them allows."""
    rows = [row for row in rows if row["threads"] == "1"]
    for kind in ("bf16", "float"):
        dense = next(row for row in rows if row["form"] == f"dense {kind}")
        sparse = sorted((row for row in rows if row["form"] == f"sparse {kind}"), key=lambda r: float(r["sparsity"]))
        at = [100 * float(row["sparsity"]) for row in sparse]
        axes.plot(at, [float(row["tokens_per_second"]) for row in sparse], "o-", color=COLORS[kind],
                  label=f"sparse {kind}")
        axes.plot(at, [float(row["bound"]) for row in sparse], ":", color=COLORS[kind],
                  label=f"a plain read of sparse {kind}")
        axes.axhline(float(dense["tokens_per_second"]), color=COLORS[kind], linestyle="--",
                     label=f"dense {kind}")
    axes.set_xlabel("weights dropped, %")
    axes.set_ylabel("tokens a second, one thread")
    axes.set_ylim(bottom=0)


def quality(axes, rows, name):
    """A quality against the weights' bytes."""
    rows = [row for row in rows if row["threads"] == "1"]
    for form in sorted({row["form"] for row in rows}):
        chosen = sorted((row for row in rows if row["form"] == form), key=lambda r: float(r["memory"]))
        mark = "s" if form.startswith("dense") else "o-"
        axes.plot([float(row["memory"]) / 1e6 for row in chosen], [float(row[name]) for row in chosen], mark,
                  color=COLORS[form.split()[1]], label=form)
        for row in chosen:
            if float(row["sparsity"]) > 0:
                axes.annotate(f"{100 * float(row['sparsity']):.0f} %", (float(row["memory"]) / 1e6, float(row[name])),
                              fontsize=6, xytext=(3, 3), textcoords="offset points")
    axes.set_xlabel("bytes of layers and head, MB")
    axes.set_ylabel(name)
    if name == "perplexity":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(FixedLocator([25, 30, 40, 50, 75, 100, 150, 200, 300, 500]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:.0f}"))
        axes.yaxis.set_minor_locator(NullLocator())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    results = read(sys.argv[1])
    results.need("form", "threads", "memory", "tokens_per_second", "bound")
    figure, axes = plot.subplots(1, 2, figsize=(9, 3.6))
    speed(axes[0], results.rows)
    quality(axes[1], results.rows, results.quality())
    for each in axes:
        plain(each)
        each.legend(fontsize=7, frameon=False)
    save(figure, pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
