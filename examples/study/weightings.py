#!/usr/bin/env python3
"""Tables and a figure of weightings of tokens, from a study with --tokens, --csv and --samples.

    python3 examples/study/weightings.py study.csv samples [--figure weightings.svg]

A cell of the first table is the mean over the calibration sets, and half the distance between the largest and the
smallest. A cell of the second is the mean difference to the same score over all tokens, and its paired standard
error: the difference of each scene or sequence, averaged over the calibration sets, is one observation. For scenes it
is in points of accuracy, for texts in nats of a token's log-perplexity, where less is better.
"""
import argparse
import csv
import math
import pathlib

from tables import cell, print_table, read

TITLES = {"all": "all tokens", "amia": "AMIA's", "text": "text alone", "balanced": "modalities balanced",
          "reach": "**reach**"}
SCORES = {"magnitude": "magnitude", "wanda": "Wanda", "ria": "RIA", "sparsegpt": "SparseGPT"}


def score_and_tokens(row):
    score, _, tokens = row["score"].partition(" by ")
    return score, tokens or "all"


def of_samples(folder, row):
    name = "-".join([row["score"], row["allocate"], row["pattern"], row["seed"], f"{float(row['asked']):.2f}"])
    path = folder / (name.replace(":", "_").replace(" ", "_") + ".csv")
    if not path.exists():
        return None
    with open(path, newline="") as file:
        return [float(line["value"]) for line in csv.DictReader(file)]


def paired(ours, theirs, scale):
    """Mean and standard error of the differences; each side has one list for each calibration set."""
    if not ours or len(ours) != len(theirs) or None in ours or None in theirs:
        return "-"
    sets = len(ours)
    differences = [scale * sum(ours[k][i] - theirs[k][i] for k in range(sets)) / sets for i in range(len(ours[0]))]
    n = len(differences)
    mean = sum(differences) / n
    error = math.sqrt(sum((d - mean) ** 2 for d in differences) / (n - 1) / n)
    digits = 3 if abs(scale) == 1 else 1
    return f"{mean:+.{digits}f} ± {error:.{digits}f}"


def figure(rows, path, column):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plot
    plot.rcParams["svg.hashsalt"] = "tamp"
    plot.rcParams["svg.fonttype"] = "none"
    scores = [s for s in ("wanda", "ria", "sparsegpt") if any(score_and_tokens(r)[0] == s for r in rows)]
    shape, panels = plot.subplots(1, len(scores), figsize=(3 * len(scores) + 0.5, 3), sharey=True, squeeze=False)
    for panel, score in zip(panels[0], scores):
        for k, tokens in enumerate(TITLES):
            found = {}
            for row in rows:
                if score_and_tokens(row) == (score, tokens) and row["allocate"] == "uniform":
                    found.setdefault(float(row["asked"]), []).append(float(row[column]))
            if not found:
                continue
            asked = sorted(found)
            panel.plot([100 * s for s in asked], [sum(found[s]) / len(found[s]) for s in asked], marker="o",
                       markersize=3, linewidth=2 if tokens == "reach" else 1, color=f"C{k}",
                       label=TITLES[tokens].strip("*"))
        panel.set_title(SCORES[score], fontsize=9)
        panel.set_xlabel("sparsity, %", fontsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel(f"{column}, %", fontsize=8)
    panels[0][0].legend(fontsize=7, frameon=False)
    shape.tight_layout()
    shape.savefig(path, metadata={"Date": None})
    print(path)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("csv")
    options.add_argument("samples", type=pathlib.Path)
    options.add_argument("--figure", type=pathlib.Path)
    arguments = options.parse_args()
    rows = [row for row in read(arguments.csv) if row["score"] != "dense"]
    column = "accuracy" if "accuracy" in rows[0] else "perplexity"
    scale = 100 if column == "accuracy" else -1
    sparsities = sorted({row["asked"] for row in rows if ":" not in row["pattern"]}, key=float)
    fixed = sorted({row["pattern"] for row in rows if ":" in row["pattern"]})
    columns = [(None, s) for s in sparsities] + [(f, None) for f in fixed]

    def chosen(score, tokens, allocate, at):
        pattern, asked = at
        return sorted((row for row in rows if score_and_tokens(row) == (score, tokens)
                       and (row["pattern"] == pattern and allocate == "uniform" if pattern
                            else ":" not in row["pattern"] and row["allocate"] == allocate and row["asked"] == asked)),
                      key=lambda row: int(row["seed"]))

    values, differences = [], []
    for score, title in SCORES.items():
        for allocate in ("uniform", "das"):
            for tokens, name in TITLES.items():
                found = [chosen(score, tokens, allocate, at) for at in columns]
                if not any(found):
                    continue
                head = [title + (" + DAS" if allocate == "das" else ""), name]
                values.append(head + [cell([float(r[column]) for r in cells]) for cells in found])
                if tokens != "all":
                    differences.append(head + [
                        paired([of_samples(arguments.samples, r) for r in cells],
                               [of_samples(arguments.samples, r) for r in chosen(score, "all", allocate, at)], scale)
                        for cells, at in zip(found, columns)])
    header = [f"{100 * float(s):.0f} %" for s in sparsities] + fixed
    print_table([column, "tokens"] + header, values)
    print_table(["difference to all tokens", "tokens"] + header, differences)
    if arguments.figure:
        figure(rows, arguments.figure, column)


if __name__ == "__main__":
    main()
