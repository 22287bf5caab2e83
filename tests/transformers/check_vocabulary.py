#!/usr/bin/env python3
"""Takes tokens out of tiny models with tamp_prune --structure vocabulary, and compares what comes out.

    check_vocabulary.py TAMP_PRUNE FOLDER [NAME...]

The smaller model and its tokenizer must load in transformers. A text whose tokens all stay must be encoded as before, in
the new numbers, and get the logits of the dense model for the tokens that stay. Every text must have an encoding that
spells it. Tokens that leave must be those that are used least, and no token leaves that a merge of another needs.
"""

import json
import sys

import tokenizers
import torch
import transformers as hf

import command_line
import models
import tokens
from check_structure import kept_of, random, run, silence

WORDS = 300
OTHER = "Zürich, 12 µs — 雪 \U0001f642\n\tbako(TIN)"  # characters that the training never saw
KINDS = {
    # A head of its own; special tokens first.
    "llama": (hf.LlamaForCausalLM, hf.LlamaConfig, {}, lambda: tokens.on_bytes(420), 420),
    # A tied head; special tokens last, and rows without tokens behind them.
    "qwen2": (hf.Qwen2ForCausalLM, hf.Qwen2Config, {"tie_word_embeddings": True},
              lambda: tokens.on_bytes(420, special_last=True), 448),
    "llama, characters": (hf.LlamaForCausalLM, hf.LlamaConfig, {}, lambda: tokens.on_characters(400), 400),
}


def make(name, folder, **others):
    model, config, settings, tokenizer, rows = KINDS[name]
    torch.manual_seed(3)
    made = tokenizer()
    ids = {key: getattr(made, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    dense = model(config(**{**models.TINY, "vocab_size": rows, **ids, **settings, **others})).eval()
    random(dense)
    dense.save_pretrained(folder)
    made.save_pretrained(folder)
    state = json.loads((folder / "tokenizer.json").read_text())["model"]
    # Files of older kinds, which say the same.
    (folder / "vocab.json").write_text(json.dumps(state["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(
        f"{' '.join(m) if isinstance(m, list) else m}\n" for m in state["merges"]))
    (folder / "tokenizer.model").write_text("of sentencepiece")
    return dense


def uses_of(state, ids, rows):
    """Uses of all tokens, and of those that need them."""
    uses = [0] * rows
    for token in ids:
        uses[token] += 1
    for left, right in reversed([m if isinstance(m, list) else m.split(" ") for m in state["merges"]]):
        whole = state["vocab"][left + right]
        for part in (state["vocab"][left], state["vocab"][right]):
            uses[part] = max(uses[part], uses[whole])
    return uses


def problems_of(dense_folder, small, dense, plan, text, amount):
    old, new = (hf.AutoTokenizer.from_pretrained(folder) for folder in (dense_folder, small))
    kept, rows = kept_of(plan, "vocabulary")
    number = {token: k for k, token in enumerate(kept)}
    config = json.loads((small / "config.json").read_text())
    if config["vocab_size"] != len(kept):
        yield f"vocab_size is {config['vocab_size']} and not {len(kept)}"
    model, loading = type(dense).from_pretrained(small, dtype=torch.float32, output_loading_info=True)
    for what, names in loading.items():
        if names:
            yield f"{what}: {names}"
    for token in kept:
        if old.convert_ids_to_tokens(token) != new.convert_ids_to_tokens(number[token]):
            yield f"token {token} is {new.convert_ids_to_tokens(number[token])}"
            return
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if getattr(new, key) != number[getattr(old, key)] or config[key] != number[getattr(old, key)] or \
                getattr(model.generation_config, key) != number[getattr(old, key)]:
            yield f"{key} is {getattr(new, key)}, and {config[key]} in config.json"
    # Texts of kept tokens, among all sentences of four words.
    words = text.split(" ")
    compared = 0
    for sentence in [" ".join(words[k:k + 4]) for k in range(0, len(words), 4)]:
        before = old(sentence).input_ids
        if not set(before) <= set(kept):
            continue
        compared += 1
        after = new(sentence).input_ids
        if after != [number[token] for token in before]:
            yield f"'{sentence}' was {before} and is {[kept[token] for token in after]} in the old numbers"
            return
    if compared < 10:
        yield f"only {compared} sentences have kept tokens alone"
    ids = [number[token] for token in old(text).input_ids if token in number][:48]
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ids])).logits
        expected = dense(torch.tensor([[kept[token] for token in ids]])).logits[..., kept]
    if not torch.allclose(logits, expected, rtol=1e-5, atol=1e-5 * expected.abs().max()):
        yield f"the logits differ by {(logits - expected).abs().max()}"
    if new.decode(new(OTHER).input_ids, skip_special_tokens=True) != \
            old.decode(old(OTHER).input_ids, skip_special_tokens=True):
        yield f"'{OTHER}' becomes '{new.decode(new(OTHER).input_ids)}'"
    state = json.loads((dense_folder / "tokenizer.json").read_text())["model"]
    uses = uses_of(state, old(text, add_special_tokens=False).input_ids, rows)
    spelling = {token: word for word, token in state["vocab"].items()}
    if state.get("byte_fallback"):
        needed = {token for token, word in spelling.items() if word.startswith("<0x")}
    else:
        needed = {token for token, word in spelling.items() if len(word) == 1}
    needed |= set(old.all_special_ids)
    if not needed <= set(kept):
        yield f"{sorted(needed - set(kept))} left and are needed"
    dropped = set(range(rows)) - set(kept)
    if amount == "unused" and (any(uses[token] for token in dropped) or
                               any(uses[token] == 0 for token in set(kept) - needed)):
        yield "what left is not what was unused"
    if max((uses[token] for token in dropped), default=0) > min(uses[token] for token in set(kept) - needed):
        yield "a token left that is used more than one that stays"
    for left, right in (m if isinstance(m, list) else m.split(" ") for m in state["merges"]):
        whole, parts = state["vocab"][left + right], (state["vocab"][left], state["vocab"][right])
        if whole in number and not all(part in number for part in parts):
            yield f"'{left + right}' stays without its parts"
    if json.loads((small / "vocab.json").read_text()) != \
            json.loads((small / "tokenizer.json").read_text())["model"]["vocab"]:
        yield "vocab.json says something else than tokenizer.json"
    merges = (small / "merges.txt").read_text().splitlines()
    if len(merges) - 1 != len(json.loads((small / "tokenizer.json").read_text())["model"]["merges"]):
        yield "merges.txt says something else than tokenizer.json"
    if (small / "tokenizer.model").exists():
        yield "tokenizer.model is still there"


