#!/usr/bin/env python3
"""The tables of docs/performance.md, in Markdown, from what compare.py, tamp_bench and tamp_whole_model
have written.

    python3 bench/compare/tables.py build/bench/compare.json build/bench/random_model.json ...
"""
import json
import sys


def number(value):
    """Three digits, and no exponent."""
    if value >= 100:
        return f"{value:.0f}"
    digits = 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:.{digits}f}"


def print_table(header, rows):
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def comparison(document):
    """One line a task, size and element; what depends on the threads is side by side."""
    results = [result for result in document["results"] if not result["sweep"]]
    versions = document["versions"]
    print(f"{document['machine']['processor']}, {document['machine']['cores']} cores. PyTorch {versions['torch']}, "
          f"{versions['torch_runs_on'].removeprefix('CPU capability usage: ')}, products by "
          f"{versions['torch_multiplies_with']}. {max(r['date'] for r in document['results'])}.\n")
    for instructions in dict.fromkeys(result["instructions"] for result in results):
        mine = [result for result in results if result["instructions"] == instructions]
        threads = sorted({result["threads"] for result in mine})
        lines = {}
        for result in mine:
            key = (result["title"], f"{result['rows']} x {result['cols']}", result["element"])
            lines.setdefault(key, {})[result["threads"]] = result
        rows = []
        for key, of_threads in lines.items():
            def cell(name):
                values = [of_threads[t].get(name) for t in threads if t in of_threads]
                return " / ".join("-" if value is None else number(value) for value in values)
            rows.append([*key, *map(cell, ("torch_ms", "best_ms", "tamp_ms", "floor_ms", "to_floor", "speed_up"))])
        print(f"tamp with {instructions} instructions; {' / '.join(map(str, threads))} threads; milliseconds.\n")
        print_table(["", "size", "of", "PyTorch", "at best", "tamp", "floor", "tamp / floor", "PyTorch / tamp"], rows)


def growth(document):
    """The numbers of the figure."""
    results = [result for result in document["results"] if result["sweep"]]
    for title in dict.fromkeys(result["title"] for result in results):
        mine = [result for result in results if result["title"] == title]
        print_table([title, "PyTorch", "tamp", "floor", "tamp / floor"],
                    [[f"{r['rows']} x {r['cols']}", *(number(r[name]) for name in
                                                    ("torch_ms", "tamp_ms", "floor_ms", "to_floor"))]
                     for r in mine])


def kernels(document):
    """The measurements of tamp_bench: the ratio of each kernel to its floor, on each set of instructions."""
    rows = {}
    for one in document["benchmarks"]:
        if "ratio" not in one:
            continue
        parts = [part for part in one["name"].split("/") if not part.startswith(("min_time", "manual_time"))]
        threads = parts.pop() if parts[-1].endswith(("_thread", "_threads")) else "1_thread"
        instructions = parts.pop() if parts[-1] in ("portable", "avx2", "avx512") else "best"
        rows.setdefault(" ".join(parts), {})[f"{instructions}, {threads.replace('_', ' ')}"] = one["ratio"]
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    print_table(["kernel / floor", *columns],
                [[name, *(f"{row[column]:.2f}" if column in row else "" for column in columns)]
                 for name, row in rows.items()])


def whole_model(document):
    rows = []
    for run in document["runs"]:
        parts = [run[part] for part in ("forward_s", "statistics_s", "select_s", "apply_s")]
        pruning, total = sum(parts[1:]), sum(parts)
        rows.append([run["model"], run["element"], run["pattern"], str(run["threads"]),
                     f"{run['weights'] / 1e9:.2f}", number(total)]
                    + [f"{100 * part / total:.1f}" for part in parts]
                    + [f"{run['weights'] / 1e9 / pruning:.2f}"])
    random_numbers = document["random_numbers_bytes"] / 1e9
    print(f"tamp with {document['instructions']} instructions, {document['tokens']} tokens; at most "
          f"{document['peak_memory_bytes'] / 1e9:.2f} GB of memory"
          f"{f', {random_numbers:.2f} GB of it random numbers' if random_numbers else ''}.\n")
    print_table(["model", "of", "pattern", "threads", "10^9 weights", "seconds", "forward %", "statistics %",
                 "select %", "apply %", "10^9 weights/s"], rows)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for path in sys.argv[1:]:
        try:
            with open(path) as file:
                document = json.load(file)
            if "benchmarks" in document:
                kernels(document)
            elif "runs" in document:
                whole_model(document)
            else:
                comparison(document)
                growth(document)
        except (OSError, ValueError) as problem:
            sys.exit(f"tables.py: {path}: {problem}")
        except (KeyError, TypeError) as problem:
            sys.exit(f"tables.py: {path} is not a file of compare.py, tamp_bench or tamp_whole_model: {problem} is missing")


if __name__ == "__main__":
    main()
