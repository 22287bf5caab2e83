#!/usr/bin/env python3
"""Prints tamp's version, which include/tamp/version.hpp states, such as 0.2.0."""
import pathlib
import re

header = pathlib.Path(__file__).resolve().parent.parent / "include/tamp/version.hpp"
print(".".join(re.findall(r"#define TAMP_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header.read_text(encoding="utf-8"))))
