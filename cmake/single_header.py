#!/usr/bin/env python3
"""Writes tamp as one header, to be copied into a program.

    single_header.py OUTPUT [HEADER ...]

HEADER is a name as programs include it. The default is tamp/tamp.hpp; others, such as tamp/adapt/eigen.hpp
or tamp/io/calibration.hpp, are added in the order given, each with all that it includes. Headers come
in once. Files that the library includes several times (*.inl) come in each time. Names of files stay as
comments, so that a reader of an error finds the source.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
OPENS, CLOSES = re.compile(r"\s*#\s*if"), re.compile(r"\s*#\s*endif")


class single_header:
    def __init__(self):
        self.lines = []
        self.unconditional, self.conditional = set(), {}

    def add(self, path, conditions=()):
        """Appends a file, and in the places where it includes others, these."""
        path = path.resolve()
        name = path.relative_to(ROOT / "include").as_posix()
        if path.suffix == ".hpp":
            if path in self.unconditional:
                return
            if path in self.conditional:
                if self.conditional[path] == conditions:
                    return
                sys.exit(f"single_header.py: {name} is included under different conditions")
            if conditions:
                self.conditional[path] = conditions
            else:
                self.unconditional.add(path)
        self.lines += ["", f"// {name}", ""]
        inside = list(conditions)
        for line in path.read_text(encoding="utf-8").splitlines():
            if OPENS.match(line):
                inside.append(f"{name}: {line.strip()}")
            elif CLOSES.match(line):
                inside.pop()
            included = INCLUDE.match(line)
            if included:
                self.add(path.parent / included[1], tuple(inside))
            elif line.strip() != "#pragma once":
                self.lines.append(line)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    version = dict(re.findall(r"#define TAMP_VERSION_(MAJOR|MINOR|PATCH) (\d+)",
                              (ROOT / "include/tamp/version.hpp").read_text(encoding="utf-8")))
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8").strip().splitlines()
    made = single_header()
    for header in sys.argv[2:] or ["tamp/tamp.hpp"]:
        path = ROOT / "include" / header
        if not path.is_file():
            sys.exit(f"single_header.py: there is no {header} in {ROOT / 'include'}")
        made.add(path)
    text = "\n".join([f"// tamp {version['MAJOR']}.{version['MINOR']}.{version['PATCH']} in one header.", "//",
                      *(f"// {line}".rstrip() for line in licence), "", "#pragma once", *made.lines]) + "\n"
    output = pathlib.Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(re.sub(r"\n{3,}", "\n\n", text), encoding="utf-8")
    print(f"{output}: {len(text.encode()) >> 10} KiB of {len(made.unconditional | made.conditional.keys())} headers")


if __name__ == "__main__":
    main()
