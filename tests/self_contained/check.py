"""Compiles every header of the library alone, and included twice.

    python3 check.py INCLUDE BUILD WITHOUT COMPILER [FLAGS...]

WITHOUT lists beginnings of names, separated by commas, of headers that need what is not there, such as mpi/.

What is included before a header can hide an #include that it forgot, unless the header includes that
itself. So a header is compiled after a precompiled one if it includes that one, directly or through
others, and everything precompiled is a header that was compiled alone or after one that it includes.
Only the parser runs: what templates and inline functions become is for other tests.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^ *# *include "([^"]+)"', re.M)
# Headers that much of the library includes: a header comes after the first of these that it includes.
BASES = ["prune/select.hpp", "token/select.hpp", "token/context.hpp", "tensor/detail/finite.hpp",
         "tensor/rows.hpp", "simd/vectors.hpp", "execute/standard.hpp", "tensor/traits.hpp",
         "io/detail/json_events.hpp", "detail/checked.hpp"]


def included_headers(header, direct):
    """All headers that a header includes, through others too."""
    found, left = set(), [header]
    while left:
        for other in direct[left.pop()] - found:
            found.add(other)
            left.append(other)
    return found


def first_base(header, included):
    return next((base for base in BASES if base != header and base in included[header]), None)


def main():
    include, build, without, compiler, *flags = sys.argv[1:]
    library = pathlib.Path(include, "tamp").resolve()
    folder = pathlib.Path(build)
    folder.mkdir(parents=True, exist_ok=True)
    headers = {str(path.relative_to(library)): path for path in sorted(library.rglob("*.hpp"))
               if not path.relative_to(library).as_posix().startswith(tuple(filter(None, without.split(","))))}
    direct = {}
    for name, path in headers.items():
        used = [(path.parent / other).resolve() for other in INCLUDE.findall(path.read_text(encoding="utf-8"))]
        direct[name] = {str(other.relative_to(library)) for other in used} & headers.keys()
    included = {name: included_headers(name, direct) for name in headers}

    precompiled = {}

    def compile_alone(header, *options):
        source = folder / header.replace("/", "_")
        source.write_text(f"#include <tamp/{header}>\n" * 2, encoding="utf-8")
        base = first_base(header, included)
        before = ["-include", str(precompiled[base])] if base else []
        command = [compiler, *flags, *before, "-x", *options, str(source)]
        run = subprocess.run(command, capture_output=True, text=True)
        return f"{header} does not compile alone:\n{run.stderr}" if run.returncode else None

    problems = []
    for base in reversed(BASES):  # those that others include first
        path = folder / base.replace("/", "_")
        problems.append(compile_alone(base, "c++-header", "-o", f"{path}.gch"))
        precompiled[base] = path
    if not any(problems):
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            others = [header for header in headers if header not in BASES]
            problems += pool.map(lambda header: compile_alone(header, "c++", "-fsyntax-only"), others)
    problems = [problem for problem in problems if problem]
    print(*problems, f"{len(headers)} headers compiled, {len(problems)} failed", sep="\n")
    sys.exit(bool(problems or not headers))


if __name__ == "__main__":
    main()
