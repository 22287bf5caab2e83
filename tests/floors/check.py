#!/usr/bin/env python3
"""Checks that no header includes one of a higher floor.

    check.py ROOT          the library, against the table of floors in ROOT/CONTRIBUTING.md
    check.py --self-test   that includes which go up, or to the side, are found

A header includes headers of its own folder and of folders on lower floors. Folders on one floor do not
include each other. tamp.hpp stands above all.
"""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<tamp/([^>]+)>)', re.M)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \|", re.M)
GROUND = "the headers beside `tamp.hpp`"


def floors(text):
    """The floor of each folder, "" for the headers beside tamp.hpp, from the table's text."""
    at = {}
    for number, folders in ROW.findall(text):
        for folder in re.findall(r"`([a-z_]+)/`", folders):
            at[folder] = int(number)
        if GROUND in folders:
            at[""] = int(number)
    return at


def folder_of(header):
    return header.parts[0] if len(header.parts) > 1 else ""


def problems(library, at):
    """A sentence for each include that breaks a rule, and for each folder without a floor."""
    found = []
    headers = sorted(path for path in library.rglob("*") if path.suffix in {".hpp", ".cuh", ".inl"})
    for folder in sorted({folder_of(path.relative_to(library)) for path in headers} - at.keys()):
        found.append(f"{folder}/ stands on no floor")
    for folder in sorted(at.keys() - {folder_of(path.relative_to(library)) for path in headers}):
        found.append(f"{folder}/ is on floor {at[folder]} and has no header")
    for path in headers:
        header = path.relative_to(library)
        here = folder_of(header)
        if header.name == "tamp.hpp" or here not in at:
            continue
        for near, far in INCLUDE.findall(path.read_text(encoding="utf-8")):
            target = (path.parent / near if near else library / far).resolve()
            if not target.is_relative_to(library.resolve()):
                found.append(f"{header} includes {near}, which is no header of the library")
                continue
            included = target.relative_to(library.resolve())
            there = folder_of(included)
            if there == here or there not in at or at[there] < at[here]:
                continue
            if {here, there} <= {"", "detail"}:  # the ground
                continue
            way = "beside it" if at[there] == at[here] else "above it"
            found.append(f"{header} on floor {at[here]} includes {included} {way}, on floor {at[there]}")
    return found


def self_test():
    table = ("| floor | folders | what |\n| 3 | `left/` `right/` | |\n| 2 | `middle/` | |\n"
             f"| 1 | {GROUND}, `detail/` | |\n")
    at = floors(table)
    assert at == {"left": 3, "right": 3, "middle": 2, "": 1, "detail": 1}, at
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder, "tamp")

        def problems_with(header, include):
            for name in ["tamp.hpp", "config.hpp", "detail/a.hpp", "middle/a.hpp", "left/a.hpp", "right/a.hpp",
                         "middle/detail/b.hpp"]:
                path = library / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"#include {include}\n" if name == header else "", encoding="utf-8")
            return problems(library, at)

        for header, include in [("left/a.hpp", '"../middle/a.hpp"'), ("left/a.hpp", "<tamp/detail/a.hpp>"),
                                ("middle/a.hpp", '"detail/b.hpp"'), ("middle/detail/b.hpp", '"../a.hpp"'),
                                ("config.hpp", '"detail/a.hpp"'), ("detail/a.hpp", '"../config.hpp"'),
                                ("tamp.hpp", '"left/a.hpp"'), ("left/a.hpp", "<vector>")]:
            assert problems_with(header, include) == [], (header, include)
        for header, include, words in [
                ("middle/a.hpp", '"../left/a.hpp"', "middle/a.hpp on floor 2 includes left/a.hpp above it, on floor 3"),
                ("middle/detail/b.hpp", '"../../left/a.hpp"', "middle/detail/b.hpp on floor 2 includes"),
                ("left/a.hpp", '"../right/a.hpp"', "beside it"),
                ("detail/a.hpp", "<tamp/middle/a.hpp>", "above it"),
                ("config.hpp", '"middle/a.hpp"', "above it"),
                ("left/a.hpp", '"../../elsewhere.hpp"', "no header of the library")]:
            found = problems_with(header, include)
            assert len(found) == 1 and words in found[0], (header, include, found)
        assert problems_with("tamp.hpp", '"left/a.hpp"') == []
        (library / "attic").mkdir()
        (library / "attic" / "a.hpp").write_text("", encoding="utf-8")
        assert problems(library, at) == ["attic/ stands on no floor"]
        assert "cellar/ is on floor 4 and has no header" in problems(library, {**at, "cellar": 4})


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1])
    at = floors((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    found = problems(root / "include" / "tamp", at)
    print("\n".join(found) or f"{len(at) - 1} folders, none of which reaches up")
    return len(found) > 0


if __name__ == "__main__":
    sys.exit(main())
