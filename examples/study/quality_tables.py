"""Tables of tamp_study: recipes down, sparsities across. A cell is the mean over the calibration sets, and half the
distance between the largest and the smallest, if there are several sets."""
from markdown_table import cell, percent, table
from result_file import numbers

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
REFINED = [  # title, score, allocation where the pattern leaves the sparsity open
    ("Wanda", "wanda", "uniform"),
    ("Wanda by reach", "wanda by reach", "uniform"),
    ("RIA", "ria", "uniform"),
    ("RIA by reach", "ria by reach", "uniform"),
    ("TAMP", "amia", "das"),
    ("SparseGPT", "sparsegpt", "uniform"),
    ("SparseGPT by reach", "sparsegpt by reach", "uniform"),
]
REFINEMENTS = [("", ""), (" + swaps", " with swaps:25"), (" + repair", " with repair"),
               (" + swaps + repair", " with swaps:25+repair"), (" + DSnoT", " with dsnot")]
ALLOCATIONS = {"by_error": "by_error of Wanda", "by_error_sparsegpt": "by_error of SparseGPT",
               "global_threshold": "global_threshold of magnitude"}


def sparsities(results):
    """Those of patterns that leave the sparsity open, and the patterns that fix it."""
    results.need("score", "pattern", "asked")
    pruned = [row for row in results.rows if row["pattern"]]
    asked = sorted({float(row["asked"]) for row in pruned if not fixes_sparsity(row["pattern"])})
    return asked, sorted({row["pattern"] for row in pruned if fixes_sparsity(row["pattern"])})


def fixes_sparsity(pattern):
    return pattern[:1].isdigit()



def quality(results, column=None):
    """Published methods at each sparsity, by one quality."""
    column = results.quality(column)
    asked, fixed = sparsities(results)
    lines = []
    for title, score, allocate, pattern in METHODS:
        chosen = [results.matching(score=score, allocate=allocate, pattern=pattern, asked=s) for s in asked]
        chosen += [results.matching(score=score, allocate="-", pattern=f) if allocate == "uniform" else []
                   for f in fixed]
        if any(chosen):
            lines.append([title] + [cell(rows, column) for rows in chosen])
    return table([column] + [percent(s) for s in asked] + fixed, lines)


def kinds(results, sparsity):
    """Published methods at one sparsity, by all qualities."""
    lines = []
    for title, score, allocate, pattern in METHODS:
        rows = results.matching(score=score, allocate=allocate, pattern=pattern, asked=float(sparsity))
        if rows:
            lines.append([title] + [cell(rows, quality) for quality in results.qualities])
    return table([f"at {percent(sparsity)}"] + results.qualities, lines)


def refinements(results, columns):
    """Scores with each refinement, by some qualities; in brackets the error that is left."""
    columns = columns.split(",")
    results.need("error", *columns)
    asked, fixed = sparsities(results)

    def text(rows):
        values = ", ".join(cell(rows, column) for column in columns) if rows else "-"
        left = [error for error in numbers(rows, "error") if error != 1]  # 1: nothing was refined
        return f"{values} ({sum(left) / len(left):.2f})" if left else values

    lines = []
    for title, score, allocate in REFINED:
        for suffix, refinement in REFINEMENTS:
            chosen = [[row for row in results.matching(score=score + refinement, allocate=allocate, asked=s)
                       if not fixes_sparsity(row["pattern"])] for s in asked]
            chosen += [results.matching(score=score + refinement, pattern=f) for f in fixed]
            if any(chosen):
                lines.append([title + suffix] + [text(rows) for rows in chosen])
    return table([f"{', '.join(columns)} (error left)"] + [percent(s) for s in asked] + fixed, lines)


def allocations(results, column=None):
    """Allocations down, scores and sparsities across."""
    column = results.quality(column)
    asked, _ = sparsities(results)
    scores = [(title, score) for title, score, allocate in REFINED
              if allocate == "uniform" and results.matching(score=score)]
    header = [f"{title} {percent(s)}" if s == asked[0] else percent(s) for title, _ in scores for s in asked]
    names = dict.fromkeys(row["allocate"] for row in results.rows if row["allocate"] not in ("", "-"))
    return table([column] + header,
                 [[ALLOCATIONS.get(name, name)] +
                  [cell(results.matching(score=score, allocate=name, asked=s), column)
                   for _, score in scores for s in asked] for name in names])