def check(name, program, folder):
    dense_folder, small, plan_file = folder / "dense", folder / "small", folder / "plan.json"
    dense = make(name, dense_folder)
    text = tokens.text(WORDS, 7)
    (folder / "text.txt").write_text(text)
    problems = []
    counted = ("--vocabulary-text", str(folder / "text.txt"))
    for amount, others in (("unused", ()), ("0.1", ()), ("20", ("--structure", "neurons:0.25"))):
        done = run(program, dense_folder, small, "--structure", f"vocabulary:{amount}", *counted, "--save-plan",
                   str(plan_file), *others)
        if done.returncode != 0:
            problems.append(f"{amount}: {done.stderr.strip()}")
            continue
        plan = json.loads(plan_file.read_text())
        model = dense
        if others:
            model = type(dense).from_pretrained(dense_folder).eval()
            for n, block in enumerate(model.model.layers):
                kept, units = kept_of(plan, f"model.layers.{n}.ffn")
                with torch.no_grad():
                    block.mlp.down_proj.weight[:, sorted(set(range(units)) - set(kept))] = 0
        problems += [f"{amount}: {p}" for p in problems_of(dense_folder, small, model, plan, text, amount)]
        print(f"  {name}: {done.stdout.splitlines()[1]}", flush=True)
        if "left out: tokenizer.model" not in done.stdout:
            problems.append("tokenizer.model is left out without a word")
    # A plan that a person wrote, without a token that a merge needs.
    kept, rows = kept_of(plan, "vocabulary")
    state = json.loads((dense_folder / "tokenizer.json").read_text())["model"]
    merge = state["merges"][0]
    part = state["vocab"][(merge if isinstance(merge, list) else merge.split(" "))[0]]
    plan["groups"] = [{"group": "vocabulary", "kind": "vocabulary", "units": rows,
                       "kept": [t for t in range(rows) if t != part]}]
    plan_file.write_text(json.dumps(plan))
    problems += refusals(run(program, dense_folder, small, "--structure", "vocabulary", "--plan", str(plan_file)),
                         small, f"token {part}, ")
    problems += refusals(run(program, dense_folder, small, "--structure", "vocabulary:0.1"), small,
                         "it needs --vocabulary-text or --text")
    # A tokenizer that cannot be cut.
    other = json.loads((dense_folder / "tokenizer.json").read_text())
    pieces = tokenizers.Tokenizer(tokenizers.models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    other["model"] = json.loads(pieces.to_str())["model"]
    (dense_folder / "tokenizer.json").write_text(json.dumps(other))
    problems += refusals(run(program, dense_folder, small, "--structure", "vocabulary:0.1", *counted), small,
                         "'WordPiece', and tamp cuts byte-pair encodings")
    return problems


def check_three_parts(name, program, folder):
    """Tokens, layers and neurons that leave in one run, chosen by a text that goes through the example engine."""
    dense_folder, small, plan_file = folder / "dense", folder / "three", folder / "plan.json"
    dense = make(name, dense_folder, num_hidden_layers=4, max_position_embeddings=512)
    text = tokens.text(600, 7)
    (folder / "text.txt").write_text(text)
    done = run(program, dense_folder, small, "--structure", "vocabulary:unused,layers:1,neurons:0.25", "--text",
               str(folder / "text.txt"), "--save-plan", str(plan_file))
    if done.returncode != 0:
        return [f"three parts: {done.stderr.strip()}"]
    plan = json.loads(plan_file.read_text())
    print(f"  {name}: {'; '.join(done.stdout.splitlines()[1:4])}", flush=True)
    problems = []
    for group, least in (("vocabulary", 1), ("model.layers", 1), ("model.layers.0.ffn", 12)):
        kept, units = kept_of(plan, group)
        if kept is None or units - len(kept) < least:
            problems.append(f"three parts: {group} lost nothing")
    silent = type(dense).from_pretrained(dense_folder).eval()
    silence(silent, plan, silent.config)
    return problems + [f"three parts: {p}" for p in problems_of(dense_folder, small, silent, plan, text, "unused")]


def refusals(done, small, sentence):
    if done.returncode == 0 or sentence not in done.stderr or small.exists():
        yield f"'{sentence}' is not said: {done.stderr.strip()}"


def check_all(name, program, folder):
    return check(name, program, folder) + (check_three_parts(name, program, folder) if name == "llama" else [])


if __name__ == "__main__":
    sys.exit(command_line.run_all(KINDS, check_all))
