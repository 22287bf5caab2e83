#!/usr/bin/env python3
"""Draws new scenes for the embedded model, as its evaluation and calibration scenes were drawn.

    python3 examples/study/scenes.py FOLDER [--seed 18] [--evaluation 2000] [--calibration 512]

FOLDER gets fresh_eval.safetensors, scenes of held-out digits, and fresh_calib.safetensors, scenes of training
digits. Needs numpy, torch and scikit-learn.
"""
import argparse
import json
import pathlib
import random
import sys

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "tiny_mllm"
sys.path.insert(0, str(DATA))

import export  # noqa: E402
import train  # noqa: E402


def write(path, scenes, split):
    images, questions, lengths, answers, kinds = scenes
    export.write_safetensors(
        path, dict(images=images, question_ids=questions, question_length=lengths, answers=answers, kind=kinds),
        dict(kinds=json.dumps(train.KINDS), vocab=json.dumps(train.WORDS), split=split))
    print(path)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--seed", type=int, default=18)
    options.add_argument("--evaluation", type=int, default=2000)
    options.add_argument("--calibration", type=int, default=512)
    arguments = options.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    training, held_out = train.digit_split()
    for name, count, digits, seed in (
            ("fresh_eval", arguments.evaluation, held_out, 2 * arguments.seed),
            ("fresh_calib", arguments.calibration, training, 2 * arguments.seed + 1)):
        bank = train.build_bank(digits, 1, random.Random(seed))
        write(arguments.folder / f"{name}.safetensors", export.eval_scenes(count, bank, 100000 + seed),
              "held-out digits" if digits is held_out else "training digits")


if __name__ == "__main__":
    main()
