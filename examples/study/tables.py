#!/usr/bin/env python3
"""Markdown tables of a study: methods down, sparsities across, mean and spread over the seeds.

    python3 examples/study/tables.py study.csv [--column accuracy] [--kinds 0.5]

The CSV file is what `tamp_study --csv` writes. A cell is the mean over the calibration sets, and half
the distance between the largest and the smallest, if there are several sets.
"""
import argparse
import csv

METHODS = [  # title, score, allocation, pattern
    ("magnitude", "magnitude", "uniform", "per_row"),
    ("Wanda", "wanda", "uniform", "per_row"),
    ("Wanda + OWL", "wanda", "owl", "per_row"),
    ("RIA", "ria", "uniform", "per_row"),
    ("SparseGPT", "sparsegpt", "uniform", "per_tensor"),
    ("DAS only (Wanda + DAS)", "wanda", "das", "per_row"),
    ("AMIA only (uniform)", "amia", "uniform", "per_row"),
    ("TAMP (AMIA + DAS)", "amia", "das", "per_row"),
]


def read(path):
    with open(path, newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    return list(csv.DictReader(lines))


def cell(values):
    if not values:
        return "-"
    mean = sum(values) / len(values)
    digits = 0 if mean >= 1000 else 1 if mean >= 10 else 3
    text = f"{mean:.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {(max(values) - min(values)) / 2:.{digits}f}"


def print_table(header, rows):
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv")
    parser.add_argument("--column", help="the quality to show (default: the first)")
    parser.add_argument("--kinds", type=float, help="all qualities at this sparsity instead")
    args = parser.parse_args()
    rows = read(args.csv)
    qualities = [name for name in rows[0]
                 if name not in ("score", "allocate", "pattern", "seed", "asked", "achieved")
                 and not name.endswith("_s")]
    column = args.column or qualities[0]

    def values(quality, score, allocate, pattern, asked=None):
        return [float(r[quality]) for r in rows
                if (r["score"], r["allocate"], r["pattern"]) == (score, allocate, pattern)
                and (asked is None or abs(float(r["asked"]) - asked) < 1e-6)]

    dense = [r for r in rows if r["score"] == "dense"]
    if dense:
        print("Dense: " + ", ".join(f"{q} {cell([float(dense[0][q])])}" for q in qualities) + ".\n")
    if args.kinds is not None:
        print_table([f"at {100 * args.kinds:.0f} %"] + qualities,
                    [[title] + [cell(values(q, *key, args.kinds)) for q in qualities]
                     for title, *key in METHODS if values(column, *key, args.kinds)])
        return
    sparsities = sorted({float(r["asked"]) for r in rows if r["pattern"] in ("per_row", "per_tensor")})
    fixed = sorted({r["pattern"] for r in rows if r["pattern"][0].isdigit()})
    table = []
    for title, score, allocate, pattern in METHODS:
        cells = [cell(values(column, score, allocate, pattern, s)) for s in sparsities]
        cells += [cell(values(column, score, "-", f)) if allocate == "uniform" else "-" for f in fixed]
        if any(c != "-" for c in cells):
            table.append([title] + cells)
    print_table([column] + [f"{100 * s:.0f} %" for s in sparsities] + fixed, table)


if __name__ == "__main__":
    main()
