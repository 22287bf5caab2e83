"""The programs of the study write the same rows as CSV, JSON and Markdown.

    result_formats.py FOLDER TAMP_STUDY TAMP_REDUCE TAMP_STRUCTURE TAMP_PAYS
"""
import csv
import json
import math
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys

folder, study, reduce, structure, pays = map(pathlib.Path, sys.argv[1:])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)

FEW = ["--calibration", "4", "--evaluation", "20"]
RUNS = {  # the words of each program, its columns of words
    study: (["--score", "magnitude,wanda", "--pattern", "2:4", "--sparsity", "0.5,0.6", "--refine", "none,swaps:2"],
            ["score", "allocate", "pattern"]),
    reduce: (["--selector", "random,fitprune", "--budget", "0.6", "--visual", "ffn:0.2@3-5", "--timed", "0"],
             ["tokens", "visual", "drops", "leave"]),
    structure: (["--sparsity", "0.25", "--allocate", "uniform", "--single", "wanda", "--tokens", "2", "--rounds", "1"],
                ["what"]),
    pays: (["--method", "wanda", "--sparsity", "0.5", "--tokens", "2", "--rounds", "1", "--threads", "1"], ["form"]),
}


def places(program):
    return [folder / f"{program.name}.{form}" for form in ("csv", "json", "md")]


