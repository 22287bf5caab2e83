#!/usr/bin/env python3
"""Checks the example engine against the packages transformers, tokenizers and gguf.

    check.py ENGINE FOLDER

Tiny models of random weights, of every architecture that the engine knows, are written as GGUF files and as folders. The
program ENGINE (engine.cpp) must compute the logits that transformers computes, of all tokens at once and token
after token, and choose the same tokens. Tokenizers of every kind that it knows, trained on tamp's own documentation,
must make the tokens of random text that the package tokenizers makes, and the documentation again of its tokens.
"""

import json
import pathlib
import subprocess
import sys

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

import make_logits

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

# A tokenizer, in GGUF's words: for models that are given tokens.
NO_TOKENIZER = dict(model="gpt2", pre="smollm", merges=["a b"],
                    tokens=["a", "b", "ab"] + [f"<{i}>" for i in range(3, VOCABULARY)])

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


def write(path, architecture, model, tokenizer=NO_TOKENIZER):
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
    add_tokens(writer, tokenizer)
    names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, architecture.upper()), config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = weight.detach().numpy()
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


NORMAL, UNKNOWN, CONTROL, USER_DEFINED, _, BYTE = (int(kind) for kind in gguf.TokenType)


def add_tokens(writer, tokenizer):
    writer.add_tokenizer_model(tokenizer["model"])
    writer.add_tokenizer_pre(tokenizer["pre"])
    writer.add_token_list(tokenizer["tokens"])
    if "merges" in tokenizer:
        writer.add_token_merges(tokenizer["merges"])
    if "scores" in tokenizer:
        writer.add_token_scores(tokenizer["scores"])
        writer.add_add_space_prefix(tokenizer["blank_before"])
        writer.add_bos_token_id(0)
    if "types" in tokenizer:
        writer.add_token_types(tokenizer["types"])


def documentation():
    root = pathlib.Path(__file__).parents[2]
    return "".join(path.read_text() for path in sorted(root.glob("docs/**/*.md")))


# What tells splittings apart, beside words of the documentation.
SCRAPS = ["  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n ", "'s", "'LL", "'Ve", "'", "don't", "1", "12345", "6 7",
          "\u00b2", "\u00e9", "\u00e4\u00f6", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u65e5\u672c", "\u4e09",
          "\U0001f642", "\u00a0", "\u2003", "\u2028", "(", "...", "?!", "!\n", "<|x|>", "<|xyz|>", "<0x41>", "_", "-",
          "\u2581"]


def random_texts(generator, count):
    words = documentation().split()
    for _ in range(count):
        parts = [SCRAPS[generator.integers(len(SCRAPS))] if generator.random() < 0.6 else
                 words[generator.integers(len(words))] + " " * int(generator.integers(2))
                 for _ in range(generator.integers(1, 60))]
        yield "".join(parts)


QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")
USER_DEFINED_TOKENS = ["<|xyz|>", "<|x|>", "   ", "\n\n"]


def bytes_tokenizer(name):
    """A byte-level tokenizer of the package, and the same in GGUF's words."""
    package = tokenizers.Tokenizer(models.BPE(ignore_merges=name == "llama-bpe"))
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if name == "smollm":
        split = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    else:
        regex = tokenizers.Regex(QWEN2 if name == "qwen2" else LLAMA3)
        split = [pre_tokenizers.Split(regex, "isolated"), whole]
    package.pre_tokenizer = pre_tokenizers.Sequence(split)
    package.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    package.train_from_iterator([documentation()], trainers.BpeTrainer(vocab_size=1200, initial_alphabet=alphabet,
                                                                       show_progress=False))
    merges = [" ".join(pair) for pair in json.loads(package.to_str())["model"]["merges"]]
    package.add_tokens([tokenizers.AddedToken(text, normalized=False) for text in USER_DEFINED_TOKENS])
    tokens = [package.id_to_token(i) for i in range(package.get_vocab_size())]
    types = [USER_DEFINED if token in USER_DEFINED_TOKENS else NORMAL for token in tokens]
    return package, dict(model="gpt2", pre=name, tokens=tokens, merges=merges, types=types)


