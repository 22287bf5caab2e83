"""Turns a checkpoint of train.py into video_mllm.safetensors, video_eval.safetensors, video_calib.safetensors and
logits_check.safetensors.

    python3 export.py --checkpoint out/checkpoint.pt --out .
"""
import argparse
import json
import random
import struct

import numpy as np
import torch

import model as M
import world as W

DIGITS = ("Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, UCI), the 1797 digits of scikit-learn's "
          "load_digits")
COMBINATIONS = [(f, k) for f in W.FORMS for k in W.kinds_of(f)]


# ------------------------------------------------------------- scenes
def targets(form, kind):
    if kind == "count":
        return [str(i) for i in range(1, 5 if form == "clip" else 7)]
    return {"count_of": list("0123"), "exists": ["yes", "no"], "distinct": list("12345"),
            "change": ["never"] + list("2345678"), "direction": ["left", "right", "up", "down", "none"],
            "mover": list("0123456789") + ["none"], "appears": list("0123456789") + ["none"],
            "vanishes": list("0123456789") + ["none"]}.get(kind, list("0123456789"))


def scenes(pictures, questions, bank, seed):
    """Pictures in turn of every form and kind of question, each with `questions` questions of different kinds, their
    answers balanced by rejection. A dictionary of what a file of scenes holds."""
    rng = random.Random(seed)
    out = dict(pixels=[], frames=[], sides=[], picture=[], question_ids=[], question_length=[], answers=[], kind=[])
    for j in range(pictures):
        form, kind = COMBINATIONS[j % len(COMBINATIONS)]
        all_kinds = W.kinds_of(form)
        first = all_kinds.index(kind)
        kinds = [kind] + [all_kinds[(first + 1 + j // len(COMBINATIONS) % (len(all_kinds) - 1)) % len(all_kinds)]]
        kinds, tries = kinds[:questions], 0
        while True:
            if tries % 400 == 0:
                wanted = [rng.choice(targets(form, k)) for k in kinds]
            tries += 1
            canvas, what, _ = W.scene(rng, bank, form, 6)
            asked = [W.ask(rng, k, what) for k in kinds]
            if [a for _, a in asked] == wanted:
                break
        image = W.add_noise(canvas, rng)
        out["pixels"].append(image.reshape(-1)); out["frames"].append(len(image)); out["sides"].append(image.shape[1])
        for k, (words, a) in zip(kinds, asked):
            e = W.encode(words)
            out["picture"].append(j); out["question_ids"].append(e + [0] * (6 - len(e)))
            out["question_length"].append(len(e)); out["answers"].append(W.ID[a]); out["kind"].append(W.KINDS.index(k))
    out["pixels"] = np.concatenate(out["pixels"])
    return {k: v if k == "pixels" else np.array(v, np.int32) for k, v in out.items()}


def picture(s, j):
    size = s["frames"].astype(np.int64) * s["sides"].astype(np.int64) ** 2
    start = size[:j].sum()
    return s["pixels"][start:start + size[j]].reshape(s["frames"][j], s["sides"][j], s["sides"][j])


def form_of(s, j):
    return next(f for f, (n, g) in W.FORMS.items() if (n, g * W.PATCH) == (s["frames"][j], s["sides"][j]))


def sequences(s):
    """(form, questions of one form and length): what can run together."""
    groups = {}
    for i, j in enumerate(s["picture"]):
        groups.setdefault((form_of(s, j), int(s["question_length"][i])), []).append(i)
    return groups


def inputs(s, form, length, chosen):
    """(images, ids, layout) of whole sequences of one question each, for VideoMLLM.forward."""
    n = W.visual_tokens(form) + 3 + length + 1
    ids = [W.encode("<bos> <image> </image>") + list(s["question_ids"][i][:length]) + [W.ID["<answer>"]] for i in chosen]
    layout = (torch.arange(n), torch.full((n, n), -1e9).triu(1), torch.tensor([n - 1]))
    return np.stack([picture(s, s["picture"][i]) for i in chosen]), torch.tensor(np.array(ids)), layout


@torch.no_grad()
def logits(model, s, most=10**9):
    """(questions, vocabulary) of the first `most` questions, in fp32."""
    out = torch.full((min(most, len(s["answers"])), M.CONFIG["vocab_size"]), float("nan"))
    for (form, length), chosen in sequences(s).items():
        chosen = [i for i in chosen if i < len(out)]
        for a in range(0, len(chosen), 8):
            part = chosen[a:a + 8]
            images, ids, layout = inputs(s, form, length, part)
            out[part] = model(form, images, ids, layout)[0][:, 0]
    return out


def accuracy(s, given):
    """In %, of all questions, of each form and of each kind."""
    right = np.asarray(given) == s["answers"][:len(given)]
    form = np.array([form_of(s, j) for j in s["picture"]])[:len(given)]
    kind = s["kind"][:len(given)]
    mean = lambda m: 100 * float(right[m].mean()) if m.any() else float("nan")
    return dict(all=100 * float(right.mean()), **{f: mean(form == f) for f in W.FORMS},
                **{k: mean(kind == i) for i, k in enumerate(W.KINDS)})


# ------------------------------------------------------------- files
def write_safetensors(path, tensors, meta=None):
    names = {np.dtype("float16"): "F16", np.dtype("float32"): "F32", np.dtype("int32"): "I32", np.dtype("uint8"): "U8"}
    head, off = {}, 0
    if meta:
        head["__metadata__"] = meta
    arrs = {k: np.ascontiguousarray(v.numpy() if torch.is_tensor(v) else v) for k, v in tensors.items()}
    order = sorted(arrs, key=lambda k: (-arrs[k].dtype.itemsize, k))      # alignment as the safetensors crate does
    for k in order:
        a = arrs[k]
        head[k] = dict(dtype=names[a.dtype], shape=list(a.shape), data_offsets=[off, off + a.nbytes])
        off += a.nbytes
    h = json.dumps(head, separators=(",", ":"), ensure_ascii=True).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h)
        for k in order:
            f.write(arrs[k].tobytes())


def load(checkpoint):
    """The model with its weights rounded to fp16."""
    model = M.VideoMLLM()
    state = torch.load(checkpoint, map_location="cpu")["model"]
    model.load_state_dict({k: v.half().float() for k, v in state.items()}, strict=False)
    return model.eval()


def check_values(model, s):
    """What an engine must find: logits of 12 questions, the dense answers to all, and of three of different forms
    the last query's attention by layer (mean over the heads) and the last hidden states."""
    given = logits(model, s)
    values = {"logits": given[:12].numpy(), "dense_predictions": given.argmax(-1).int().numpy()}
    import forward_reference as R
    weights = {k: v.double().numpy() for k, v in model.state_dict().items()}
    for form in W.FORMS:
        i = next(i for i, j in enumerate(s["picture"]) if form_of(s, j) == form)
        _, hidden, attention = R.run(weights, dict(M.CONFIG, bos_token_id=1, image_token_id=2, image_end_token_id=3,
                                                   answer_token_id=4), picture(s, s["picture"][i]),
                                     s["question_ids"][i][:s["question_length"][i]])
        values |= {f"{form}.question": np.array([i], np.int32), f"{form}.embedding": hidden[0].astype(np.float16),
                   f"{form}.last_hidden": np.stack([h[-1] for h in hidden[1:]]).astype(np.float32),
                   f"{form}.last_query_attention": np.stack(attention).astype(np.float32)}
    return values


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--checkpoint", default="out/checkpoint.pt")
    ap.add_argument("--out", default=".")
    args = ap.parse_args()
    training, held_out = W.digit_split()
    evaluation = scenes(528, 2, W.build_bank(held_out, 1, random.Random(8)), 2024)
    calibration = scenes(132, 1, W.build_bank(training, 1, random.Random(7)), 77)
    model = load(args.checkpoint)
    longest = max(W.visual_tokens(f) + 4 + max(W.QUESTION_LENGTH[k] for k in W.kinds_of(f)) for f in W.FORMS)
    config = dict(M.CONFIG, architectures=["LlamaForCausalLM"], attention_bias=False, mlp_bias=False,
                  torch_dtype="float16", num_channels=1, max_position_embeddings=longest, bos_token_id=1,
                  image_token_id=2, image_end_token_id=3, answer_token_id=4, pad_token_id=0, pixel_scale=1 / 255,
                  patch_order="raster", visual_start=2, max_patches_a_side=M.ROWS, max_frames=M.FRAMES)
    write_safetensors(f"{args.out}/video_mllm.safetensors",
                      {k: v.half() for k, v in model.state_dict().items() if not k.startswith("aux")},
                      dict(format="pt", config=json.dumps(config), vocab=json.dumps(W.WORDS), kinds=json.dumps(W.KINDS),
                           data=DIGITS))
    for name, s, split in (("video_eval", evaluation, "held-out digits"), ("video_calib", calibration, "training digits")):
        write_safetensors(f"{args.out}/{name}.safetensors", s,
                          dict(kinds=json.dumps(W.KINDS), vocab=json.dumps(W.WORDS), split=split, data=DIGITS))
    values = check_values(model, evaluation)
    write_safetensors(f"{args.out}/logits_check.safetensors", values)
    for name, percent in accuracy(evaluation, values["dense_predictions"]).items():
        print(f"{name:12} {percent:5.1f}")


if __name__ == "__main__":
    main()
