"""The results of tamp_study, tamp_reduce, tamp_structure and tamp_pays, as --csv and --json write them."""
import csv
import json
import pathlib
import re
import sys

# The columns of each program that are no qualities; the first one tells the programs apart.
OTHERS = [
    ("score", "allocate", "pattern", "seed", "asked", "achieved", "error", "calibrate_s", "select_s", "apply_s"),
    ("tokens", "budget", "visual", "multiply_adds", "speedup", "prefill_s", "drops", "leave"),
    ("what", "sparsity", "parameters", "bytes", "threads", "tokens_per_second", "prefill"),
    ("form", "sparsity", "memory", "file", "threads", "tokens_per_second", "bound", "prefill"),
]

FIRST_LINE = re.compile(r"#\s*(.*?)(?:; fingerprints: model ([0-9a-f]{16}), data ([0-9a-f]{16}))?")


def fail(sentence):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {sentence}")


class results:
    """The rows of a file: what its cells say, by column; an empty one was not measured. The fingerprints of the model
    and the data are None in files of earlier versions."""

    def __init__(self, path, settings, rows, fingerprints=None):
        self.path, self.settings, self.rows, self.fingerprints = path, settings, rows, fingerprints
        if not rows:
            fail(f"{path} has no rows of results")
        self.columns = list(rows[0])
        known = [others for others in OTHERS if others[0] == self.columns[0]]
        if not known:
            fail(f"{path} is no file of results: its first column is {self.columns[0]!r}")
        self.first = self.columns[0]
        self.qualities = [name for name in self.columns if name not in known[0]]

    def need(self, *names):
        """Ends the program if a column is missing."""
        for name in names:
            if name not in self.columns:
                fail(f"{self.path} has no column {name!r}; it has {', '.join(self.columns)}")

    def quality(self, name=None):
        """The column of that name, or the first quality."""
        if name:
            self.need(name)
        elif not self.qualities:
            fail(f"{self.path} has no column of quality")
        return name or self.qualities[0]

    def matching(self, **cells):
        """The rows that have these cells, numbers as numbers."""
        self.need(*cells)
        return [row for row in self.rows if all(same(row[name], cell) for name, cell in cells.items())]


def same(cell, wanted):
    if isinstance(wanted, str):
        return cell == wanted
    return cell != "" and abs(float(cell) - wanted) < 1e-6


def numbers(rows, column):
    """Those that were measured."""
    return [float(row[column]) for row in rows if row[column] != ""]


def read(path):
    """The results in a CSV or JSON file."""
    path = pathlib.Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        return (read_json if path.suffix == ".json" else read_csv)(path, text)
    except (OSError, UnicodeDecodeError) as problem:
        fail(f"{path} cannot be read: {problem}")
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        fail(f"{path} is no file of results: {problem}")


def read_csv(path, text):
    lines = text.splitlines()
    settings, fingerprints = "", None
    if lines and lines[0].startswith("#"):
        settings, *both = FIRST_LINE.fullmatch(lines[0]).groups()
        fingerprints = tuple(both) if both[0] else None
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            fail(f"{path}: row {number} has not as many cells as there are columns")
    return results(path, settings, rows, fingerprints)


def read_json(path, text):
    document = json.loads(text, parse_float=str, parse_int=str)  # numbers as they are written
    rows = [{name: "" if cell is None else cell for name, cell in row.items()} for row in document["rows"]]
    run = document.get("run", {})
    fingerprints = tuple(run.get(f"{what}-fingerprint") for what in ("model", "data"))
    return results(path, document["settings"], rows, fingerprints if all(fingerprints) else None)
