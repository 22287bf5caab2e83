#!/usr/bin/env python3
"""Runs fuzz targets one after another and says what came of it.

    run.py PROGRAM FOLDER [--seconds 180] [TARGET ...]

FOLDER keeps, for each target, the inputs that reached something new (corpus/TARGET), so that the next
run continues, and the inputs that broke something (findings/). To see one again:
PROGRAM --target=TARGET INPUT. A target of which something is found goes on until its time is over.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

DICTIONARY = pathlib.Path(__file__).parent / "keys.dict"
MOST_FINDINGS = 5  # of one target in one run


def last(pattern, text, otherwise=0):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else otherwise


def fuzz(program, target, folder, seconds, environment):
    """Executions, coverage, and the names of what was found."""
    corpus, seeds, findings = folder / "corpus" / target, folder / "seeds" / target, folder / "findings"
    for each in (corpus, findings):
        each.mkdir(parents=True, exist_ok=True)
    subprocess.run([program, f"--target={target}", f"--seeds={seeds}"], check=True, env=environment)
    known, executions, coverage = set(findings.iterdir()), 0, 0
    end = time.monotonic() + seconds
    log = (folder / f"{target}.log").open("w")
    for _ in range(MOST_FINDINGS):
        left = max(1, round(end - time.monotonic()))
        run = subprocess.run(
            [program, f"--target={target}", f"-max_total_time={left}", "-timeout=120",
             "-report_slow_units=120", "-rss_limit_mb=2048", "-malloc_limit_mb=512", f"-dict={DICTIONARY}", "-print_final_stats=1",
             f"-artifact_prefix={findings}/{target}-", corpus, seeds],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
            env=environment)
        log.write(run.stdout)
        executions += last(r"number_of_executed_units: *(\d+)", run.stdout)
        coverage = max(coverage, last(r"cov: (\d+)", run.stdout))
        if run.returncode == 0 or time.monotonic() >= end:
            break
    new = sorted(set(findings.iterdir()) - known)
    if run.returncode != 0 and not new:
        new = [pathlib.Path(log.name)]
    return executions, coverage, new


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("program")
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("targets", nargs="*")
    options.add_argument("--seconds", type=float, default=180)
    chosen = options.parse_intermixed_args()
    known = subprocess.run([chosen.program, "--list"], check=True, capture_output=True, text=True)
    targets = chosen.targets or known.stdout.split()
    broken = []
    print(f"{'target':26}{'executions':>12}{'coverage':>10}{'findings':>10}", flush=True)
    memory = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as scratch:
        environment = {**os.environ, "TMPDIR": scratch}
        for target in targets:
            executions, coverage, new = fuzz(chosen.program, target, chosen.folder, chosen.seconds,
                                             environment)
            print(f"{target:26}{executions:12}{coverage:10}{len(new):10}", flush=True)
            broken += new
    for finding in broken:
        print(f"found: {finding}")
    sys.exit(1 if broken else 0)


main()
