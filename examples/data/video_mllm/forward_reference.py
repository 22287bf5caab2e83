"""The forward pass of video_mllm in plain NumPy, float64: the statement of what an engine must compute.

    python3 forward_reference.py [questions]     checks it against logits_check.safetensors and prints the accuracy
"""
import json
import pathlib
import struct
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
DT = {"F16": np.float16, "F32": np.float32, "I32": np.int32, "U8": np.uint8}


def load(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])
    meta = head.pop("__metadata__", {})
    t, end = {}, 0
    for k, v in head.items():
        a, b = v["data_offsets"]
        assert a == end and (8 + n + a) % np.dtype(DT[v["dtype"]]).itemsize == 0
        end = b
        t[k] = np.frombuffer(raw[8 + n + a:8 + n + b], DT[v["dtype"]]).reshape(v["shape"])
    assert 8 + n + end == len(raw)
    return t, meta


def rms(x, g, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * g


def rope(x, theta):                                         # (T, heads, width), positions 0..T-1
    T, _, d = x.shape
    ang = np.arange(T)[:, None] * theta ** (-np.arange(0, d, 2) / d)[None]
    c, s = np.cos(ang)[:, None], np.sin(ang)[:, None]
    a, b = x[..., :d // 2], x[..., d // 2:]
    return np.concatenate([a * c - b * s, b * c + a * s], -1)


def run(w, cfg, image, question):
    """image (frames, side, side) uint8, ids of the question -> logits, hidden states before the first and after each
    block, attention of the last query by block (mean over the heads)."""
    p, H, KV, HD = cfg["patch_size"], cfg["num_attention_heads"], cfg["num_key_value_heads"], cfg["head_dim"]
    frames, g, eps = len(image), image.shape[1] // p, cfg["rms_norm_eps"]
    vis = []
    for f in range(frames):
        for r in range(g):
            for c in range(g):
                patch = image[f, r * p:(r + 1) * p, c * p:(c + 1) * p].reshape(-1) / 255.0
                vis.append(w["visual.patch_embed.weight"] @ patch + w["visual.patch_embed.bias"]
                           + w["visual.frame_embed.weight"][f] + w["visual.row_embed.weight"][r]
                           + w["visual.column_embed.weight"][c])
    E = w["model.embed_tokens.weight"]
    x = np.concatenate([E[[cfg["bos_token_id"], cfg["image_token_id"]]], np.stack(vis), E[[cfg["image_end_token_id"]]],
                        E[question], E[[cfg["answer_token_id"]]]])
    hid, att, T = [x], [], len(x)
    for l in range(cfg["num_hidden_layers"]):
        P = f"model.layers.{l}."
        h = rms(x, w[P + "input_layernorm.weight"], eps)
        q = rope((h @ w[P + "self_attn.q_proj.weight"].T).reshape(T, H, HD), cfg["rope_theta"])
        k = rope((h @ w[P + "self_attn.k_proj.weight"].T).reshape(T, KV, HD), cfg["rope_theta"])
        v = (h @ w[P + "self_attn.v_proj.weight"].T).reshape(T, KV, HD)
        ctx, last = np.empty((T, H, HD)), []
        for i in range(H):
            j = i // (H // KV)
            s = q[:, i] @ k[:, j].T / np.sqrt(HD)
            s[np.triu_indices(T, 1)] = -np.inf
            s = np.exp(s - s.max(-1, keepdims=True))
            s /= s.sum(-1, keepdims=True)
            ctx[:, i] = s @ v[:, j]
            last.append(s[-1])
        x = x + ctx.reshape(T, -1) @ w[P + "self_attn.o_proj.weight"].T
        h = rms(x, w[P + "post_attention_layernorm.weight"], eps)
        gt = h @ w[P + "mlp.gate_proj.weight"].T
        x = x + (gt / (1 + np.exp(-gt)) * (h @ w[P + "mlp.up_proj.weight"].T)) @ w[P + "mlp.down_proj.weight"].T
        hid.append(x)
        att.append(np.mean(last, 0))
    return w["lm_head.weight"] @ rms(x[-1], w["model.norm.weight"], eps), hid, att


def main():
    w, meta = load(HERE / "video_mllm.safetensors")
    cfg, vocab = json.loads(meta["config"]), json.loads(meta["vocab"])
    w = {k: v.astype(np.float64) for k, v in w.items()}
    s, _ = load(HERE / "video_eval.safetensors")
    gold, _ = load(HERE / "logits_check.safetensors")
    sizes = s["frames"].astype(np.int64) * s["sides"].astype(np.int64) ** 2
    starts = np.concatenate([[0], sizes.cumsum()])

    def of(i):
        j = s["picture"][i]
        image = s["pixels"][starts[j]:starts[j + 1]].reshape(s["frames"][j], s["sides"][j], s["sides"][j])
        return run(w, cfg, image, s["question_ids"][i][:s["question_length"][i]])

    for i in range(len(gold["logits"])):
        logits, _, _ = of(i)
        print(i, " ".join(vocab[t] for t in s["question_ids"][i][:s["question_length"][i]]), "->", vocab[logits.argmax()],
              "(truth", vocab[s["answers"][i]] + ")", "max |logit error| %.1e" % np.abs(logits - gold["logits"][i]).max())
    for form in ("small", "large", "clip"):
        _, hid, att = of(int(gold[form + ".question"][0]))
        print(form, "embedding %.1e last hidden %.1e attention %.1e" % (
            np.abs(hid[0] - gold[form + ".embedding"]).max(),
            np.abs(np.stack([h[-1] for h in hid[1:]]) - gold[form + ".last_hidden"]).max(),
            np.abs(np.stack(att) - gold[form + ".last_query_attention"]).max()))
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 44
    ok = [of(i)[0].argmax() == s["answers"][i] for i in range(n)]
    print("accuracy on the first", n, "questions: %.1f %%" % (100 * np.mean(ok)))


if __name__ == "__main__":
    main()
