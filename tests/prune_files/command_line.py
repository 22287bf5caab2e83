#!/usr/bin/env python3
"""command_line.py TAMP_PRUNE FOLDER: options that cannot be used, or not together, are a sentence, and nothing is written."""
import pathlib
import shutil
import subprocess
import sys

program, folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
PERMUTE = ("--permute", "--pattern", "2:4")


def refusals(text):
    """Options, and the sentence about them."""
    # Typing errors. What follows an option that does not exist is not what is wrong.
    for typed, meant in (("--sparsty", "--sparsity"), ("-sparsity", "--sparsity"), ("--save-statistic", "--save-statistics"),
                         ("--imatrx", "--imatrix"), ("--dryrun", "--dry-run"), ("--retyp", "--retype")):
        yield (typed, "0.5"), f"{typed} is no option. Did you mean {meant}?"
    yield ("--sparsty=0.5",), "--sparsty is no option. Did you mean --sparsity?"
    yield ("--frobnicate", "--score", "ria"), "--frobnicate is no option."
    yield ("--score", "wnada"), \
        "--score: wnada is not one of magnitude, wanda, ria, flap, reap. Did you mean wanda?"
    yield ("--score", "best"), "--score: best is not one of magnitude, wanda, ria, flap, reap"
    yield ("--pattern", "3:4"), \
        "--pattern: 3:4 is not one of per_row, per_tensor, 1:2, 1:4, 2:4, 4:8, 8:16, mixed:8, block:16x1, block:1x16"
    # A sparsity is a fraction.
    yield ("--sparsity", "50"), "--sparsity: 50 is above 1: for 50 % write 0.5"
    yield ("--sparsity", "1.5"), "--sparsity: 1.5 is above 1: for 1.5 % write 0.015"
    yield ("--sparsity", "62.5%"), "--sparsity: 62.5% is no number: for 62.5 % write 0.625"
    for number in ("101", "-0.5", "nan", "half", "0.5x"):
        yield (f"--sparsity={number}",), f"--sparsity: {number} is no number from 0 to 1"
    yield ("--structure", "neurons", "--allocate", "lamp"), \
        "--structure knows --allocate uniform, owl, das and global, not lamp"
    for allocation in ("owl", "das", "global"):
        yield ("--structure", "layers:1,experts:0.5", "--allocate", allocation, "--text", text), \
            f"--allocate {allocation} takes more of some blocks than of others: it is for heads, query-heads and " \
            "neurons, and --structure names none of them"
    yield ("--structure", "heads", "--allocate", "das"), \
        "--allocate das looks at how much the tokens of outputs differ: it needs --text"
    # What would be ignored is refused.
    yield ("--structure", "neurons:0.25,layers:1", "--sparsity", "0.9"), \
        "--sparsity is for units without an amount, and --structure names one for each: leave it out, or leave out " \
        "the amounts"
    yield ("--structure", "heads:0.5", "--multiple", "64"), \
        "--multiple rounds the width of FFNs, and --structure names no neurons"
    yield ("--structure", "heads:0.5", "--score", "magnitude", "--statistics", text), \
        "--score magnitude does not look at statistics"
    for allocation in ("das", "global"):
        yield ("--allocate", allocation), f"--allocate {allocation} goes with --structure"
    for score in ("flap", "reap"):
        yield ("--score", score), f"--score {score} goes with --structure"
    yield (*PERMUTE, "--memory", "2G"), \
        "--memory bounds runs that drop weights, layer by layer: --permute holds one down or o as floats, three times " \
        "as many as it has, and keeps to no bound"
    yield (*PERMUTE, "--sparsity", "0.5"), \
        "--sparsity is for weights that are dropped, and --permute moves channels"
    yield ("--permute",), \
        "--permute needs an N:M pattern, such as --pattern 2:4: no other depends on which inputs are neighbours"
    for option in ((), ("--dry-run",)):
        yield ("--refine", "repair", *option), \
            "--refine repair looks at what the layers see: it needs --text, or --statistics with a calibration"
        yield ("--refine", "swap:3", "--text", text, *option), \
            "--refine: there is no refinement 'swap:3'; there are swaps:25 (any number from 1 on), repair, " \
            "swaps:25+repair and dsnot"


shutil.rmtree(folder, ignore_errors=True)
(folder / "model").mkdir(parents=True)
(folder / "text").write_text("a text")
for options, sentence in refusals(str(folder / "text")):
    done = subprocess.run([program, str(folder / "model"), "--out", str(folder / "out"), *options],
                          capture_output=True, text=True)
    assert done.returncode != 0 and done.stderr.split("\n")[0] == sentence, (options, done.stderr)
    assert sorted(path.name for path in folder.iterdir()) == ["model", "text"], options
# An option that does not exist is named before one that is missing, and before a file that its value is taken for.
for words, sentences in (((folder / "model", "--ot", folder / "out"), ["--ot is no option. Did you mean --out?"]),
                         (("--sparsty", "0.5", folder / "model", "--out", folder / "out", "--scor", "ria"),
                          ["--sparsty is no option. Did you mean --sparsity?",
                           "--scor is no option. Did you mean --score?"])):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    assert done.returncode != 0 and done.stderr.split("\n") == \
        [*sentences, "Run with --help for more information.", ""], (words, done.stderr)
# Options that can be used together are read, and the model, which is empty, is what is wrong.
for options in (("--structure", "neurons:0.2,layers:1", "--allocate", "owl"),
                ("--structure", "heads:1", "--allocate", "das", "--text", str(folder / "text")), PERMUTE):
    done = subprocess.run([program, str(folder / "model"), "--out", str(folder / "out"), *options],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "has no safetensors file" in done.stderr, (options, done.stderr)
shutil.rmtree(folder)
print("all sentences are as they should be")