def scored_tokenizer(blank_before, bytes_too):
    """A tokenizer of characters: sentencepiece, as the package has it, and the same in GGUF's words."""
    trained = tokenizers.Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "\u2581")
    trained.train_from_iterator([documentation()[:100000]], trainers.BpeTrainer(vocab_size=900, show_progress=False))
    pieces = [trained.id_to_token(i) for i in range(trained.get_vocab_size())]
    tokens = ["<s>", "<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)] * bytes_too
    types = [CONTROL, UNKNOWN] + [BYTE] * (len(tokens) - 2) + [NORMAL] * len(pieces)
    tokens += pieces
    scores = [0.0] * (len(tokens) - len(pieces)) + [-float(i) for i in range(len(pieces))]
    place = {token: i for i, token in enumerate(tokens)}
    # Every way to make a piece of two others, in the order of the pieces.
    merges = [(piece[:k], piece[k:]) for piece in pieces for k in range(1, len(piece))
              if piece[:k] in place and piece[k:] in place]
    package = tokenizers.Tokenizer(models.BPE(place, merges, byte_fallback=bool(bytes_too), unk_token="<unk>"))
    blank = [normalizers.Prepend("\u2581")] if blank_before else []
    package.normalizer = normalizers.Sequence(blank + [normalizers.Replace(" ", "\u2581")])
    return package, dict(model="llama", pre="default", tokens=tokens, scores=scores, types=types,
                         blank_before=blank_before)


def smallest_model():
    torch.manual_seed(1)
    sizes = SIZES | dict(num_hidden_layers=1, tie_word_embeddings=True)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))


def write_tokenizer(path, tokenizer):
    """A model of nothing but its tokenizer."""
    write(path, "llama", smallest_model(), tokenizer)


def write_folder(path, model, package):
    """As transformers and tokenizers write them."""
    model.save_pretrained(path)
    package.save(str(path / "tokenizer.json"))


def no_package():
    """The tokenizer of NO_TOKENIZER."""
    package = tokenizers.Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    package.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                     pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return package


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


    def tokens_of(self, model, texts, expected):
        """The number of texts that become other tokens; the first of them is printed."""
        different = 0
        for text, tokens in zip(texts, expected):
            (self.folder / "text").write_bytes(text.encode())
            ours = [int(word) for word in self.run("tokens", model, self.folder / "text").split()]
            if ours != tokens:
                different += 1
                if different == 1:
                    print(repr(text), "becomes", ours, "and not", tokens)
        return different


def difference(ours, theirs):
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def check_model(engine, name, architecture, settings):
    model = random_model(architecture, settings)
    path = engine.folder / f"{name.replace(' ', '_')}.gguf"
    write(path, architecture, model)
    in_folder = path.with_suffix("")
    write_folder(in_folder, model, no_package())
    generator = np.random.default_rng(2)
    worst = 0.0
    for length in LENGTHS:
        tokens = generator.integers(0, VOCABULARY, length)
        with torch.no_grad():
            theirs = model(torch.from_numpy(tokens)[None]).logits[0].numpy()
        for form in (path, in_folder):
            worst = max(worst, difference(engine.numbers("logits", form, tokens), theirs))
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


def check_stored_logits():
    """Those of the daily test."""
    stored = json.loads((pathlib.Path(__file__).parents[1] / "examples/logits.json").read_text())
    worst = max(difference(np.array(stored[architecture]), np.array(make_logits.logits(architecture)))
                for architecture in make_logits.MODELS)
    holds = worst < TOLERANCE
    print(f"stored logits: largest difference {worst:.1e}{'' if holds else ': make_logits.py writes others'}")
    return holds


def check_tokenizer(engine, name, package, tokenizer):
    path = engine.folder / "tokenizer.gguf"
    write_tokenizer(path, tokenizer)
    texts = list(random_texts(np.random.default_rng(3), 400)) + [documentation()]
    expected = [package.encode(text, add_special_tokens=False).ids for text in texts]
    different = engine.tokens_of(path, texts, expected)
    # Of characters, tokenizer.json is read where it has all bytes.
    if tokenizer["model"] == "gpt2" or BYTE in tokenizer["types"]:
        in_folder = engine.folder / "tokenizer"
        write_folder(in_folder, smallest_model(), package)
        different += engine.tokens_of(in_folder, texts, expected)
    print(f"{name}: {different} of {len(texts)} texts have other tokens" if different else
          f"{name}: the same tokens of {len(texts)} texts")
    back = True
    if tokenizer["model"] == "gpt2" or BYTE in tokenizer["types"]:
        np.asarray(package.encode(texts[-1], add_special_tokens=False).ids, np.int32).tofile(engine.folder / "tokens")
        back = engine.run("text", path, engine.folder / "tokens") == texts[-1]
        if not back:
            print(f"{name}: the tokens of the documentation become another text")
    return different == 0 and back


def main():
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    engine = Engine(sys.argv[1], folder)
    torch.set_num_threads(1)
    results = [check_model(engine, *model) for model in MODELS] + [check_stored_logits()]
    for name in ("smollm", "qwen2", "llama-bpe"):
        results.append(check_tokenizer(engine, name, *bytes_tokenizer(name)))
    for blank_before in (False, True):
        for bytes_too in (False, True):
            name = f"sentencepiece {'with' if blank_before else 'without'} a blank before"
            results.append(check_tokenizer(engine, name + ", with bytes" * bytes_too,
                                           *scored_tokenizer(blank_before, bytes_too)))
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
