#!/usr/bin/env python3
"""Figures of what the study's programs have measured, as SVG.

    python3 examples/study/plot.py RESULTS... --out FOLDER [--kind sparsity|layer|question]
        [--column QUALITY] [--only COLUMN=VALUE,VALUE...]

RESULTS are files that --csv or --json wrote, with rows of one model and one set of data; plans and reports of
tamp_study (--plans, --reports), which may be named as a folder; and what --densities wrote. Without --kind all figures
are drawn that these have data for:

    sparsity   quality_by_sparsity.svg: a line for each recipe, the mean over the seeds; a band reaches from the
               smallest to the largest. A score with variants has a panel. Of tamp_reduce: against multiply-adds.
    layer      sparsity_by_layer.svg, a panel for each plan or report, with a line at all layers' together;
               error_by_layer.svg, the error that refinements leave of each layer's; similarity_by_layer.svg, of the
               densities
    question   quality_by_question.svg: a panel for each sparsity, a bar for each recipe; a whisker reaches from the
               smallest to the largest

Needs matplotlib.
"""
import argparse
import csv
import json
import math
import pathlib
import re

from drawing import color, plain, plot, save, separate_blocks
from result_file import fail, numbers, read

KINDS = ("sparsity", "layer", "question")
ALONG = {  # the horizontal axis of each program's results
    "score": ("asked", "weights dropped, %"),
    "tokens": ("multiply_adds", "multiply-adds, %"),
    "what": ("sparsity", "parameters taken out, %"),
    "form": ("sparsity", "weights dropped, %"),
}


def base(row):
    """What the rows of a panel share: a score without its weighting and refinement."""
    return re.split(" by | with ", row["score"])[0] if "score" in row else ""


def recipe(row):
    """What the rows of a line share."""
    if "score" in row:
        allocate = "" if row["allocate"] in ("uniform", "-") else f" + {row['allocate']}"
        pattern = "" if row["pattern"] in ("per_row", "per_tensor", "") else f", {row['pattern']}"
        return row["score"] + allocate + pattern
    if "tokens" in row:
        return row["tokens"] if row["tokens"] != "-" else row["visual"]
    return re.sub(r", [0-9.]+$", "", row.get("what") or row["form"])


def is_dense(row):
    return row.get("score") == "dense" or row.get("what") == "dense" or \
        (row.get("tokens"), row.get("visual")) == ("-", "-") or row.get("form", "").startswith("dense")


def lines(rows):
    """The pruned rows of each recipe, by their place along the axis."""
    found = {}
    for row in rows:
        if not is_dense(row):
            at = 100 * float(row[ALONG[next(iter(row))][0]])
            found.setdefault(recipe(row), {}).setdefault(round(at, 6), []).append(row)
    return found


def by_sparsity(results, column, path):
    panels = {}
    for row in results.rows:
        if not is_dense(row):
            panels.setdefault(base(row), []).append(row)
    if all(len({row["score"] for row in rows}) == 1 for rows in panels.values() if "score" in rows[0]):
        panels = {"": [row for row in results.rows if not is_dense(row)]}
    dense = numbers([row for row in results.rows if is_dense(row)], column)
    figure, all_axes = plot.subplots(1, len(panels), figsize=(max(5.5, 3.2 * len(panels)), 3.6), sharey=True,
                                     squeeze=False)
    for axes, (title, rows) in zip(all_axes[0], panels.items()):
        for k, (name, places) in enumerate(lines(rows).items()):
            measured = {at: numbers(same, column) for at, same in sorted(places.items())}
            measured = {at: values for at, values in measured.items() if values}
            axes.plot(list(measured), [sum(v) / len(v) for v in measured.values()], marker="o", markersize=3,
                      linewidth=1.3, color=f"C{k % 10}", linestyle="-" if k < 10 else "--", label=name)
            if any(len(values) > 1 for values in measured.values()):
                axes.fill_between(list(measured), [min(v) for v in measured.values()],
                                  [max(v) for v in measured.values()], color=f"C{k % 10}", alpha=0.2, linewidth=0)
        if dense:
            axes.axhline(dense[0], color="0.4", linewidth=0.8, linestyle=":", label="dense")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(ALONG[results.first][1], fontsize=8)
        places = sorted({at for of_line in lines(rows).values() for at in of_line})
        if len(places) <= 10 and results.first != "tokens":
            axes.set_xticks(places)
        axes.tick_params(labelsize=7)
        plain(axes)
        axes.legend(fontsize=6, frameon=False)
    all_axes[0][0].set_ylabel(named(column), fontsize=8)
    values = numbers(results.rows, column)
    if min(values) > 0 and max(values) > 20 * min(values):
        all_axes[0][0].set_yscale("log")
    save(figure, path)


