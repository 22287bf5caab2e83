#!/usr/bin/env python3
"""Takes units out of tiny models with tamp_prune --structure, and runs what comes out.

    check_structure.py TAMP_PRUNE FOLDER [ARCHITECTURE...]

The smaller model must load without a missing or unexpected tensor, hold the bits of what stays, and give the
logits of the dense model in which what left gives nothing: columns of zero for neurons and heads, blocks that add
nothing for layers. Experts that left are compared as tensors. What config.json cannot say must be refused before
anything is written.
"""

import json
import shutil
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore", category=FutureWarning)

import torch
import transformers as hf
from safetensors.torch import load_file

import command_line
import models

TINY = {**models.TINY, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 3,
        "hidden_size": 48, "intermediate_size": 96}
DENSE = [("neurons:0.25",), ("neurons:0.3", "--multiple", "32"), ("heads:1",), ("query-heads:0.5",),
         ("neurons:0.5", "--structure", "heads:0.34")]
KINDS = {
    "llama": (hf.LlamaForCausalLM, hf.LlamaConfig, TINY, DENSE),
    "mistral": (hf.MistralForCausalLM, hf.MistralConfig, TINY, DENSE),
    "qwen2": (hf.Qwen2ForCausalLM, hf.Qwen2Config, TINY, DENSE),
    "qwen3": (hf.Qwen3ForCausalLM, hf.Qwen3Config, TINY, DENSE),
    "gemma3": (hf.Gemma3ForCausalLM, hf.Gemma3TextConfig, {**TINY, "sliding_window": 8}, DENSE),
    "mixtral": (hf.MixtralForCausalLM, hf.MixtralConfig, {**TINY, **models.LOCAL_EXPERTS},
                [("experts:1",), ("experts:0.9",), ("heads:1",)]),
    "qwen3_moe": (hf.Qwen3MoeForCausalLM, hf.Qwen3MoeConfig, {**TINY, **models.EXPERTS},
                  [("experts:1",), ("experts:0.5", "--structure", "heads:1")]),
}


def random(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.1 + (1 if parameter.dim() < 2 else 0))


def run(program, dense, out, *options):
    if out.exists():
        shutil.rmtree(out)
    return subprocess.run([program, str(dense), "--out", str(out), *options], capture_output=True, text=True)


def stored(folder):
    tensors = {}
    for path in folder.glob("*.safetensors"):
        tensors.update(load_file(path))
    return tensors


def kept_of(plan, group):
    for choice in plan["groups"]:
        if choice["group"] == group:
            return choice["kept"], choice["units"]
    return None, None


