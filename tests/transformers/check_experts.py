#!/usr/bin/env python3
"""Takes experts out of tiny mixtures by REAP: observe.py writes what they contribute, and tamp_prune follows it.

    check_experts.py TAMP_PRUNE FOLDER [ARCHITECTURE...]

The contributions in its file are compared with a definition in NumPy, from the tensors of the files and the inputs of
the blocks. The experts that leave must be those of the lowest contributions, equally many of each group of a router, and the
smaller model must give the logits of the dense one whose routers never choose them. Experts that saw no token are named,
and stay where that is asked for.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import torch
import transformers as hf
from safetensors.numpy import load_file

import command_line
import models
import tokens
from check_structure import problems_of, random, run, stored

OBSERVE = pathlib.Path(__file__).parents[2] / "examples" / "python" / "observe.py"
VOCABULARY = 300
EXPERTS = 8
TINY = {**models.TINY, "vocab_size": VOCABULARY}
DEEPSEEK = {**TINY, **models.DEEPSEEK, "n_routed_experts": EXPERTS, "num_experts_per_tok": 3, "n_group": 2,
            "topk_group": 2, "routed_scaling_factor": 1.5}
KINDS = {
    "mixtral": (hf.MixtralForCausalLM, hf.MixtralConfig, {**TINY, "num_local_experts": EXPERTS}),
    "qwen3_moe": (hf.Qwen3MoeForCausalLM, hf.Qwen3MoeConfig,
                  {**TINY, **models.EXPERTS, "num_experts": EXPERTS, "norm_topk_prob": False}),
    "qwen3_moe, renormalised": (hf.Qwen3MoeForCausalLM, hf.Qwen3MoeConfig,
                                {**TINY, **models.EXPERTS, "num_experts": EXPERTS, "norm_topk_prob": True}),
    "deepseek_v3": (hf.DeepseekV3ForCausalLM, hf.DeepseekV3Config, DEEPSEEK),
    "gpt_oss": (hf.GptOssForCausalLM, hf.GptOssConfig,
                {**TINY, "num_local_experts": EXPERTS, "num_experts_per_tok": 2, "sliding_window": 16}),
}


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def largest(scores, count):
    return np.argsort(-scores, axis=-1, kind="stable")[:, :count]


def gates_of(name, x, block, config):
    """Experts of each token and their gates, by the definition of the architecture's router."""
    if name == "gpt_oss":
        logits = x @ block["router.weight"].T + block["router.bias"]
        chosen = largest(logits, config.num_experts_per_tok)
        return chosen, softmax(np.take_along_axis(logits, chosen, -1))
    logits = x @ block["gate.weight"].T
    if name != "deepseek_v3":
        gates = softmax(logits)
        chosen = largest(gates, config.num_experts_per_tok)
        gates = np.take_along_axis(gates, chosen, -1)
        return chosen, gates if name == "qwen3_moe" else gates / gates.sum(-1, keepdims=True)
    scores = sigmoid(logits)
    corrected = scores + block["gate.e_score_correction_bias"]
    grouped = corrected.reshape(len(x), config.n_group, -1)
    best = largest(np.sort(grouped, -1)[..., -2:].sum(-1), config.topk_group)
    allowed = np.zeros(grouped.shape[:2], dtype=bool)
    np.put_along_axis(allowed, best, True, -1)
    corrected = np.where(np.repeat(allowed, grouped.shape[2], -1), corrected, 0)
    chosen = largest(corrected, config.num_experts_per_tok)
    gates = np.take_along_axis(scores, chosen, -1)
    return chosen, gates / gates.sum(-1, keepdims=True) * config.routed_scaling_factor


def output_of(name, x, block, expert):
    if name == "gpt_oss":
        both = x @ block["experts.gate_up_proj"][expert] + block["experts.gate_up_proj_bias"][expert]
        gate, up = np.minimum(both[:, ::2], 7), np.clip(both[:, 1::2], -7, 7)
        inner = (up + 1) * gate * sigmoid(1.702 * gate)
        return inner @ block["experts.down_proj"][expert] + block["experts.down_proj_bias"][expert]
    names = ("w1", "w3", "w2") if name == "mixtral" else ("gate_proj", "up_proj", "down_proj")
    gate, up, down = (block[f"experts.{expert}.{part}.weight"] for part in names)
    inner = x @ gate.T
    return (inner * sigmoid(inner) * (x @ up.T)) @ down.T


