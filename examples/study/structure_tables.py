"""Tables of tamp_structure: models from which units were removed, beside single weights in as many bytes."""
from markdown_table import cell, percent, table

SCORES = {"flap": "FLAP", "wanda": "Wanda's norms", "magnitude": "norms of weights"}
METHODS = {"magnitude": "magnitude", "wanda": "Wanda", "ria": "RIA", "sparsegpt": "SparseGPT"}
TITLES = {"parameters": "parameters of the layers", "bytes": "MB", "tokens_per_second": "tokens/s",
          "prefill": "prefill/s"}


def title(what):
    """"wanda, single weights, 0.212" as "Wanda, single weights, 21.2 %"."""
    name, *others = what.split(", ")
    if others[:1] == ["single weights"]:
        return f"{METHODS.get(name, name)}, single weights, {100 * float(others[1]):.1f} %"
    return ", ".join([SCORES.get(name, name)] + others)


def text(row, column):
    """A cell as people read it. Single weights leave no tensor smaller."""
    if row[column] == "":
        return "-"
    number = float(row[column])
    if column == "parameters":
        digits = 3 if number < 1e7 else 1
        millions = f"{number / 1e6:.{digits}f} M"
        _, single, fraction = row["what"].partition(", single weights, ")
        stay = number * (1 - float(fraction)) / 1e6 if single else 0
        return f"{millions}, of which {stay:.{digits}f} M stay" if single else millions
    if column == "bytes":
        return f"{number / 1e6:.{2 if number < 1e7 else 1}f}"
    if column == "agreement":
        return f"{number:.1f} %"
    if column in ("tokens_per_second", "prefill"):
        return f"{number:.{1 if column == 'tokens_per_second' else 0}f}"
    return cell([row], column)


def structure(results, columns):
    """All models of a file, in its order, by some columns; speeds on the fewest threads."""
    shown = ["parameters", "bytes"] + columns.split(",")
    results.need("what", "sparsity", *shown)
    fewest = min(results.rows, key=lambda row: int(row["threads"]))["threads"]
    rows = [row for row in results.rows if row["threads"] == fewest]
    asked = sorted({float(row["sparsity"]) for row in rows} - {0.0})
    lines = [[title(row["what"]) if len(asked) == 1 or float(row["sparsity"]) == 0
              else f"{percent(row['sparsity'])}: {title(row['what'])}"] + [text(row, column) for column in shown]
             for row in rows]
    head = f"{percent(asked[0])} asked" if len(asked) == 1 else "model"
    return table([head] + [TITLES.get(column, column) for column in shown], lines)
