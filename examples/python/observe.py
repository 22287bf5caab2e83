#!/usr/bin/env python3
"""Column norms of a transformers model's linear layers, for tamp.

    pip install torch transformers safetensors
    python3 observe.py MODEL TEXT_FILE --tokens 65536 --output norms.safetensors

A hook on each torch.nn.Linear, and each Conv1D of GPT-2, adds up the squares of what goes in. With x_tj
feature j of token t, all in float64:

    norm_j = sqrt(sum_t x_tj^2 / tokens)

This is what Wanda multiplies |W_ij| by, but for a factor that all weights share. The file has a tensor
NAME.weight of (columns,) for each layer and NAME.weight.tokens with the number of tokens; tamp::io::read_norms
reads it (docs/concepts/files.md). The model is of the class that its config.json names first, so that weights
have the names that they have in its files. A layer that saw no token, such as an expert that was never chosen, gets
ones, so that the magnitude of its weights decides.
"""
import argparse

import numpy as np


def write_norms(path, sums, tokens, **about):
    """Sums of squares and numbers of tokens by the names of weights, as tamp reads them."""
    from safetensors.numpy import save_file
    tensors = {}
    for name, squares in sums.items():
        seen = tokens[name]
        tensors[name] = np.sqrt(squares / seen) if seen else np.ones_like(squares)
        tensors[f"{name}.tokens"] = np.array([seen], dtype=np.int64)
    save_file(tensors, path, metadata={"format": "tamp column norms", "version": "1", **about})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a name or folder, as transformers takes it")
    parser.add_argument("text", help="a file with calibration text")
    parser.add_argument("--tokens", type=int, default=65536, help="how many tokens of it, at most")
    parser.add_argument("--context", type=int, default=2048, help="how many at a time")
    parser.add_argument("--device", default="cpu", help="where the model runs, such as cuda")
    parser.add_argument("--output", default="norms.safetensors")
    options = parser.parse_args()
    import torch
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.pytorch_utils import Conv1D

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    named = AutoConfig.from_pretrained(options.model).architectures or [""]
    kind = getattr(transformers, named[0], AutoModelForCausalLM)
    model = kind.from_pretrained(options.model, torch_dtype="auto").to(options.device).eval()
    sums, tokens = {}, {}

    def observe(name, features):
        def hook(module, inputs):
            x = inputs[0].detach().reshape(-1, features).double()
            sums[name] += x.square().sum(0).cpu().numpy()
            tokens[name] += len(x)
        return hook

    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, Conv1D)):  # Conv1D holds (in, out), Linear (out, in)
            features = module.weight.shape[0 if isinstance(module, Conv1D) else 1]
            sums[f"{name}.weight"], tokens[f"{name}.weight"] = np.zeros(features), 0
            module.register_forward_pre_hook(observe(f"{name}.weight", features))
    with open(options.text, encoding="utf-8") as file:
        ids = tokenizer(file.read(), return_tensors="pt").input_ids[:, :options.tokens]
    context = min(options.context, getattr(model.config, "max_position_embeddings", None) or options.context)
    with torch.inference_mode():
        for chunk in ids.split(context, dim=1):
            model(chunk.to(options.device))
    write_norms(options.output, sums, tokens, model=options.model, text=options.text)
    print(f"{options.output}: norms of {len(sums)} weights over {ids.shape[1]} tokens")


if __name__ == "__main__":
    main()
