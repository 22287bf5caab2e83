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

In a mixture of experts the file also says what each expert contributes (REAP, arXiv 2510.13999). Over the tokens t
that the router with the weight NAME sends to expert e, with the gates that it multiplies the outputs by:

    contribution_e = sum_t gate(t, e) * || output_e(t) || / tokens_e

NAME.contributions is of (experts, 1) and NAME.contributions.tokens of (experts,); an expert that saw no token has 0 of
both. Outputs are computed once more for this, so that experts run twice. Routers of other kinds than ROUTERS, and other
than those that return their gates, are named and left out.
"""
import argparse

import numpy as np


def write_norms(path, sums, tokens, others=(), **about):
    """Sums of squares and numbers of tokens by the names of weights, as tamp reads them, and other tensors."""
    from safetensors.numpy import save_file
    tensors = dict(others)
    for name, squares in sums.items():
        seen = tokens[name]
        tensors[name] = np.sqrt(squares / seen) if seen else np.ones_like(squares)
        tensors[f"{name}.tokens"] = np.array([seen], dtype=np.int64)
    save_file(tensors, path, metadata={"format": "tamp column norms", "version": "1", **about})


# Blocks whose router is a linear layer: gates are softmax over all experts, of which the largest are taken and made to
# sum up to 1 where the block's norm_topk_prob says so, or where it has none.
ROUTERS = {"MixtralSparseMoeBlock", "Qwen2MoeSparseMoeBlock", "Qwen3MoeSparseMoeBlock", "OlmoeSparseMoeBlock",
           "FlexOlmoSparseMoeBlock", "Qwen3VLMoeTextSparseMoeBlock"}


def router_of(block):
    """The name of a block's router, or nothing if the module is no mixture of experts."""
    if not hasattr(block, "experts"):
        return None
    for name in ("gate", "router"):
        weight = getattr(getattr(block, name, None), "weight", None)
        if weight is not None and weight.dim() == 2 and weight.shape[0] > 1:
            return name
    return None


def routing(block, routed):
    """The experts of each token and their gates, both (tokens, k), from what the router returned; or nothing."""
    import torch
    if not isinstance(routed, tuple):
        if type(block).__name__ not in ROUTERS:
            return None
        gates, selected = routed.reshape(-1, routed.shape[-1]).softmax(-1, torch.float).topk(block.top_k, -1)
        if getattr(block, "norm_topk_prob", True):
            gates = gates / gates.sum(-1, keepdim=True)
        return selected, gates
    whole = [part for part in routed if not part.is_floating_point()]
    real = [part for part in routed if part.is_floating_point()]
    if len(whole) != 1 or len(real) != 1:
        return None
    selected, gates = whole[0], real[0]
    # Gates of the selected experts, or of all.
    return selected, gates if gates.shape == selected.shape else gates.gather(-1, selected)


def output_of(block, expert, x):
    """The output of one expert for its tokens, (tokens, width)."""
    import torch
    if isinstance(block.experts, torch.nn.ModuleList):
        return block.experts[expert](x)
    # Experts that share tensors: this one alone, with a gate of 1.
    gates = x.new_zeros(len(x), getattr(block, router_of(block)).weight.shape[0])
    gates[:, expert] = 1
    selected = torch.full((len(x), 1), expert, dtype=torch.long, device=x.device)
    return block.experts(x[None], routing_weights=gates, router_indices=selected).reshape(len(x), -1)


class ExpertContributions:
    """Hooks on every mixture of experts. While it computes outputs, `is_repeating` is true."""

    def __init__(self, model):
        self.sums, self.tokens, self.unknown, self.is_repeating = {}, {}, set(), False
        for name, block in model.named_modules():
            router = router_of(block)
            if router is not None:
                self.watch(f"{name}.{router}.weight", block, getattr(block, router))

    def watch(self, name, block, router):
        experts, routed = router.weight.shape[0], []
        self.sums[name], self.tokens[name] = np.zeros(experts), np.zeros(experts, dtype=np.int64)
        router.register_forward_hook(lambda module, inputs, output: routed.append(output))
        block.register_forward_hook(lambda module, inputs, output: self.add(name, block, inputs[0], routed.pop()))

    def add(self, name, block, hidden, routed):
        found = routing(block, routed)
        if found is None:
            self.unknown.add(type(block).__name__)
            return
        selected, gates = found
        x = hidden.reshape(-1, hidden.shape[-1])
        self.is_repeating = True
        for expert in selected.unique().tolist():
            token, place = (selected == expert).nonzero(as_tuple=True)
            norms = output_of(block, expert, x[token]).double().norm(dim=-1)
            self.sums[name][expert] += (gates[token, place].double() * norms).sum().item()
            self.tokens[name][expert] += len(token)
        self.is_repeating = False

    def tensors(self):
        """The tensors of the file, of the routers that are known."""
        tensors = {}
        for name, sums in self.sums.items():
            tokens = self.tokens[name]
            if tokens.any():
                tensors[f"{name}.contributions"] = (sums / np.maximum(tokens, 1))[:, None]
                tensors[f"{name}.contributions.tokens"] = tokens
        return tensors


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
    experts = ExpertContributions(model)

    def observe(name, features):
        def hook(module, inputs):
            if experts.is_repeating:
                return
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
    contributions = experts.tensors()
    write_norms(options.output, sums, tokens, contributions, model=options.model, text=options.text)
    print(f"{options.output}: norms of {len(sums)} weights over {ids.shape[1]} tokens")
    for router in experts.sums:
        if f"{router}.contributions" in contributions:
            unseen = (experts.tokens[router] == 0).sum()
            print(f"{router}: contributions of {len(experts.sums[router])} experts, {unseen} of which saw no token")
    if experts.unknown:
        print(f"left out: contributions of {', '.join(sorted(experts.unknown))}, whose gates observe.py does not know")


if __name__ == "__main__":
    main()
