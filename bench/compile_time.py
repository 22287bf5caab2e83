#!/usr/bin/env python3
"""The time that a user needs to compile tamp.

    python3 bench/compile_time.py [--compiler g++-12] [--flags="-O2"] [--repetitions 5] [--json FILE]

Compiles the quick-start program of README.md, and files that include some of tamp's headers and do
nothing else. Beside each stands its floor: a file that includes the headers of others alone (the C++
library, Eigen) that the program and tamp include. Programs and floors are compiled in turn; medians
of processor seconds, which other work on the machine disturbs less than the clock.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
INCLUDE = ROOT / "include"
HEADER_SETS = {
    "tamp.hpp": ["tamp.hpp"],
    "Wanda, 2:4, select": ["pattern/n_of_m.hpp", "prune/compose.hpp", "prune/observe.hpp",
                           "prune/select.hpp", "score/wanda.hpp"],
    "token/attention_top_k.hpp": ["token/attention_top_k.hpp"],
    "stat/column_norm.hpp": ["stat/column_norm.hpp"],
    "model/host.hpp": ["model/host.hpp"],
    "view.hpp": ["tensor/view.hpp"],
    "adapt/eigen.hpp": ["adapt/eigen.hpp"],
    "score/sparsegpt.hpp": ["score/sparsegpt.hpp"],
    "io/safetensors.hpp": ["io/safetensors.hpp"],
    "io/gguf.hpp": ["io/gguf.hpp"],
}


def quick_start():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"^```cpp\n(.*?)^```$", readme, re.M | re.S).group(1)


def including(lines):
    return "".join(f"#include {line}\n" for line in lines) + "int main() {}\n"


def headers_of_others(compile_command, source):
    """The headers that are not tamp's, as the source and tamp's headers include them first."""
    run = subprocess.run([*compile_command, "-H", "-fsyntax-only", source], capture_output=True,
                         text=True, check=True)
    found, ours = [], {0: True}  # whether the last file at this depth is the source or tamp's
    for dots, name in re.findall(r"^(\.+) (.+)$", run.stderr, re.M):
        depth, path = len(dots), pathlib.Path(name).resolve()
        ours[depth] = ours[depth - 1] and path.is_relative_to(INCLUDE)
        if ours[depth - 1] and not ours[depth]:
            found.append(path)
    return found


def seconds_and_mebibytes(compile_command, source):
    """Of one compilation: processor time, largest memory."""
    process = subprocess.Popen([*compile_command, "-c", "-o", f"{source}.o", source])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{source} does not compile")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(compile_command, folder, repetitions):
    programs = {"README, quick start": quick_start(), "empty main": including([])}
    for name, headers in HEADER_SETS.items():
        programs[name] = including(f"<tamp/{header}>" for header in headers)
    jobs = {}  # (program, "program" or "floor"): source
    for number, (name, text) in enumerate(programs.items()):
        source = folder / f"program{number}.cpp"
        source.write_text(text, encoding="utf-8")
        floor = folder / f"floor{number}.cpp"
        others = headers_of_others(compile_command, source)
        floor.write_text(including(f'"{path}"' for path in others), encoding="utf-8")
        jobs[name, "program"], jobs[name, "floor"] = source, floor
    measured = {job: [] for job in jobs}
    for _ in range(repetitions):
        for job, source in jobs.items():
            measured[job].append(seconds_and_mebibytes(compile_command, source))

    def row(name):
        result = {"name": name}
        for kind in ("program", "floor"):
            seconds, mebibytes = zip(*measured[name, kind])
            result[kind] = {"seconds": statistics.median(seconds), "all_seconds": seconds,
                            "peak_mib": max(mebibytes)}
        return result

    return [row(name) for name in programs]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", default="g++-12")
    parser.add_argument("--flags", default="-O2", help="besides -std=c++20 (default: -O2)")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--eigen", default="/usr/include/eigen3", help="where Eigen's headers are")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures to this file, too")
    options = parser.parse_args()

    flags = ["-std=c++20", *options.flags.split()]
    command = [options.compiler, *flags, f"-I{INCLUDE}", f"-isystem{options.eigen}"]
    version = subprocess.run([options.compiler, "--version"], capture_output=True, text=True,
                             check=True).stdout.splitlines()[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(command, pathlib.Path(folder), options.repetitions)

    print(f"{version}, {' '.join(flags)}, median of {options.repetitions}\n")
    print("| | seconds | headers of others alone | tamp's share | MiB |\n|---|---|---|---|---|")
    for row in rows:
        seconds, floor = row["program"]["seconds"], row["floor"]["seconds"]
        print(f"| {row['name']} | {seconds:.2f} | {floor:.2f} | {seconds - floor:.2f} | "
              f"{row['program']['peak_mib']:.0f} |")
    if options.json:
        options.json.write_text(json.dumps(
            {"compiler": version, "flags": flags, "repetitions": options.repetitions,
             "programs": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
