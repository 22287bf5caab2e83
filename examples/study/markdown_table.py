"""Tables in Markdown."""
from result_file import fail, numbers


def percent(fraction):
    """0.5 as "50 %"."""
    return f"{100 * float(fraction):.0f} %"


def cell(rows, column):
    """The mean, and half the distance between the largest and the smallest, if there are several."""
    values = numbers(rows, column)
    if not values:
        return "-"
    mean = sum(values) / len(values)
    digits = 3 if column == "divergence" else 0 if mean >= 1000 else 1
    text = f"{mean:.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {(max(values) - min(values)) / 2:.{digits}f}"


def table(header, rows):
    if not rows:
        fail(f"no row of the results is in the table of {header[0] or ', '.join(header[1:])}")
    lines = [header, None, *rows]
    return "".join("|" + "---|" * len(header) + "\n" if line is None else "| " + " | ".join(line) + " |\n"
                   for line in lines).replace("|  |", "| |")
