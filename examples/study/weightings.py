"""Tables of weightings of tokens, from a study with --tokens and, for the differences, --samples.

A cell of the first table is the mean over the calibration sets, and half the distance between the largest and the
smallest. A cell of the second is the mean difference to the same score over all tokens, and its paired standard
error: the difference of each scene or sequence, averaged over the calibration sets, is one observation. For scenes it
is in points of accuracy, for texts in nats of a token's log-perplexity, where less is better.
"""
import csv
import math
import pathlib

from markdown_table import cell, percent, table
from quality_tables import fixes_sparsity, sparsities
from result_file import fail, same

TITLES = {"all": "all tokens", "amia": "AMIA's", "text": "text alone", "balanced": "modalities balanced",
          "reach": "**reach**"}
SCORES = {"magnitude": "magnitude", "wanda": "Wanda", "ria": "RIA", "sparsegpt": "SparseGPT"}


def score_and_tokens(row):
    score, _, tokens = row["score"].partition(" by ")
    return score, tokens or "all"


def two_decimals(number):
    """0.30, or all digits where two do not tell the number from others: 0.301."""
    text = f"{number:.2f}"
    return text if float(text) == number else repr(number)


def of_samples(folder, row):
    name = "-".join([row["score"], row["allocate"], row["pattern"], row["seed"], two_decimals(float(row["asked"]))])
    path = pathlib.Path(folder) / (name.replace(":", "_").replace(" ", "_") + ".csv")
    if not path.exists():
        return None
    with open(path, newline="") as file:
        return [float(line["value"]) for line in csv.DictReader(file)]


def differences_of(ours, theirs, scale):
    """The differences of all samples, a list for each calibration set; none if samples are missing."""
    if not ours or len(ours) != len(theirs) or None in ours or None in theirs:
        return []
    if len({len(values) for values in ours + theirs}) != 1:
        fail("the samples are of different scenes or sequences: their files have "
             f"{', '.join(str(len(values)) for values in ours + theirs)} lines")
    return [[scale * (a - b) for a, b in zip(mine, other)] for mine, other in zip(ours, theirs)]


def mean(values):
    return sum(values) / len(values)


def standard_error(values):
    """Of their mean; not a number for a single value."""
    if len(values) == 1:
        return math.nan
    return math.sqrt(sum((value - mean(values)) ** 2 for value in values) / (len(values) - 1) / len(values))


def written(value, scale, sign=""):
    return "-" if math.isnan(value) else f"{value:{sign}.{3 if abs(scale) == 1 else 1}f}"


def paired(ours, theirs, scale):
    """Mean and standard error of the differences; each side has one list for each calibration set."""
    sets = differences_of(ours, theirs, scale)
    if not sets:
        return "-"
    of_samples = [mean(same) for same in zip(*sets)]
    return f"{written(mean(of_samples), scale, '+')} ± {written(standard_error(of_samples), scale)}"


def lines(results):
    """The sparsities; and score, allocation, tokens, and rows at each sparsity of all lines that a table may have."""
    asked, fixed = sparsities(results)

    def chosen(score, tokens, allocate, at):
        rows = [row for row in results.rows if score_and_tokens(row) == (score, tokens)]
        if isinstance(at, str):
            rows = [row for row in rows if row["pattern"] == at and allocate == "uniform"]
        else:
            rows = [row for row in rows if not fixes_sparsity(row["pattern"]) and row["allocate"] == allocate
                    and same(row["asked"], at)]
        return sorted(rows, key=lambda row: int(row["seed"]))

    found = []
    for score in SCORES:
        for allocate in ("uniform", "das"):
            for tokens in TITLES:
                rows = [chosen(score, tokens, allocate, at) for at in asked + fixed]
                if any(rows):
                    found.append((score, allocate, tokens, rows))
    return [percent(s) for s in asked] + fixed, found


def titles(score, allocate, tokens):
    return [SCORES[score] + (" + DAS" if allocate == "das" else ""), TITLES[tokens]]


def weightings(results, column=None):
    """Scores and weightings down, sparsities across, by one quality."""
    column = results.quality(column)
    header, found = lines(results)
    return table([column, "tokens"] + header, [titles(*key) + [cell(rows, column) for rows in cells]
                                               for *key, cells in found])


def compared(results, folder):
    """The sparsities; and the titles of each line that all tokens are subtracted from, with pairs of samples, its own
    and theirs, at each sparsity. Samples are in a folder beside the results."""
    folder = results.path.parent / folder
    if not folder.is_dir():
        fail(f"there is no folder {folder}, into which --samples writes")
    header, found = lines(results)
    of_all = {(score, allocate): cells for score, allocate, tokens, cells in found if tokens == "all"}
    return header, [
        (titles(score, allocate, tokens),
         [([of_samples(folder, row) for row in ours], [of_samples(folder, row) for row in theirs])
          for ours, theirs in zip(cells, of_all[score, allocate])])
        for score, allocate, tokens, cells in found if tokens != "all" and (score, allocate) in of_all]


def scale_of(results):
    return 100 if "accuracy" in results.columns else -1


def differences(results, folder):
    """Differences to all tokens at all sparsities."""
    header, found = compared(results, folder)
    return table(["difference to all tokens", "tokens"] + header,
                 [title + [paired(*samples, scale_of(results)) for samples in cells] for title, cells in found])


def noise(results, folder):
    """Differences to all tokens, a line for each sparsity, with the standard errors that the samples, the calibration
    sets and both give. Both are independent, so that their squares are added."""
    header, found = compared(results, folder)
    scale = scale_of(results)
    rows = []
    for title, cells in found:
        for at, samples in zip(header, cells):
            sets = differences_of(*samples, scale)
            if sets:
                errors = [standard_error([mean(same) for same in zip(*sets)]), standard_error([mean(s) for s in sets])]
                errors.append(math.hypot(*errors))
                rows.append(title + [at, written(mean([mean(s) for s in sets]), scale, "+")] +
                            [written(error, scale) for error in errors])
    return table(["difference to all tokens", "tokens", "sparsity", "difference", "noise of samples", "noise of sets",
                  "both"], rows)
