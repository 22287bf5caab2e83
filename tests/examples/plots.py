"""Figures of what tamp_study and tamp_reduce measure. Ends with 77 where matplotlib is missing.

    plots.py REPOSITORY FOLDER TAMP_STUDY TAMP_REDUCE
"""
import importlib.util
import pathlib
import shutil
import subprocess
import sys

repository, folder, study, reduce = map(pathlib.Path, sys.argv[1:])
if importlib.util.find_spec("matplotlib") is None:
    print("there is no matplotlib")
    sys.exit(77)
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
FEW = ["--calibration", "4", "--evaluation", "40"]


def run(*words):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def plot(*words, out="figures"):
    return run(sys.executable, repository / "examples" / "study" / "plot.py", *words, "--out", folder / out)


def drawn(made, *names, out="figures"):
    """The figures that a run has drawn, as text."""
    assert made.returncode == 0, made.stdout
    assert made.stdout.splitlines() == [str(folder / out / f"{name}.svg") for name in names], made.stdout
    return [(folder / out / f"{name}.svg").read_text() for name in names]


def refused(sentence, made):
    assert made.returncode == 1 and made.stdout.startswith("plot.py: ") and sentence in made.stdout, made.stdout


made = run(study, "--score", "magnitude,wanda", "--allocate", "uniform,owl", "--pattern", "per_row,2:4", "--sparsity",
           "0.5,0.7", "--seed", "1,2", "--refine", "none,swaps:2", "--csv", folder / "study.csv", "--json",
           folder / "study.json", "--reports", folder / "reports", "--plans", folder / "plans", "--densities",
           folder / "densities.csv", *FEW)
assert made.returncode == 0, made.stdout
made = run(reduce, "--selector", "random,dart", "--budget", "0.8,0.4", "--visual", "ffn:0.2@3-5", "--timed", "0",
           "--csv", folder / "reduce.csv", *FEW)
assert made.returncode == 0, made.stdout

# Everything that there are data for, with a line for each recipe and a band over its seeds.
quality, kinds = drawn(plot(folder / "study.csv"), "quality_by_sparsity", "quality_by_question")
for name in ("magnitude", "wanda", "wanda + owl", "wanda with swaps:2", "wanda, 2:4", "dense"):
    assert f">{name}<" in quality, name
assert "FillBetweenPolyCollection" in quality or "PolyCollection" in quality
assert ">count<" in kinds and ">50 %<" in kinds and ">70 %<" in kinds
# A white ground, which can be read on dark pages.
assert "fill: #ffffff" in quality
# The same figures of JSON, to the byte.
assert drawn(plot(folder / "study.json", out="json"), "quality_by_sparsity", "quality_by_question", out="json") == \
    [quality, kinds]
# One quality, and some rows.
some, = drawn(plot(folder / "study.csv", "--kind", "sparsity", "--column", "count", "--only", "score=wanda,magnitude",
                   "--only", "allocate=uniform"), "quality_by_sparsity")
assert ">count, %<" in some and ">wanda<" in some and "owl" not in some and "swaps" not in some

# Layers: the sparsities of reports and plans, errors that refinements left, similarities.
layers = drawn(plot(folder / "reports", folder / "densities.csv"), "sparsity_by_layer", "error_by_layer",
               "similarity_by_layer")
assert ">gate<" in layers[0] and ">block 5<" in layers[0] and "wanda_with_swaps_2-owl-per_row-1-0.50" in layers[0]
assert "wanda_with_swaps_2-owl-per_row-1-0.50" in layers[1] and ">wanda-owl-per_row-1-0.50<" not in layers[1]
plan = next((folder / "plans").glob("wanda-owl*"))
drawn(plot(plan, "--kind", "layer"), "sparsity_by_layer")

# Visual tokens: against the multiply-adds.
tokens, _ = drawn(plot(folder / "reduce.csv"), "quality_by_sparsity", "quality_by_question")
assert ">multiply-adds, %<" in tokens and ">dart<" in tokens and ">ffn:0.2@3-5<" in tokens

refused("study.csv has no column 'perplexity'", plot(folder / "study.csv", "--column", "perplexity"))
refused("has no pruned row with score=ria", plot(folder / "study.csv", "--only", "score=ria"))
refused("--only wants COLUMN=VALUE", plot(folder / "study.csv", "--only", "ria"))
refused("study.csv has no column 'method'", plot(folder / "study.csv", "--only", "method=ria"))
refused("are of different settings", plot(folder / "study.csv", folder / "reduce.csv"))
# Rows of the same settings, but of another model. JSON has the fingerprints, too; files of earlier versions have none.
text = (folder / "study.csv").read_text()
mark = text.index("; fingerprints: model ")
(folder / "other.csv").write_text(text[:mark] + "; fingerprints: model 0123456789abcdef" + text[mark + 38:])
for name in ("study.csv", "study.json"):
    refused("are of different models or data: their fingerprints are", plot(folder / name, folder / "other.csv"))
(folder / "other.csv").write_text(text[:mark] + text[text.index("\n"):])
drawn(plot(folder / "study.csv", folder / "other.csv", "--kind", "sparsity"), "quality_by_sparsity")
refused("there is no plan, report or file of densities", plot(folder / "study.csv", "--kind", "layer"))
refused("a figure by question needs a file", plot(plan, "--kind", "question"))
refused("cannot be read", plot(folder / "nothing.csv"))
(folder / "text.csv").write_text("score,allocate,pattern,seed,asked,achieved,perplexity,error\n"
                                 "wanda,uniform,per_row,0,0.5,0.5,40,\n")
refused("has no kinds of questions; its qualities are perplexity", plot(folder / "text.csv", "--kind", "question"))
(folder / "text.csv").write_text("score,allocate,pattern,seed,asked,achieved,perplexity,error\n")
refused("has no rows of results", plot(folder / "text.csv"))
(folder / "plan.json").write_text('{"layers": [{"name": "q", "sparsity": 0.5}]}')
refused("plan.json is no plan or report", plot(folder / "plan.json"))
(folder / "nothing").mkdir()
refused("has no plan or report", plot(folder / "nothing"))
