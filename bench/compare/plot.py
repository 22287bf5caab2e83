#!/usr/bin/env python3
"""The figure of docs/performance.md: time against size for PyTorch, tamp and the floor.

    python3 bench/compare/compare.py --sweep --json build/bench/compare.json
    python3 bench/compare/plot.py build/bench/compare.json docs/guide/figures
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator  # noqa: E402

PANELS = ["wanda_per_row", "wanda_2:4", "magnitude_per_tensor", "amia", "das", "attention_top_k"]
LINES = [("torch_ms", "PyTorch, as published", "C1", "s", "-"), ("tamp_ms", "tamp", "C0", "o", "-"),
         ("floor_ms", "floor: what memory or processor allow", "0.45", None, "--")]


def number(ratio):
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def duration(milliseconds, _=None):
    for unit, size in (("s", 1e3), ("ms", 1), ("µs", 1e-3)):
        if milliseconds >= 0.999 * size:
            return f"{milliseconds / size:.0f} {unit}"
    return f"{1e6 * milliseconds:.0f} ns"


def draw(axes, results):
    by_tokens = results[0]["task"] in ("amia", "das", "attention_top_k")
    along = (lambda r: r["cols"]) if results[0]["task"] == "attention_top_k" else (lambda r: r["rows"])
    results = sorted(results, key=along)
    sizes = [along(result) for result in results]
    for name, label, color, mark, dashes in LINES:
        axes.plot(sizes, [result[name] for result in results], dashes, color=color, marker=mark, markersize=3.5,
                  linewidth=1.3, label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_title(results[0]["title"], fontsize=9)
    axes.set_xlabel("tokens" if by_tokens else "rows = columns", fontsize=8)
    axes.xaxis.set_major_locator(FixedLocator(sizes[::2]))
    axes.xaxis.set_minor_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(duration))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.tick_params(labelsize=7, labelleft=True)
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    show_speed_up(axes, sizes[-1], results[-1])


def show_speed_up(axes, size, result):
    """A line from PyTorch's time to tamp's, right of the last size."""
    axes.plot([size * 1.35] * 2, [result["torch_ms"], result["tamp_ms"]], color="0.3", linewidth=0.8, marker="_",
              markersize=5)
    axes.text(size * 1.55, (result["torch_ms"] * result["tamp_ms"]) ** 0.5, f"{number(result['speed_up'])}×",
              fontsize=8, color="0.3", va="center")
    axes.set_xlim(right=size * 3.4)


def growth(document, path):
    panels = [[r for r in document["results"] if r["sweep"] and r["task"] == task] for task in PANELS]
    missing = [task for task, results in zip(PANELS, panels) if not results]
    if missing:
        sys.exit(f"plot.py: there are no sizes of {', '.join(missing)}: run compare.py --sweep first")
    figure, all_axes = plot.subplots(2, 3, figsize=(9, 5.6))
    for one, other in ((1, 0), (2, 0), (4, 3)):
        all_axes.flat[one].sharey(all_axes.flat[other])
    for axes, results in zip(all_axes.flat, panels):
        draw(axes, results)
    handles, labels = all_axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncol=3, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    figure.savefig(path, metadata={"Date": None})
    plot.close(figure)
    print(path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(pathlib.Path, sys.argv[1:])
    plot.rcParams["svg.hashsalt"] = "tamp"  # the same file for the same figures
    plot.rcParams["svg.fonttype"] = "none"  # text stays text
    try:
        document = json.loads(source.read_text())
        target.mkdir(parents=True, exist_ok=True)
        growth(document, target / "growth.svg")
    except (OSError, ValueError) as problem:
        sys.exit(f"plot.py: {source}: {problem}")
    except KeyError as problem:
        sys.exit(f"plot.py: {source} is not a file of compare.py: {problem} is missing")


if __name__ == "__main__":
    main()
