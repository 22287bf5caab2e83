"""What large models are known for, measured on video_mllm: outlier features, attention sinks, Wanda against magnitude.

    python3 measure.py [--model out/checkpoint.pt] [--scenes 44] [--questions 352]

Prints Markdown. Statistics are over whole sequences of one question each, in fp32.
"""
import argparse
import copy
import pathlib
import random

import numpy as np
import torch
import torch.nn.functional as F

import export as E
import model as M
import world as W

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ("q_proj", "o_proj", "gate_proj", "down_proj")        # k, v and up read what q and gate read


def linears(model):
    """(block, name, layer) in the order of computation."""
    for b, block in enumerate(model.model["layers"]):
        for group in (block.self_attn, block.mlp):
            for name, layer in group.items():
                yield b, name, layer


class Plain(M.Block):
    """M.Block as calls of its layers, so that hooks see their inputs."""
    def forward(self, x, cos, sin, mask, first, rows):
        B, T, D = x.shape
        a, m, G = self.self_attn, self.mlp, M.CONFIG["num_key_value_heads"]
        h = self.input_layernorm(x)
        q, k, v = (a[n](h).view(B, T, -1, M.HD) for n in ("q_proj", "k_proj", "v_proj"))
        n = q.shape[2] // G
        q, k = (M.rope(t, cos, sin).transpose(1, 2) for t in (q, k))
        k, v = k.repeat_interleave(n, 1), v.transpose(1, 2).repeat_interleave(n, 1)
        self.p = torch.softmax(q @ k.transpose(2, 3) * M.HD ** -0.5 + mask, -1)
        x = x + a["o_proj"]((self.p @ v).transpose(1, 2).reshape(B, T, -1))
        h = self.post_attention_layernorm(x)
        x = x + m["down_proj"](F.silu(m["gate_proj"](h)) * m["up_proj"](h))
        self.stream = x
        return x if rows is None else x[:, rows]


def plain(model):
    model = copy.deepcopy(model)
    for b in model.model["layers"]:
        b.__class__ = Plain
    return model


def each(model, s, count, see):
    """Runs the first `count` questions of s one by one."""
    for i in range(count):
        form = E.form_of(s, s["picture"][i])
        images, ids, layout = E.inputs(s, form, int(s["question_length"][i]), [i])
        with torch.no_grad():
            model(form, images, ids, layout)
        see(form, i)


def kurtosis(n, s1, s2, s3, s4):
    m = s1 / n
    v = s2 / n - m * m
    return float((s4 / n - 4 * m * s3 / n + 6 * m * m * s2 / n - 3 * m ** 4) / v ** 2)


class Moments:
    """Of all entries of (tokens, channels), and the squares of each channel."""
    def __init__(self):
        self.n, self.s, self.squares, self.tokens, self.top = 0, np.zeros(4), 0, 0, 0.0
    def add(self, x):
        x = x.reshape(-1, x.shape[-1]).double()
        self.n += x.numel(); self.tokens += len(x)
        self.s += np.array([float(x.pow(k).sum()) for k in (1, 2, 3, 4)])
        self.squares = self.squares + x.pow(2).sum(0)
        self.top = max(self.top, float(x.abs().max()))
    def kurtosis(self):
        return kurtosis(self.n, *self.s)
    def norms(self):
        return (self.squares / self.tokens).sqrt()
    def spread(self):
        r = self.norms()
        return float(r.max() / r.median())


