#!/usr/bin/env python3
"""Draws new scenes for an embedded model, as its evaluation and calibration scenes were drawn.

    python3 examples/study/scenes.py FOLDER [--model tiny_mllm] [--seed 18] [--evaluation 2000] [--calibration 512]

FOLDER gets fresh_eval.safetensors, scenes of held-out digits, and fresh_calib.safetensors, scenes of training
digits. For video_mllm the numbers are of questions, of which two ask about one picture of the evaluation. Needs
numpy, torch and scikit-learn.
"""
import argparse
import json
import pathlib
import random
import sys

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"


def tiny_scenes(count, digits, held_out, seed):
    import export
    import train
    bank = train.build_bank(digits, 1, random.Random(seed))
    images, questions, lengths, answers, kinds = export.eval_scenes(count, bank, 100000 + seed)
    return dict(images=images, question_ids=questions, question_length=lengths, answers=answers, kind=kinds)


def video_scenes(count, digits, held_out, seed):
    import export
    import world
    bank, questions = world.build_bank(digits, 1, random.Random(seed)), 2 if held_out else 1
    return export.scenes(-(-count // questions), questions, bank, 100000 + seed)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--model", choices=("tiny_mllm", "video_mllm"), default="tiny_mllm")
    options.add_argument("--seed", type=int, default=18)
    options.add_argument("--evaluation", type=int, default=2000)
    options.add_argument("--calibration", type=int, default=512)
    arguments = options.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(DATA / arguments.model))
    import export
    if arguments.model == "tiny_mllm":
        import train as world
        draw = tiny_scenes
    else:
        import world
        draw = video_scenes
    training, held_out = world.digit_split()
    for name, count, digits, seed in (
            ("fresh_eval", arguments.evaluation, held_out, 2 * arguments.seed),
            ("fresh_calib", arguments.calibration, training, 2 * arguments.seed + 1)):
        path = arguments.folder / f"{name}.safetensors"
        export.write_safetensors(
            path, draw(count, digits, digits is held_out, seed),
            dict(kinds=json.dumps(world.KINDS), vocab=json.dumps(world.WORDS),
                 split="held-out digits" if digits is held_out else "training digits"))
        print(path)


if __name__ == "__main__":
    main()