def by_definition(name, x, block, config):
    """Contributions and numbers of tokens of all experts."""
    chosen, gates = gates_of(name, x, block, config)
    sums, seen = np.zeros(EXPERTS), np.zeros(EXPERTS, dtype=np.int64)
    for expert in range(EXPERTS):
        token, place = np.nonzero(chosen == expert)
        if len(token):
            sums[expert] = (gates[token, place] * np.linalg.norm(output_of(name, x[token], block, expert), axis=1)).sum()
        seen[expert] = len(token)
    return sums / np.maximum(seen, 1), seen


def inputs_of_blocks(model, blocks, ids):
    """The inputs of each block of experts, (tokens, hidden), by the block's name."""
    seen = {}
    hooks = [model.get_submodule(name).register_forward_pre_hook(
        lambda module, given, name=name: seen.update({name: given[0].reshape(-1, given[0].shape[-1]).double().numpy()}))
        for name in blocks]
    with torch.no_grad():
        model(ids)
    for hook in hooks:
        hook.remove()
    return seen


def problems_of_contributions(name, model, folder, norms, text, expected):
    """Yields what differs from the definition; fills in what is expected of each block."""
    routers = [key.removesuffix(".contributions") for key in norms if key.endswith(".contributions")]
    blocks = {router.rsplit(".", 2)[0]: router for router in routers}
    if len(blocks) != sum(".mlp.gate.weight" in n or "moe.gate.weight" in n or "router.weight" in n
                          for n in stored(folder)):
        yield f"there are contributions of {list(blocks)} alone"
    ids = hf.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt").input_ids[:, :TOKENS]
    weights = {key: tensor.double().numpy() for key, tensor in stored(folder).items()}
    for block, x in inputs_of_blocks(model, blocks, ids).items():
        own = {key.removeprefix(f"{block}."): tensor for key, tensor in weights.items() if key.startswith(f"{block}.")}
        scores, seen = by_definition(name, x, own, model.config)
        expected[block] = scores, seen
        written = norms[f"{blocks[block]}.contributions"]
        if written.shape != (EXPERTS, 1) or not np.allclose(written[:, 0], scores, rtol=1e-4, atol=0):
            yield f"{block}: contributions are {written[:, 0]} and not {scores}"
        if not np.array_equal(norms[f"{blocks[block]}.contributions.tokens"], seen):
            yield f"{block}: tokens are {norms[f'{blocks[block]}.contributions.tokens']} and not {seen}"


TOKENS = 48  # one sequence, so that experts of tiny models see few


def without_experts(model, plan):
    """The dense model whose routers never choose the experts that left."""
    model = copy.deepcopy(model)
    for choice in plan["groups"]:
        block = model.get_submodule(choice["group"].removesuffix(".experts"))
        block = block.mlp if hasattr(block, "mlp") else block.block_sparse_moe
        router = getattr(block, "gate", None) or block.router
        dropped = sorted(set(range(EXPERTS)) - set(choice["kept"]))
        with torch.no_grad():
            if hasattr(router, "e_score_correction_bias"):
                router.e_score_correction_bias[dropped] = -1e6
            elif getattr(router, "bias", None) is not None:
                router.bias[dropped] = -torch.inf
            else:
                router.register_forward_hook(lambda module, inputs, logits, dropped=dropped: logits.index_fill(
                    -1, torch.tensor(dropped), -torch.inf))
    return model


