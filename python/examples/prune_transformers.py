"""Prunes a model of transformers: hooks show tamp what each linear layer sees.

    python prune_transformers.py FOLDER OUT [--text FILE] [--sparsity 0.5] [--pattern per_row]

FOLDER is a model as save_pretrained writes it, OUT where the pruned one goes.
"""

import argparse

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import tamp


def prune(model, samples, recipe):
    """Observes the dense model on samples of token numbers, and prunes it in place."""
    linear = {f"{name}.weight": module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    kind = tamp.Gram if recipe.score == "sparsegpt" else tamp.ColumnNorm
    seen = {name: kind() for name in linear}
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].add(inputs[0]) and None)
        for name, module in linear.items()
    ]
    with torch.no_grad():
        for sample in samples:
            model(sample[None])
    for hook in hooks:
        hook.remove()
    weights = {name: module.weight for name, module in linear.items()}
    return tamp.prune_model(weights, seen, recipe)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder")
    parser.add_argument("out")
    parser.add_argument("--text", help="what the model reads; random tokens otherwise")
    parser.add_argument("--sparsity", type=float)
    parser.add_argument("--pattern", default="per_row")
    options = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype="auto")
    if options.text:
        tokenizer = AutoTokenizer.from_pretrained(options.folder)
        with open(options.text, encoding="utf-8") as file:
            samples = tokenizer(file.read(), return_tensors="pt").input_ids[0].split(512)
    else:
        samples = torch.randint(model.config.vocab_size, (8, 64))
    report = prune(model, samples, tamp.wanda(options.sparsity, options.pattern))
    model.save_pretrained(options.out)
    print(f"{len(report.layers)} layers, {report.sparsity:.1%} dropped, saved in {options.out}")


if __name__ == "__main__":
    main()