def run(program, *words, **options):
    return subprocess.run([program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


def options(program, *words):
    csv_file, json_file, markdown = places(program)
    return [*RUNS[program][0], *FEW, "--csv", csv_file, "--json", json_file, "--markdown", markdown, *words]


def rows_of_csv(path, words):
    """The settings, the fingerprints behind them, and the rows with numbers as numbers and None for nothing."""
    settings, *lines = path.read_text().splitlines()
    settings, _, fingerprints = settings.removeprefix("# ").partition("; fingerprints: ")
    rows = list(csv.DictReader(lines))
    for row in rows:
        for name in row.keys() - set(words):
            row[name] = None if row[name] == "" else float(row[name])
    return settings, fingerprints, rows


def readable(value):
    """A number as the Markdown has it."""
    if value is None:
        return "-"
    if isinstance(value, (str, int)):
        return str(value)
    return f"{value:.{0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 3}f}"


for program, (_, words) in RUNS.items():
    made = run(program, *options(program))
    assert made.returncode == 0, made.stdout
    if program == pays:
        steps = re.findall(r"step (\d+) of (\d+), (.*)", made.stdout)
        assert steps, made.stdout
        assert [int(step) for step, _, _ in steps] == list(range(1, int(steps[0][1]) + 1)), steps
        assert [steps[0][2], steps[1][2], steps[2][2], steps[-1][2]] == \
            ["loading the model", "storing dense float at 0.00", "judging dense float at 0.00", "generating text"], steps
    csv_file, json_file, markdown = places(program)
    settings, fingerprints, rows = rows_of_csv(csv_file, words)
    document = json.loads(json_file.read_text())
    assert rows and document["rows"] == rows, f"{rows}\nbecame\n{document['rows']}"
    assert document["settings"] == settings and settings.partition(";")[0] in made.stdout, settings
    assert document["program"] == program.name and document["made_with"].startswith("tamp "), document["made_with"]
    assert document["units"]["accuracy"] == "%", document["units"]
    for name in ("model-fingerprint", "data-fingerprint"):
        assert len(document["run"][name]) == 16, document["run"]
    # Only files that can be continued say what they were measured on.
    assert fingerprints == ("" if program in (structure, pays) else
                            "model {model-fingerprint}, data {data-fingerprint}".format(**document["run"])), fingerprints
    assert document["run"]["calibration"] == 4 and document["run"]["made-with"] == document["made_with"]
    table = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in markdown.read_text().splitlines() if line.startswith("|")]
    assert [name.partition(",")[0] for name in table[0]] == list(rows[0]), table[0]
    assert table[2:] == [[readable(cell) for cell in row.values()] for row in document["rows"]], markdown.read_text()
    # The Markdown has the run's file, which repeats it.
    text = markdown.read_text()
    (folder / "run.toml").write_text(text[text.index("```toml\n") + 8:text.rindex("```")])
    made = run(program, "--run", folder / "run.toml", "--csv", folder / "again.csv", "--json", folder / "again.json",
               "--markdown", folder / "again.md")
    assert made.returncode == 0, made.stdout
    again = json.loads((folder / "again.json").read_text())
    assert [row["accuracy"] for row in again["rows"]] == [row["accuracy"] for row in rows], again
    (folder / "again.csv").unlink()

# Typing errors are named in all programs, and a sparsity is a fraction.
for program in RUNS:
    wrong = run(program, "--calibraton", 4)
    assert wrong.returncode != 0, wrong.stdout
    assert wrong.stdout.startswith("--calibraton is no option. Did you mean --calibration?\n"), wrong.stdout
    if program != reduce:
        wrong = run(program, "--sparsity", "0.5,50")
        assert wrong.returncode != 0, wrong.stdout
        assert wrong.stdout.startswith("--sparsity: 50 is above 1: for 50 % write 0.5\n"), wrong.stdout
for program, option, typed, meant in ((study, "--pattern", "per_rwo", "per_row"), (study, "--method", "wandb", "wanda"),
                                      (reduce, "--selector", "fitprun", "fitprune"),
                                      (structure, "--single", "magnitud", "magnitude"),
                                      (pays, "--method", "sparsgpt", "sparsegpt")):
    wrong = run(program, option, typed)
    assert wrong.returncode != 0 and wrong.stdout.startswith(f"{option}: {typed} is not one of "), wrong.stdout
    assert wrong.stdout.split("\n")[0].endswith(f". Did you mean {meant}?"), wrong.stdout

# What was not measured is null: the error of masks that were not refined, the times of prompts that were not timed.
documents = {program: json.loads(places(program)[1].read_text()) for program in RUNS}
for row in documents[study]["rows"]:
    assert (row["error"] is None) == (" with " not in row["score"]), row
    assert row["error"] is None or 0 < row["error"] < 1, row
assert all(row["speedup"] is None and row["prefill_s"] is None for row in documents[reduce]["rows"])
# Defaults are in the description of the run, with their types.
assert documents[study]["run"]["seed"] == [0] and documents[study]["run"]["tokens"] == ["all"]
assert documents[reduce]["run"]["drop-layer"] == 1

# Kinds of questions that no scene asks for have no accuracy. Two scenes ask for two of the seven.
made = run(study, "--method", "magnitude", "--sparsity", "0.5", "--evaluation", "2", "--json", folder / "two.json")
assert made.returncode == 0, made.stdout
two = json.loads((folder / "two.json").read_text())["rows"][0]
assert sum(two[name] is None for name in documents[study]["units"] if name in two) == 5, two

# A run that goes on from the first rows of its CSV file ends with the same JSON.
csv_file, json_file, _ = places(study)
whole, before = csv_file.read_text(), json.loads(json_file.read_text())
csv_file.write_text("".join(whole.splitlines(keepends=True)[:5]) + "wanda,uni")
json_file.unlink()
made = run(study, *options(study))
assert made.returncode == 0 and "already in the CSV file" in made.stdout, made.stdout
after = json.loads(json_file.read_text())
for document in (before, after):
    for row in document["rows"]:
        for name in ("calibrate_s", "select_s", "apply_s"):
            assert math.isfinite(row.pop(name))
assert after == before, f"{before}\nbecame\n{after}"


# A run goes on from rows of the same model and data alone. Sparsities that differ little are rows of their own.
scenes = folder / "scenes.safetensors"
data = pathlib.Path(__file__).parents[2] / "examples" / "data" / "tiny_mllm"
for program in (study, reduce):
    continued = folder / f"continued_{program.name}.csv"
    same = ["--calibration", "4", "--evaluation", "4", "--csv", continued, "--evaluation-scenes", scenes]
    same += ["--score", "magnitude", "--pattern", "per_row", "--sparsity", "0.50001,0.50002"] if program == study else \
        ["--selector", "random", "--budget", "0.6", "--timed", "0"]
    shutil.copyfile(data / "tiny_eval.safetensors", scenes)
    made = run(program, *same)
    assert made.returncode == 0 and "already in the CSV file" not in made.stdout, made.stdout
    whole = continued.read_text()
    made = run(program, *same)
    assert made.returncode == 0 and "already in the CSV file" in made.stdout and continued.read_text() == whole, made.stdout
    shutil.copyfile(data / "tiny_calib.safetensors", scenes)
    refused = run(program, *same)
    assert refused.returncode == 1, refused.stdout
    assert f"{continued} holds rows of another model or other data: the data had the fingerprint " in refused.stdout, \
        refused.stdout
    assert continued.read_text() == whole
    model = folder / "tiny_mllm.safetensors"
    shutil.copyfile(data / "tiny_eval.safetensors", scenes)
    model.write_bytes((data / "tiny_mllm.safetensors").read_bytes()[:-1] + b"\0")  # a weight's last byte
    refused = run(program, *same, "--model", model, "--calibration-scenes", data / "tiny_calib.safetensors")
    assert refused.returncode == 1, refused.stdout
    assert f"{continued} holds rows of another model or other data: the model had the fingerprint " in refused.stdout, \
        refused.stdout
    # As files were before.
    continued.write_text(whole.replace(whole[whole.index("; fingerprints"):whole.index("\n")], ""))
    refused = run(program, *same)
    assert refused.returncode == 1 and f"{continued} holds rows of an earlier version" in refused.stdout, refused.stdout

# Nothing that is written replaces what is read, or another result.
shutil.copyfile(data / "tiny_mllm.safetensors", model)
(folder / "run.toml").write_text(f'model="{model}"\n')
others = {study: ["--densities", "--save-run"], reduce: ["--kept"], structure: ["--save-run"], pays: ["--save-run"]}
inputs = {model: model.read_bytes(), scenes: scenes.read_bytes(), folder / "run.toml": (folder / "run.toml").read_bytes()}
for program, more in others.items():
    for option in ["--csv", "--json", "--markdown", *more]:
        for name in [model, folder / "run.toml"] + ([scenes] if program in (study, reduce) else []):
            read = ["--run", folder / "run.toml", "--calibration-scenes", data / "tiny_calib.safetensors",
                    "--evaluation-scenes", scenes][:6 if program in (study, reduce) else 2]
            refused = run(program, *read, option, name)
            assert refused.returncode == 1, (option, name, refused.stdout)
            assert f"{option}: {name} is a file that the run reads; name another one" in refused.stdout, refused.stdout
            assert name.read_bytes() == inputs[name], (program, option, name)
        refused = run(program, "--csv" if option == "--json" else "--json", folder / "new", option, folder / "new")
        assert refused.returncode == 1 and f"both write {folder / 'new'}; name two files" in refused.stdout, refused.stdout
        assert not (folder / "new").exists()
for folders in (("--plans", "--reports"), ("--weights", "--masks")):
    refused = run(study, "--method", "wanda", folders[0], folder / "new", folders[1], folder / "new")
    assert refused.returncode == 1 and f"{folders[0]} and {folders[1]} both write" in refused.stdout, refused.stdout
pruned = folder / "pruned" / "magnitude-uniform-per_row-0-0.50.safetensors"
pruned.parent.mkdir()
shutil.copyfile(model, pruned)
refused = run(study, "--method", "magnitude", "--sparsity", "0.5", "--model", pruned, "--weights", pruned.parent,
              "--calibration-scenes", scenes, "--evaluation-scenes", scenes)
assert refused.returncode == 1 and f"--weights: {pruned} is a file that the run reads" in refused.stdout, refused.stdout
assert pruned.read_bytes() == model.read_bytes()

# Sparsities that differ little have files of their own.
made = run(study, "--score", "magnitude", "--pattern", "per_row", "--sparsity", "0.3,0.301,0.304", "--plan-only", "--plans",
           folder / "plans")
assert made.returncode == 0, made.stdout
assert sorted(path.name for path in (folder / "plans").iterdir()) == \
    [f"magnitude-uniform-per_row-0-{sparsity}.json" for sparsity in ("0.30", "0.301", "0.304")]

# The name of a model may be any bytes.
odd = os.fsencode(folder) + b"/caf\xe9\n_mllm.safetensors"
shutil.copyfile(data / "tiny_mllm.safetensors", odd)
for program in RUNS:
    named = [*RUNS[program][0], *FEW]
    if program in (study, reduce):
        named += ["--calibration-scenes", data / "tiny_calib.safetensors", "--evaluation-scenes", scenes]
    else:
        for purpose in ("calib", "eval"):
            shutil.copyfile(data / f"tiny_{purpose}.safetensors", folder / f"tiny_{purpose}.safetensors")
    found = [folder / f"odd.{form}" for form in ("csv", "json", "md", "toml")]
    for path in found:
        path.unlink(missing_ok=True)
    made = subprocess.run([program, *map(str, named), "--model", odd, "--csv", found[0], "--json", found[1], "--markdown",
                           found[2], "--save-run", found[3]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert made.returncode == 0, made.stdout
    csv_text, json_text, markdown_text, run_text = (path.read_text(encoding="utf-8") for path in found)
    assert csv_text.startswith("# caf\\xe9\\x0a_mllm.safetensors: accuracy"), csv_text
    document = json.loads(json_text)
    assert document["run"]["model"].endswith("/caf\ufffd\n_mllm.safetensors"), document["run"]
    assert document["settings"] == rows_of_csv(found[0], RUNS[program][1])[0]
    assert markdown_text.startswith("caf\\xe9\\x0a_mllm.safetensors: accuracy"), markdown_text
    if program in (study, reduce):
        assert run(program, "--run", found[3]).returncode == 0, run_text

# A place that cannot be written is refused before anything is measured, a full disk at the end.
def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))


few = ["--method", "magnitude", "--sparsity", "0.5", *FEW]
refused = run(study, *few, "--json", folder / "missing" / "a.json")
assert refused.returncode == 1 and "a.json: cannot be written" in refused.stdout, refused.stdout
assert "recipe" not in refused.stdout, refused.stdout
refused = run(study, *few, "--json", folder / "a", "--markdown", folder / "a")
assert refused.returncode == 1 and "--json and --markdown both write" in refused.stdout, refused.stdout
(folder / "full.json").write_text("older")
refused = run(study, *few, "--json", folder / "full.json", preexec_fn=full)
assert refused.returncode == 1 and "full.json: cannot be written" in refused.stdout, refused.stdout
assert (folder / "full.json").read_text() == "older"
# Results at the end: the others are written, and an older one stays whole.
for program in (structure, pays):
    refused = run(program, *FEW, "--csv", folder / "missing" / "a.csv")
    assert refused.returncode == 1 and "a.csv: cannot be written" in refused.stdout, refused.stdout
    assert "step" not in refused.stdout, refused.stdout
assert not list(folder.glob("*partial*")), list(folder.iterdir())