def problems_of_logits(model, small, plan):
    again = type(model).from_pretrained(small, dtype=torch.float32).eval()
    ids = torch.randint(3, VOCABULARY, (1, 24), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        logits, expected = again(ids).logits, without_experts(model, plan)(ids).logits
    if not torch.allclose(logits, expected, rtol=1e-4, atol=1e-4 * expected.abs().max()):
        yield f"the logits differ by {(logits - expected).abs().max()} of {expected.abs().max()}"


def kept_by(scores, count, groups):
    """The experts that stay: the ones of highest score in each group."""
    width = EXPERTS // groups
    lowest = [group * width + k for group in range(groups)
              for k in np.argsort(scores[group * width:(group + 1) * width], kind="stable")[:count // groups]]
    return sorted(set(range(EXPERTS)) - set(lowest))


def check(name, program, folder):
    make, config, settings = KINDS[name]
    torch.manual_seed(2)
    dense, small, plan_file = folder / "dense", folder / "small", folder / "plan.json"
    model = make(config(**settings)).float().eval()
    random(model)
    is_grouped = name == "deepseek_v3"
    if is_grouped:  # an expert that no token is sent to
        for block in model.model.layers[1:]:
            block.mlp.gate.e_score_correction_bias[5] = -100
    model.save_pretrained(dense)
    tokens.on_bytes(VOCABULARY).save_pretrained(dense)
    text = tokens.text(200, 5)
    (folder / "text.txt").write_text(text)
    done = subprocess.run([sys.executable, str(OBSERVE), str(dense), str(folder / "text.txt"), "--tokens", str(TOKENS),
                           "--output", str(folder / "norms.safetensors")], capture_output=True, text=True)
    if done.returncode != 0:
        return [done.stderr]
    norms, expected = load_file(folder / "norms.safetensors"), {}
    problems = list(problems_of_contributions(name, model, dense, norms, text, expected))
    groups = 2 if is_grouped else 1
    for units, options in (("experts:2", ()), ("experts:0.5", ("--keep-unseen",))):
        done = run(program, dense, small, "--structure", units, "--statistics", str(folder / "norms.safetensors"),
                   "--save-plan", str(plan_file), *options)
        if done.returncode != 0:
            problems.append(f"{units}: {done.stderr.strip()}")
            continue
        plan = json.loads(plan_file.read_text())
        problems += [f"{units}: {p}" for p in problems_of(f"{name} {units}", model, dense, small, plan)]
        problems += [f"{units}: {p}" for p in problems_of_logits(model, small, plan)]
        for choice in plan["groups"]:
            scores, seen = next(e for block, e in expected.items() if block.startswith(
                choice["group"].removesuffix(".experts") + "."))
            wanted = np.where((seen == 0) & bool(options), np.inf, scores)
            kept = kept_by(wanted, EXPERTS - len(choice["kept"]), groups)
            if choice["kept"] != kept:
                problems.append(f"{units}: {choice['group']} keeps {choice['kept']} and not {kept}")
            named = re.search(re.escape(choice["group"]) + r", experts_to_drop: dropped although fewer than 1 tokens "
                              r"were sent to them: (.*)", done.stdout)
            named = [] if named is None else [int(n) for n in re.findall(r"(\d+) \(0 tokens\)", named[1])]
            unseen = [e for e in range(EXPERTS) if seen[e] == 0 and e not in choice["kept"]]
            if named != unseen:
                problems.append(f"{units}: {choice['group']} names {named} and drops {unseen} unseen")
    if is_grouped:
        if not all(seen[5] == 0 for _, seen in expected.values()):
            problems.append("expert 5 was meant to see no token")
        done = run(program, dense, small, "--structure", "experts:7", "--statistics",
                   str(folder / "norms.safetensors"), "--save-plan", str(plan_file))
        # Three experts of two groups, and of each the best two.
        if done.returncode != 0 or any(len(c["kept"]) != 4 for c in json.loads(plan_file.read_text())["groups"]):
            problems.append(f"experts:7 does not keep two of each group: {done.stderr}{done.stdout}")
    # A file without contributions is a sentence, and nothing is written.
    done = run(program, dense, small, "--structure", "experts:1", "--score", "reap", "--statistics",
               str(without(norms, folder / "without.safetensors")))
    if done.returncode == 0 or "observe.py" not in done.stderr or small.exists():
        problems.append(f"missing contributions are not refused: {done.stderr.strip()}")
    return problems


def without(norms, path):
    from safetensors.numpy import save_file
    save_file({key: tensor for key, tensor in norms.items() if ".contributions" not in key}, path,
              metadata={"format": "tamp column norms", "version": "1"})
    return path


if __name__ == "__main__":
    sys.exit(command_line.run_all(KINDS, check))