def silence(model, plan, config):
    """The dense model in which what left gives nothing. Returns the blocks that stay."""
    layers = list(range(config.num_hidden_layers))
    kept_layers, _ = kept_of(plan, "model.layers")
    with torch.no_grad():
        for n, block in enumerate(model.model.layers):
            o = block.self_attn.o_proj.weight
            for kind, width in (("attention", o.shape[1] // config.num_key_value_heads),
                                ("query_heads", o.shape[1] // config.num_attention_heads)):
                kept, units = kept_of(plan, f"model.layers.{n}.{kind}")
                for unit in set(range(units or 0)) - set(kept or []):
                    o[:, unit * width:(unit + 1) * width] = 0
            kept, units = kept_of(plan, f"model.layers.{n}.ffn")
            for unit in set(range(units or 0)) - set(kept or []):
                block.mlp.down_proj.weight[:, unit] = 0
            if kept_layers is not None and n not in kept_layers:
                o.zero_()
                block.mlp.down_proj.weight.zero_()
    return layers if kept_layers is None else kept_layers


def problems_of(name, model, dense, small, plan):
    """Yields what is wrong with a smaller model."""
    config = json.loads((small / "config.json").read_text())
    again, loading = type(model).from_pretrained(small, dtype=torch.float32, output_loading_info=True)
    for what, names in loading.items():
        if names:
            yield f"{what}: {names}"
    if loading.get("missing_keys"):
        return
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(3, models.VOCABULARY, (1, 24), generator=generator)
    with torch.no_grad():
        output = again.eval()(tokens, use_cache=False).logits
        if not torch.isfinite(output).all():
            yield "the logits are not finite"
        if not any("experts" in c["group"] for c in plan["groups"]):
            silence(model, plan, model.config)
            expected = model.eval()(tokens, use_cache=False).logits
            if not torch.allclose(output, expected, rtol=1e-4, atol=1e-4 * expected.abs().max()):
                yield f"the logits differ by {(output - expected).abs().max()} of {expected.abs().max()}"
        again.generate(tokens, max_new_tokens=4, do_sample=False)
    before, after = stored(dense), stored(small)
    for n in range(model.config.num_hidden_layers):
        kept, _ = kept_of(plan, f"model.layers.{n}.experts")
        if kept is None:
            continue
        for tensor, old in before.items():
            if not tensor.startswith(f"model.layers.{n}."):
                continue
            if ".experts." in tensor and tensor.split(".experts.")[1].split(".")[0].isdigit():
                head, number, rest = tensor.split(".experts.")[0], *tensor.split(".experts.")[1].split(".", 1)
                if int(number) in kept:
                    new = after[f"{head}.experts.{kept.index(int(number))}.{rest}"]
                    if not torch.equal(new, old):
                        yield f"{tensor} has changed"
            elif ".experts." in tensor and not torch.equal(after[tensor], old[kept]):
                yield f"{tensor} does not hold the experts that stay"
            elif tensor.endswith(("mlp.gate.weight", "block_sparse_moe.gate.weight")):
                if not torch.equal(after[tensor], old[kept]):
                    yield f"{tensor} does not hold the rows of the experts that stay"
    numbers = sum(p.numel() for p in again.parameters())
    dense_numbers = sum(p.numel() for p in model.parameters())
    if numbers >= dense_numbers:
        yield f"{numbers} of {dense_numbers} parameters are not fewer"
    print(f"  {name}: {numbers} of {dense_numbers} parameters; " + ", ".join(
        f"{key} {config[key]}" for key in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                                          "intermediate_size", "num_local_experts", "num_experts")
        if key in config), flush=True)


def check(name, program, folder):
    make, config, settings, runs = KINDS[name]
    torch.manual_seed(1)
    dense, small, plan_file = folder / "dense", folder / "small", folder / "plan.json"

    def fresh():
        return make.from_pretrained(dense, dtype=torch.float32)

    model = make(config(**settings))
    random(model)
    model.save_pretrained(dense)
    problems = []
    for units in runs:
        done = run(program, dense, small, "--structure", *units, "--save-plan", str(plan_file))
        if done.returncode != 0:
            problems.append(f"{units}: {done.stderr.strip()}")
            continue
        plan = json.loads(plan_file.read_text())
        problems += [f"{units}: {p}" for p in problems_of(f"{name} {units[0]}", fresh(), dense, small, plan)]
    # Layers, by a plan that a person wrote.
    if name != "mixtral" and name != "qwen3_moe":
        plan = {"tamp_unit_plan": 1, "recipe": "by hand", "notes": [],
                "groups": [{"group": "model.layers", "kind": "layers", "units": 4, "kept": [0, 1, 3]}]}
        plan_file.write_text(json.dumps(plan))
        done = run(program, dense, small, "--structure", "layers", "--plan", str(plan_file))
        if done.returncode != 0:
            problems.append(f"layers: {done.stderr.strip()}")
        else:
            problems += [f"layers: {p}" for p in problems_of(f"{name} layers", fresh(), dense, small, plan)]
        # What config.json cannot say is a sentence, and nothing is written.
        plan["groups"] = [{"group": f"model.layers.{n}.ffn", "kind": "neurons", "units": 96,
                           "kept": list(range(64 + n))} for n in range(4)]
        plan_file.write_text(json.dumps(plan))
        done = run(program, dense, small, "--structure", "neurons", "--plan", str(plan_file))
        if done.returncode == 0 or "one intermediate_size for all" not in done.stderr or small.exists():
            problems.append(f"different widths are not refused: {done.stderr.strip()}")
    return problems


if __name__ == "__main__":
    sys.exit(command_line.run_all(KINDS, check))
