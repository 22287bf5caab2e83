"""A run of the study that is saved in a file and repeated from it.

    run_file.py TAMP_STUDY FOLDER
"""

import pathlib
import shutil
import subprocess
import sys

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
run, first, second = folder / "run.toml", folder / "first.csv", folder / "second.csv"


def study(*arguments):
    return subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def rows(path):
    """The rows without their seconds."""
    return [line.rsplit(",", 3)[0] for line in path.read_text().splitlines()]


made = study("--method", "magnitude,wanda", "--sparsity", "0.5,0.6", "--calibration", 4, "--evaluation", 20,
             "--csv", first, "--save-run", run)
assert made.returncode == 0, made.stdout
text = run.read_text()
assert text.startswith("# tamp ") and "model-fingerprint=" in text and "save-run" not in text, text

# Another file of rows, by an option that stands beside the file's.
again = study("--run", run, "--csv", second)
assert again.returncode == 0, again.stdout
assert rows(first) == rows(second), f"{rows(first)}\nbecame\n{rows(second)}"

# Another model is not what the run describes.
mark = text.index("model-fingerprint=") + len('model-fingerprint="')
run.write_text(text[:mark] + ("1" if text[mark] == "0" else "0") + text[mark + 1:])
refused = study("--run", run)
assert refused.returncode != 0 and "has the fingerprint" in refused.stdout, refused.stdout

# A name that the program does not know is no silent default.
run.write_text(text + 'methods="wanda"\n')
refused = study("--run", run)
assert refused.returncode != 0, refused.stdout