def named(column):
    return column if column in ("perplexity", "divergence") else f"{column}, %"


def kinds_of_questions(results):
    return results.qualities[1:] if results.qualities[:1] == ["accuracy"] else []


def by_question(results, path):
    kinds = kinds_of_questions(results)
    if not kinds:
        fail(f"{results.path} has no kinds of questions; its qualities are {', '.join(results.qualities)}")
    found = lines(results.rows)
    places = sorted({at for of_line in found.values() for at in of_line})
    figure, all_axes = plot.subplots(len(places), 1, figsize=(9, 0.6 + 2.1 * len(places)), sharex=True, squeeze=False)
    for axes, at in zip(all_axes[:, 0], places):
        here = {name: of_line[at] for name, of_line in found.items() if at in of_line}
        width = 0.8 / len(here)
        for k, name in enumerate(found):
            if name not in here:
                continue
            left = list(here).index(name) * width - 0.4 + width / 2
            values = [numbers(here[name], kind) or [math.nan] for kind in kinds]
            means = [sum(v) / len(v) for v in values]
            axes.bar([x + left for x in range(len(kinds))], means, width, color=f"C{k % 10}",
                     hatch=None if k < 10 else "///", label=name,
                     yerr=[[m - min(v) for m, v in zip(means, values)], [max(v) - m for m, v in zip(means, values)]],
                     error_kw={"linewidth": 0.7})
        axes.set_ylabel(f"{at:g} %\nright answers, %", fontsize=8)
        axes.set_ylim(0, 100)
        axes.tick_params(labelsize=7)
        plain(axes)
        axes.legend(fontsize=6, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    all_axes[-1][0].set_xticks(range(len(kinds)), kinds)
    figure.suptitle(ALONG[results.first][1], fontsize=9)
    save(figure, path)


def layer_bars(panels, label, path, lines):
    """A panel for each name: a bar for each layer, which `panels` gives by its name, and a line across."""
    figure, all_axes = plot.subplots(len(panels), 1, figsize=(8, 0.6 + 1.8 * len(panels)), sharex=True, sharey=True,
                                     squeeze=False)
    for axes, (title, layers) in zip(all_axes[:, 0], panels.items()):
        names = list(layers)
        axes.bar(range(len(names)), list(layers.values()), width=0.8, color=[color(name) for name in names])
        axes.axhline(lines[title], color="0.4", linewidth=0.8, linestyle="--")
        axes.set_ylabel(f"{title}\n{label}", fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
        separate_blocks(axes, names)
    save(figure, path)


def by_layer(documents, densities, folder):
    """Plans and reports by their names, and the rows of --densities."""
    def sparsity(layer):
        return 100 * layer["achieved" if "achieved" in layer else "sparsity"]

    def size(layer):
        return layer["rows"] * layer["cols"]

    if documents:
        layer_bars({name: {layer["name"]: sparsity(layer) for layer in layers} for name, layers in documents.items()},
                   "sparsity, %", folder / "sparsity_by_layer.svg",
                   {name: sum(size(layer) * sparsity(layer) for layer in layers) / sum(map(size, layers))
                    for name, layers in documents.items()})
    errors = {name: {layer["name"]: layer["error"]["after"] / layer["error"]["before"] for layer in layers
                     if layer.get("error") and layer["error"]["before"]} for name, layers in documents.items()}
    errors = {name: layers for name, layers in errors.items() if layers}
    if errors:
        layer_bars(errors, "error left", folder / "error_by_layer.svg", dict.fromkeys(errors, 1))
    if densities:
        figure, axes = plot.subplots(figsize=(8, 2.6))
        for column, label, mark in (("image", "within the image", "o"), ("text", "within the text", "s"),
                                    ("across", "across", "^")):
            axes.plot([float(row[column]) for row in densities], mark, markersize=4, label=label)
        axes.set_ylabel("mean cosine similarity", fontsize=8)
        axes.axhline(0, color="0.4", linewidth=0.8)
        axes.legend(fontsize=7, ncol=3, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.25))
        separate_blocks(axes, [row["layer"] for row in densities])
        save(figure, folder / "similarity_by_layer.svg")
    if not documents and not densities:
        fail("there is no plan, report or file of densities among the results: name what tamp_study --reports, --plans "
             "or --densities wrote")


def chosen(results, only):
    """Drops the rows that --only leaves out. The dense ones stay."""
    for condition in only:
        column, separator, values = condition.partition("=")
        if not separator:
            fail(f"--only wants COLUMN=VALUE, not {condition!r}")
        results.need(column)
        results.rows = [row for row in results.rows if row[column] in values.split(",") or is_dense(row)]
    if all(is_dense(row) for row in results.rows):
        fail(f"{results.path} has no pruned row" + (f" with {', '.join(only)}" if only else ""))
    return results


def layers_in(path):
    """The layers of a plan or a report; nothing of another JSON file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        fail(f"{path} cannot be read: {problem}")
    layers = document.get("layers") if isinstance(document, dict) else None
    for layer in layers or []:
        known = layer.keys() if isinstance(layer, dict) else set()
        if not {"name", "rows", "cols"} <= known or not {"sparsity", "achieved"} & known:
            fail(f"{path} is no plan or report: a layer has no name, rows, cols or sparsity")
    return layers


def sort_out(paths):
    """The results, the layers of plans and reports, and the densities in these files."""
    documents, densities, found = {}, [], []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("*.json"))
            if not inside:
                fail(f"the folder {path} has no plan or report")
            documents.update((file.stem, layers_in(file) or fail(f"{file} is no plan or report")) for file in inside)
        elif path.suffix == ".json" and layers_in(path):
            documents[path.stem] = layers_in(path)
        elif path.is_file() and path.read_bytes().startswith(b"layer,"):
            densities = list(csv.DictReader(path.read_text().splitlines()))
        else:
            found.append(read(path))
    for other in found[1:]:
        if other.settings != found[0].settings or other.columns != found[0].columns:
            fail(f"{found[0].path} and {other.path} are of different settings: {found[0].settings!r} and "
                 f"{other.settings!r}")
        if found[0].fingerprints and other.fingerprints and other.fingerprints != found[0].fingerprints:
            fail(f"{found[0].path} and {other.path} are of different models or data: their fingerprints are "
                 f"{' and '.join(found[0].fingerprints)}, and {' and '.join(other.fingerprints)}")
        found[0].rows += other.rows
    return found[0] if found else None, documents, densities


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--column")
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    results, documents, densities = sort_out(arguments.results)
    if arguments.kind:
        kinds = [arguments.kind]
    else:
        kinds = ["layer"] if documents or densities else []
        kinds += ["sparsity"] if results else []
        kinds += ["question"] if results and kinds_of_questions(results) else []
    if results:
        results = chosen(results, arguments.only)
    elif kinds != ["layer"]:
        fail(f"a figure by {kinds[0]} needs a file that --csv or --json wrote")
    arguments.out.mkdir(parents=True, exist_ok=True)
    if "layer" in kinds:
        by_layer(documents, densities, arguments.out)
    if "sparsity" in kinds:
        by_sparsity(results, results.quality(arguments.column), arguments.out / "quality_by_sparsity.svg")
    if "question" in kinds:
        by_question(results, arguments.out / "quality_by_question.svg")


if __name__ == "__main__":
    main()
