"""The command line of the checks that take models apart: PROGRAM FOLDER [ARCHITECTURE...]."""

import pathlib
import shutil
import sys


def run_all(kinds, check):
    """Calls check(name, program, folder) for each architecture named, or for all kinds, with an empty folder of its
    own. Prints the problems that it returns. Returns true if there are any."""
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    failed = False
    for name in sys.argv[3:] or kinds:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
        for problem in check(name, program, folder / name):
            print(f"{name}: {problem}")
            failed = True
    return failed
