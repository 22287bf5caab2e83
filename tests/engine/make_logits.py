#!/usr/bin/env python3
"""Writes tests/examples/logits.json: logits that transformers computes of tiny models.

    make_logits.py OUT

The models are those of tests/examples/architectures.cpp. Their weights are numbers that follow from their names,
so that no file has to hold them.
"""

import json
import sys

import numpy as np
import torch
import transformers

SIZES = dict(vocab_size=20, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=128, attn_implementation="eager", rms_norm_eps=1e-5)
MODELS = {
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM,
              dict(num_hidden_layers=2, tie_word_embeddings=False)),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM,
              dict(num_hidden_layers=2, tie_word_embeddings=True, rope_theta=1e6)),
    "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM,
              dict(num_hidden_layers=2, tie_word_embeddings=False, head_dim=12, rope_theta=1e6)),
    "gemma3": (transformers.Gemma3TextConfig, transformers.Gemma3ForCausalLM,
               dict(num_hidden_layers=7, tie_word_embeddings=True, head_dim=16, query_pre_attn_scalar=16,
                    sliding_window=5, rope_theta=1e6)),
}
LENGTHS = (1, 6, 40, 100)


def numbers(name, shape):
    """Between -1/2 and 1/2: FNV-1a of the name, then MurmurHash3's mixing of it plus the place."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = (seed + np.arange(np.prod(shape), dtype=np.uint64)).astype(np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    x ^= x >> np.uint32(16)
    return (((x >> np.uint32(8)).astype(np.float32) - 2**23) * np.float32(2**-24)).reshape(shape)


def logits(architecture):
    config, model, settings = MODELS[architecture]
    model = model(config(**(SIZES | settings))).float().eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            # Gemma adds the 1 itself.
            one = 1 if "norm" in name and architecture != "gemma3" else 0
            weight.copy_(torch.from_numpy(numbers(name, tuple(weight.shape)) + np.float32(one)))
        rows = []
        for length in LENGTHS:
            tokens = torch.tensor([[(t * t + 3 * t + 1) % 20 for t in range(length)]])
            rows.append([float(f"{x:.7g}") for x in model(tokens).logits[0, -1].tolist()])
    return rows


def main():
    # One row a line.
    parts = []
    for architecture in MODELS:
        rows = ",\n".join(json.dumps(row) for row in logits(architecture))
        parts.append(f'"{architecture}": [\n{rows}]')
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write("{\n" + f'"lengths": {json.dumps(LENGTHS)},\n' + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
