"""Tables of tamp_reduce: fewer visual tokens, and less computed of them."""
import re

from markdown_table import percent, table

SELECTORS = {
    "random": "random",
    "attention_top_k": "attention top-k (FastV)",
    "pyramid_drop": "PyramidDrop",
    "pyramid_drop_kept": "PyramidDrop, positions kept",
    "fitprune": "FitPrune, recorded",
    "fitprune_down": "FitPrune, recorded, as published",
    "fitprune_rerun": "FitPrune, run again",
    "divprune": "DivPrune",
    "cdpruner": "CDPruner",
    "dart": "DART",
    "scope": "SCOPE",
    "mmr": "MMR",
    "vidcom2": "VidCom2, the picture as one frame",
    "sparsevlm": "SparseVLM, rating only",
    "visionzip": "VisionZip",
    "tome": "ToMe",
    "folder": "FOLDER",
}
TITLES = {"multiply_adds": "multiply-adds", "speedup": "prefill"}


def text(row, column):
    """A cell as people read it."""
    if row[column] == "":
        return "-"
    if column == "multiply_adds":
        return percent(row[column])
    return f"{float(row[column]):.{2 if column in ('speedup', 'divergence') else 1}f}"


def is_pixel_prune(row):
    return row["tokens"].startswith("pixel_prune:")


def selectors(results, column=None, names=None):
    """Selectors down, budgets across, by one quality or by what they spare; all of them, or those that are named."""
    column = results.quality(column)
    chosen = [row for row in results.rows if row["tokens"] != "-" and not is_pixel_prune(row)
              and (names is None or row["tokens"] in names.split(","))]
    budgets = sorted({row["budget"] for row in chosen}, key=float, reverse=True)
    cells = {(row["tokens"], row["budget"]): text(row, column) for row in chosen}
    names = sorted({row["tokens"] for row in chosen},
                   key=lambda name: list(SELECTORS).index(name) if name in SELECTORS else len(SELECTORS))
    return table([TITLES.get(column, column)] + [percent(budget) for budget in budgets],
                 [[SELECTORS.get(name, name)] + [cells.get((name, budget), "-") for budget in budgets]
                  for name in names])


def reductions(results, columns):
    """All reductions, in the order of the results, by some qualities."""
    columns = ["multiply_adds"] + columns.split(",")
    results.need("tokens", *columns)

    def titles(row):
        if is_pixel_prune(row):
            return [f"PixelPrune, tau {row['tokens'].partition(':')[2]}", "-"]
        name = row["tokens"] if row["tokens"] != "-" else "dense" if row["visual"] == "-" else f"`{row['visual']}`"
        budget = float(row["budget"])
        return [name, f"{budget:.{1 if round(budget, 1) == budget else 2}f}"]

    return table(["visual tokens", "budget"] + [TITLES.get(column, column) for column in columns],
                 [titles(row) + [text(row, column) for column in columns] for row in results.rows])


def parts(visual):
    """ "ffn:0.1@3-5+skip@5" as [("ffn 0.1", 3, 5), ("skip", 5, 5)]."""
    found = []
    for part in visual.split("+"):
        what, _, layers = part.partition("@")
        first, _, last = layers.partition("-")
        found.append((what.replace(":", " "), int(first), int(last or first)))
    return found


def visual_title(visual, layers):
    """In words; `layers` is their number."""
    if visual == "-":
        return "dense"
    groups = {}
    for what, first, last in parts(visual):
        groups.setdefault((first, last), []).append(what)

    def where(first, last):
        if (first, last) == (0, layers - 1):
            return "all layers"
        return f"layer {first}" if first == last else f"layers {first}-{last}"

    return ", and ".join(" and ".join(names) + (" " if names == ["skip"] else ", ") + where(*place)
                         for place, names in groups.items())


def last_kind(visual):
    """skip of "ffn:0.1@3-5+skip@5"."""
    return "dense" if visual == "-" else re.split("[:@]", visual.split("+")[-1])[0]


def visual(results, kinds, columns):
    """What is spared of visual tokens, by some columns: rows whose last part is one of these kinds."""
    kinds, columns = kinds.split(","), columns.split(",")
    results.need("tokens", "visual", *columns)
    layers = 1 + max((last for row in results.rows if row["visual"] != "-" for _, _, last in parts(row["visual"])),
                     default=0)
    chosen = [row for row in results.rows if row["tokens"] == "-" and last_kind(row["visual"]) in kinds]
    return table([""] + [TITLES.get(column, column) for column in columns],
                 [[visual_title(row["visual"], layers)] + [text(row, column) for column in columns] for row in chosen])
