"""A run of the study that is saved in a file and repeated from it.

    run_file.py TAMP_STUDY FOLDER
"""

import os
import pathlib
import resource
import shutil
import subprocess
import sys

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
evaluation = pathlib.Path(__file__).parents[2] / "examples/data/tiny_mllm/tiny_eval.safetensors"
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
assert text.startswith("# tamp_study, tamp ") and "save-run" not in text, text
# Options that were given, defaults, fingerprints of the model and the scenes, and versions.
for line in ("sparsity=[0.5, 0.6]", "seed=[0]", 'model-fingerprint="', 'data-fingerprint="', 'made-with="tamp '):
    assert f"\n{line}" in text, text

# Another file of rows, by an option that stands beside the file's.
again = study("--run", run, "--csv", second)
assert again.returncode == 0 and "was made with" not in again.stdout, again.stdout
assert rows(first) == rows(second), f"{rows(first)}\nbecame\n{rows(second)}"

# What the run file says of itself is what a run of it says again.
third = folder / "third.toml"
again = study("--run", run, "--save-run", third)
assert again.returncode == 0 and third.read_text() == text, f"{text}\nbecame\n{third.read_text()}"

# A full disk is an error that leaves an older file whole.
def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


lost = subprocess.run([program, "--run", run, "--save-run", third], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                      text=True, check=False, preexec_fn=full)
assert lost.returncode == 1 and "third.toml: cannot be written: File too large" in lost.stdout, lost.stdout
assert third.read_text() == text and not list(folder.glob("*partial*"))
# Nor is one the place of what the run reads.
lost = study("--run", run, "--save-run", run)
assert lost.returncode == 1 and f"--save-run: {run} is a file that the run reads" in lost.stdout, lost.stdout
assert run.read_text() == text

# What can be read but once has no fingerprint.
pipe = folder / "pipe"
os.mkfifo(pipe)
lost = study("--evaluation-scenes", pipe, "--csv", folder / "new.csv")
assert lost.returncode != 0 and f"{pipe} can be read once, and files of results have its fingerprint" in lost.stdout, lost.stdout
pipe.unlink()

# Another model, or other scenes, are not what the run describes.
for what, said in (("model", "tiny_mllm.safetensors has the fingerprint"),
                   ("data", "tiny_eval.safetensors) has the fingerprint")):
    mark = text.index(f"{what}-fingerprint=") + len(f'{what}-fingerprint="')
    run.write_text(text[:mark] + ("1" if text[mark] == "0" else "0") + text[mark + 1:])
    refused = study("--run", run)
    assert refused.returncode != 0 and said in refused.stdout, refused.stdout

# Other versions repeat it, and say so.
run.write_text(text.replace('made-with="tamp ', 'made-with="tamp 0.0, once '))
again = study("--run", run)
assert again.returncode == 0 and "the run was made with tamp 0.0, once " in again.stdout, again.stdout

# A name that the program does not know is no silent default, nor is what cannot be read.
for line, sentence in (('methods="wanda"', "--run: methods is no option. Did you mean method?"),
                       ("frobnicate=1", "--run: frobnicate is no option."),
                       ('model="tiny"', f"--run: line {len(text.splitlines()) + 1}: model is there twice"),
                       ('text="a', f"--run: line {len(text.splitlines()) + 1}: the text has no end: \" is missing"),
                       ("save-run=a", "save-run: This option is not allowed in a configuration file"),
                       ("layers=maybe", "Could not convert: --layers = maybe")):
    run.write_text(text + line + "\n")
    refused = study("--run", run)
    assert refused.returncode != 0 and refused.stdout.startswith(sentence + "\n"), (line, refused.stdout)

# Names of files may have all that TOML and shells care about.
for name in (" a # b ", 'a "b"', "it's", "back\\slash\\n", "[a, b]", "a=b", "#", "'\"", "line\nend", "\u00e9"):
    scenes, table, saved = folder / f"{name}.scenes", folder / f"{name}.csv", folder / f"{name}.toml"
    scenes.write_bytes(evaluation.read_bytes())
    made = study("--score", "magnitude", "--pattern", "per_row", "--sparsity", "0.5", "--calibration", 2, "--evaluation", 5,
                 "--evaluation-scenes", scenes, "--csv", table, "--save-run", saved)
    assert made.returncode == 0, (name, made.stdout)
    before = rows(table)
    table.unlink()
    again = study("--run", saved, "--save-run", third)
    assert again.returncode == 0 and third.read_text() == saved.read_text(), (name, again.stdout)
    assert rows(table) == before, (name, before)
# A file of one's own, with a comment, blanks, a list over two lines and one without brackets.
run.write_text("# my run\n\n  method = magnitude, wanda  # two\nsparsity = [\n  0.5,\n  0.6,\n]\npattern='per_row', 2:4\n"
               f"calibration=4\nevaluation=20\nlayers=true\ncsv='{folder / 'own.csv'}'\n")
own = study("--run", run)
assert own.returncode == 0 and "q_proj" in own.stdout, own.stdout
assert [line.split(",")[:4] for line in rows(folder / "own.csv")] == [line.split(",")[:4] for line in rows(first)]
