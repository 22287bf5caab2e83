#!/usr/bin/env python3
"""Tables in Markdown of what the study's programs have measured.

    python3 examples/study/tables.py TABLE FILE [WORD...]
    python3 examples/study/tables.py --update PAGE FOLDER
    python3 examples/study/tables.py --check PAGE

The first prints a table of a file that --csv or --json wrote:

    quality FILE [COLUMN]           methods by one quality (default: the first), sparsities across
    kinds FILE SPARSITY             methods by all qualities at one sparsity
    weightings FILE [COLUMN]        weightings of tokens (--tokens)
    differences FILE FOLDER         their differences to all tokens, of what --samples wrote beside the file
    noise FILE FOLDER               the same, with the noise of samples and of calibration sets apart
    refinements FILE COLUMNS        refined masks (--refine)
    allocations FILE [COLUMN]       allocations down, scores and sparsities across
    selectors FILE [COLUMN [NAMES]] selectors of visual tokens (tamp_reduce), budgets across; all, or those named
    reductions FILE COLUMNS         all rows of tamp_reduce
    visual FILE KINDS COLUMNS       what is spared of visual tokens
    structure FILE COLUMNS          models from which units were removed (tamp_structure)

A page says where its tables are:

    <!-- table: quality tiny.csv accuracy -->

    <!-- /table -->

The second command writes each table of which FOLDER has the file between its marks, and names the others. The third
one ends with an error if marks are not paired, or name no table.
"""
import inspect
import pathlib
import re
import sys

import quality_tables
import reduced_tables
import structure_tables
import weightings
from result_file import fail, read

TABLES = {each.__name__: each for each in (
    quality_tables.quality, quality_tables.kinds, quality_tables.refinements, quality_tables.allocations,
    weightings.weightings, weightings.differences, weightings.noise, reduced_tables.selectors,
    reduced_tables.reductions, reduced_tables.visual, structure_tables.structure)}
BEGIN, END = re.compile(r"<!-- table: (.*) -->"), "<!-- /table -->"


def make(words, folder):
    """The table that these words name: its kind, a file in the folder, and what else its kind wants."""
    kind, file, *others = words
    parameters = list(inspect.signature(TABLES[kind]).parameters.values())[1:]
    least = sum(parameter.default is parameter.empty for parameter in parameters)
    if not least <= len(others) <= len(parameters):
        fail(f"the table '{' '.join(words)}' has {len(others)} words behind its file; {kind} takes "
             f"{least if least == len(parameters) else f'{least} to {len(parameters)}'}")
    return TABLES[kind](read(folder / file), *others)


def marks(page, lines):
    """Where tables begin and end, and the words that name them."""
    found, begin = [], None
    for number, line in enumerate(lines):
        mark = BEGIN.fullmatch(line.strip())
        if (mark and begin is not None) or (line.strip() == END and begin is None):
            fail(f"{page}:{number + 1}: a table {'begins in another' if mark else 'ends that has not begun'}")
        if mark:
            begin, words = number, mark[1].split()
            if len(words) < 2 or words[0] not in TABLES:
                fail(f"{page}:{number + 1}: '{mark[1]}' names no table and file; tables are {', '.join(TABLES)}")
        elif line.strip() == END:
            found.append((begin, number, words))
            begin = None
    if begin is not None:
        fail(f"{page}:{begin + 1}: the table '{' '.join(words)}' has no end")
    return found


def update(page, folder):
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    missing = []
    for begin, end, words in reversed(marks(page, lines)):
        if (folder / words[1]).exists():
            lines[begin + 1:end] = ["\n", make(words, folder), "\n"]
        else:
            missing.append(words[1])
    beside = page.with_name(page.name + ".new")
    beside.write_text("".join(lines), encoding="utf-8")
    beside.replace(page)
    for name in sorted(set(missing)):
        print(f"{folder / name} is not there: its tables are as before")


def main():
    words = sys.argv[1:]
    try:
        if len(words) == 3 and words[0] == "--update":
            update(pathlib.Path(words[1]), pathlib.Path(words[2]))
        elif len(words) == 2 and words[0] == "--check":
            page = pathlib.Path(words[1])
            marks(page, page.read_text(encoding="utf-8").splitlines())
        elif len(words) >= 2 and words[0] in TABLES:
            print(make(words, pathlib.Path()))
        else:
            sys.exit(__doc__)
    except OSError as problem:
        fail(problem)


if __name__ == "__main__":
    main()
