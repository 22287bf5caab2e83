#!/usr/bin/env python3
"""Checks the example engine against the packages transformers and gguf.

    check.py ENGINE FOLDER

Tiny models of random weights, of every architecture that the engine knows, are written as GGUF files. The
program ENGINE (engine.cpp) must compute the logits that transformers computes, of all tokens at once and token
after token, and choose the same tokens.
"""

import pathlib
import subprocess
import sys

import gguf
import numpy as np
import torch
import transformers

VOCABULARY = 96
# Of logits, relative to the largest.
TOLERANCE = 1e-4

SIZES = dict(vocab_size=VOCABULARY, hidden_size=48, intermediate_size=80, num_hidden_layers=4, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, attn_implementation="eager")

LLAMA3_ROPE = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=64)

# Name, architecture, and what the configuration says besides SIZES.
MODELS = [
    ("llama", "llama", dict(tie_word_embeddings=False)),
    ("llama of another rope", "llama", dict(tie_word_embeddings=True, rope_theta=500000.0, rope_scaling=LLAMA3_ROPE)),
    ("qwen2", "qwen2", dict(tie_word_embeddings=True, rope_theta=1e6)),
    ("qwen2 with a head", "qwen2", dict(tie_word_embeddings=False)),
    ("qwen3", "qwen3", dict(tie_word_embeddings=True, head_dim=16)),
    ("qwen3 with a head", "qwen3", dict(tie_word_embeddings=False, head_dim=32, num_key_value_heads=1)),
    ("gemma 3", "gemma3", dict(num_hidden_layers=8, head_dim=16, query_pre_attn_scalar=16, sliding_window=10,
                               rope_theta=1e6)),
    ("gemma 3 of a longer rope", "gemma3",
     dict(num_hidden_layers=7, head_dim=24, query_pre_attn_scalar=24, sliding_window=7, num_key_value_heads=1,
          rope_scaling=dict(rope_type="linear", factor=8.0))),
    ("gemma 3 of 62 layers", "gemma3", dict(num_hidden_layers=62, hidden_size=32, head_dim=16, query_pre_attn_scalar=8,
                                            num_attention_heads=4, sliding_window=5)),
]

# Beyond the windows and beyond a tile of the engine's attention.
LENGTHS = (1, 6, 11, 40, 150)


def random_model(architecture, settings):
    settings = SIZES | settings
    config, model = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
        "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
        "gemma3": (transformers.Gemma3TextConfig, transformers.Gemma3ForCausalLM),
    }[architecture]
    model = model(config(**settings)).float().eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            scale = 0.3 if "norm" in name or "bias" in name else 3 / weight.shape[-1]**0.5
            noise = scale * torch.randn(weight.shape, generator=generator)
            weight.copy_(weight + noise if "norm" in name else noise)
    return model


def interleaved(weight, heads):
    """Rows of q_proj or k_proj as files of architecture llama have them: pairs of RoPE side by side."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def llama3_divisors(config):
    """Of the frequencies of RoPE, as transformers has them."""
    plain = transformers.LlamaConfig(**(config.to_dict() | dict(rope_scaling=None)))
    frequencies = [transformers.models.llama.modeling_llama.LlamaRotaryEmbedding(c).inv_freq for c in (plain, config)]
    return (frequencies[0] / frequencies[1]).numpy()


def write(path, architecture, model):
    """As llama.cpp's converter writes the model."""
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    if architecture in ("qwen3", "gemma3"):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    if architecture == "gemma3":
        writer.add_sliding_window(config.sliding_window)
        if config.rope_scaling is not None:
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(config.rope_scaling["factor"])
    elif config.rope_scaling is not None:
        writer.add_tensor("rope_freqs.weight", llama3_divisors(config))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([chr(ord("!") + i) for i in range(90)] + ["ab"])
    writer.add_token_merges(["a b"])
    names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, architecture.upper()), config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = weight.numpy()
        if architecture == "gemma3" and name.endswith("norm.weight"):
            values = values + 1
        if architecture == "llama" and name.endswith("q_proj.weight"):
            values = interleaved(values, config.num_attention_heads)
        if architecture == "llama" and name.endswith("k_proj.weight"):
            values = interleaved(values, config.num_key_value_heads)
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Engine:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *words):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def numbers(self, what, model, tokens, *words):
        np.asarray(tokens, np.int32).tofile(self.folder / "tokens")
        self.run(what, model, self.folder / "tokens", *words, self.folder / "floats")
        return np.fromfile(self.folder / "floats", np.float32).reshape(-1, VOCABULARY)

    def integers(self, what, model, tokens, *words):
        np.asarray(tokens, np.int32).tofile(self.folder / "tokens")
        return [int(word) for word in self.run(what, model, self.folder / "tokens", *words).split()]


def difference(ours, theirs):
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def check_model(engine, name, architecture, settings):
    model = random_model(architecture, settings)
    path = engine.folder / f"{name.replace(' ', '_')}.gguf"
    write(path, architecture, model)
    generator = np.random.default_rng(2)
    worst = 0.0
    for length in LENGTHS:
        tokens = generator.integers(0, VOCABULARY, length)
        with torch.no_grad():
            theirs = model(torch.from_numpy(tokens)[None]).logits[0].numpy()
        worst = max(worst, difference(engine.numbers("logits", path, tokens), theirs))
        for first in {1, (length + 1) // 2, length}:
            worst = max(worst, difference(engine.numbers("decode", path, tokens, first), theirs[-1:]))
    prompt = torch.from_numpy(generator.integers(0, VOCABULARY, 9))
    theirs = prompt
    with torch.no_grad():
        for _ in range(30):  # without the package's cache
            theirs = torch.cat([theirs, model(theirs[None]).logits[0, -1].argmax()[None]])
    same = engine.integers("continue", path, prompt, 30) == theirs[9:].tolist()
    holds = worst < TOLERANCE and same
    print(f"{name}: largest difference {worst:.1e}, {'the same' if same else 'OTHER'} tokens"
          f"{'' if holds else ': DIFFERS'}")
    return holds


def main():
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    engine = Engine(sys.argv[1], folder)
    torch.set_num_threads(1)
    results = [check_model(engine, *model) for model in MODELS]
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