def pruned(model, norms, sparsity, method):
    """A copy whose linear layers of blocks lost the smallest of each row: |w|; |w| * norm of the input channel in the
    dense model; or |w| * gain of the RMSNorm in front, which is |w| of the same model with the gains folded into the
    weights."""
    model = copy.deepcopy(model)
    for b, name, layer in linears(model):
        w, block = layer.weight.data, model.model["layers"][b]
        score = w.abs()
        if method == "Wanda":
            score = score * norms[b, name].float()
        elif method == "magnitude, gains folded" and name not in ("o_proj", "down_proj"):
            norm = block.post_attention_layernorm if name in ("gate_proj", "up_proj") else block.input_layernorm
            score = score * norm.weight.data.abs()
        drop = score.argsort(1)[:, :round(sparsity * w.shape[1])]
        w.scatter_(1, drop, 0.0)
    return model


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--model", default=str(HERE / "out" / "checkpoint.pt"))
    ap.add_argument("--scenes", type=int, default=44)
    ap.add_argument("--questions", type=int, default=352)
    ap.add_argument("--sparsity", type=float, nargs="*", default=[0.5, 0.6])
    args = ap.parse_args()
    torch.set_flush_denormal(True)
    training, held_out = W.digit_split()
    calibration = E.scenes(args.scenes, 1, W.build_bank(training, 1, random.Random(7)), 77)
    evaluation = E.scenes((args.questions + 1) // 2, 2, W.build_bank(held_out, 1, random.Random(8)), 2024)
    model = E.load(args.model)
    probe, seen = plain(model), {}
    for b, name, layer in linears(probe):
        seen[b, name] = Moments()
        layer.register_forward_pre_hook(lambda _, x, m=seen[b, name]: m.add(x[0]))
    blocks = probe.model["layers"]
    streams, bos, most = [Moments() for _ in blocks], [[] for _ in blocks], [[] for _ in blocks]

    def see(form, i):
        for b, block in enumerate(blocks):
            streams[b].add(block.stream[0])
            # what a token gets from those at least 8 behind it, on average, by head: <bos>, and the most of any that
            # at least 16 see
            p = block.p[0]
            bos[b].append(p[:, 8:, 0].mean(1))
            T = p.shape[1]
            received = p.tril(-8).sum(1)[:, :T - 24] / (T - 8 - torch.arange(T - 24))
            most[b].append((float(received.max()), int(received.max(0).values.argmax())))

    each(probe, calibration, args.scenes, see)
    print("| block | kurtosis: input of q, k, v | of o | of gate, up | of down | residual stream | largest / median channel norm: "
          "q, k, v | o | gate, up | down | stream | largest / median entry of the stream | attention to `<bos>`: mean, largest head | most attended token: by its "
          "best head, how often position 0, 1, first patch |")
    print("|" + "---|" * 14)
    for b in range(len(blocks)):
        k = [seen[b, n].kurtosis() for n in PARTS] + [streams[b].kurtosis()]
        r = [seen[b, n].spread() for n in PARTS] + [streams[b].spread()]
        heads = torch.stack(bos[b]).mean(0)
        median = float(blocks[b].stream.abs().median())
        print(f"| {b} | " + " | ".join(f"{x:.1f}" for x in k + r) + f" | {streams[b].top / median:.0f} | "
              f"{100 * heads.mean():.1f} %, {100 * heads.max():.1f} % | "
              f"{100 * np.mean([m for m, _ in most[b]]):.1f} %, "
              + ", ".join(f"{100 * np.mean([j == i for _, j in most[b]]):.0f} %" for i in range(3)) + " |")
    norms = {key: m.norms() for key, m in seen.items()}
    rows = [("dense", model)]
    for s in args.sparsity:
        rows += [(f"{name}, {s:.0%}", pruned(model, norms, s, name))
                 for name in ("magnitude", "magnitude, gains folded", "Wanda")]
    head = None
    for name, m in rows:
        given = E.logits(m, evaluation, args.questions).argmax(-1).numpy()
        found = E.accuracy(evaluation, given)
        if head is None:
            head = list(found)
            print("\n| | " + " | ".join(head) + " |\n|" + "---|" * (len(head) + 1))
        print(f"| {name} | " + " | ".join(f"{found[k]:.1f}" for k in head) + " |", flush=True)


if __name__ == "__main__":
    main()
