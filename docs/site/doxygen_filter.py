#!/usr/bin/env python3
"""Writes a header as Doxygen shall read it: without the inline namespace of the flags, and with fences around
the formulas and programs in comments, which are indented behind an empty line."""
import re
import sys

indent = ""  # of the comment whose formula is being shown
empty = False
with open(sys.argv[1], encoding="utf-8") as header:
    for line in header.read().replace("::inline TAMP_FLAGS", "").splitlines():
        shown = re.match(r"(\s*///)     (.*)$", line)
        if shown and (indent or empty):
            if not indent:
                indent = shown[1]
                print(f"{indent} ```cpp")
            print(f"{indent} {shown[2]}")
            continue
        if indent:
            print(f"{indent} ```")
            indent = ""
        empty = line.strip() == "///"
        print(line)
