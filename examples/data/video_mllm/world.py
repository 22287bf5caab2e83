"""The world of video_mllm: still pictures of two sizes and clips of eight frames, all of real handwritten digits on
plain backgrounds, and what can be asked about them. NumPy and scikit-learn only.

A picture has a plain or sloping background, 1 to 6 digits of 8 to 16 pixels and a little noise. A clip shows one spot
whose digit may change once, mostly a digit that moves along a line, and up to two digits that stay.
"""
import math
import random

import numpy as np

WORDS = ("<pad> <bos> <image> </image> <answer> 0 1 2 3 4 5 6 7 8 9 yes no never none left right up down how many "
         "digits different ? is there a what the largest smallest which digit leftmost rightmost topmost bottommost "
         "biggest when where does change move moves appears vanishes").split()
WORDS += [f"<unused{i}>" for i in range(64 - len(WORDS))]
ID = {w: i for i, w in enumerate(WORDS)}
PATCH = 6
FORMS = dict(small=(1, 8), large=(1, 16), clip=(8, 6))             # frames, patches a side
KINDS = ["count", "count_of", "exists", "largest", "smallest", "position", "biggest",
         "distinct", "change", "direction", "mover", "appears", "vanishes"]
STILL_KINDS = KINDS[:7]
CLIP_KINDS = ["count", "exists"] + KINDS[7:]
QUESTION_LENGTH = dict(count=4, count_of=4, exists=5, largest=5, smallest=5, position=5, biggest=5, distinct=5,
                       change=6, direction=6, mover=4, appears=4, vanishes=4)              # words, without <answer>
SIZES = (8, 10, 12, 14, 16)
EVENTS = ["stay", "left", "right", "up", "down", "change"]           # what a digit has done since the frame before


def kinds_of(form):
    return CLIP_KINDS if form == "clip" else STILL_KINDS


def packed(form):
    """The kinds of the questions that training packs behind one picture: those about one digit of ten, which are
    learned last, several times."""
    return kinds_of(form) + (["exists"] * 3 if form == "clip" else ["exists"] * 3 + ["count_of"])


def visual_tokens(form):
    frames, grid = FORMS[form]
    return frames * grid * grid


def encode(words):
    return [ID[w] for w in words.split()]


# ---------------------------------------------------------------- digits
def digit_split():
    """1400 training and 397 held-out digits: a fixed permutation of scikit-learn's 1797."""
    from sklearn.datasets import load_digits
    d = load_digits()
    order = np.random.RandomState(12345).permutation(len(d.target))
    return [(d.images[i].astype(np.float32), d.target[i].astype(np.int64)) for i in (order[:1400], order[1400:])]


def resample(img, size, mat, shift):
    """Bilinear sampling of (8, 8) onto (size, size): output grid -> centred input coordinates by `mat`."""
    g = ((np.arange(size) + 0.5) / size - 0.5) * 8
    y, x = np.meshgrid(g, g, indexing="ij")
    sy = mat[0][0] * y + mat[0][1] * x + shift[0] + 3.5
    sx = mat[1][0] * y + mat[1][1] * x + shift[1] + 3.5
    p = np.pad(img, 2)
    sy, sx = np.clip(sy + 2, 0, 10.99), np.clip(sx + 2, 0, 10.99)
    y0, x0 = sy.astype(int), sx.astype(int)
    fy, fx = sy - y0, sx - x0
    return (p[y0, x0] * (1 - fy) * (1 - fx) + p[y0, x0 + 1] * (1 - fy) * fx
            + p[y0 + 1, x0] * fy * (1 - fx) + p[y0 + 1, x0 + 1] * fy * fx)


def build_bank(split, variants, rng):
    """bank[size][digit] = list of (ink 0..1 float32, ink box y0, x0, y1, x1); variant 0 is the plain digit."""
    bank = {s: [[] for _ in range(10)] for s in SIZES}
    for img, cls in zip(*split):
        for v in range(variants):
            a, s1, s2, sh, *shift = [0, 1, 1, 0, 0, 0] if v == 0 else [
                rng.uniform(*r) for r in ((-.2, .2), (.88, 1.12), (.88, 1.12), (-.15, .15), (-.4, .4), (-.4, .4))]
            mat = [[math.cos(a) * s1, -math.sin(a)], [math.sin(a) + sh, math.cos(a) * s2]]
            for size in SIZES:
                u = np.clip(resample(img, size, mat, shift) / 16, 0, 1).astype(np.float32)
                ys, xs = np.where((u > .25).any(1))[0], np.where((u > .25).any(0))[0]
                bank[size][cls].append((u, int(ys[0]), int(xs[0]), int(ys[-1]), int(xs[-1])))
    return bank


# ---------------------------------------------------------------- scenes
def background(rng, side):
    """A plain level, half the time with a slope: (side, side) grey levels."""
    canvas = np.full((side, side), rng.uniform(0, 90), np.float32)
    if rng.random() < 0.5:
        a, h = rng.uniform(0, 2 * math.pi), rng.uniform(5, 25)
        g = np.linspace(-h, h, side, dtype=np.float32)
        canvas = np.maximum(canvas + math.sin(a) * g[:, None] + math.cos(a) * g[None], 0)
    return canvas


def draw(canvas, ink, y, x, contrast):
    s = len(ink)
    part = canvas[y:y + s, x:x + s]
    part += (255 - part) * ink * contrast


def apart(y, x, h, w, boxes):
    return all(y + h < by or by + bh < y or x + w < bx or bx + bw < x for by, bx, bh, bw in boxes)


def still(rng, bank, form, n_max=6):
    """(canvas float32 (1, side, side), items, aux): items are (digit, size, centre y, centre x)."""
    grid = FORMS[form][1]
    side = grid * PATCH
    while True:
        n, mode, m = rng.randint(1, n_max), rng.randrange(3), rng.randrange(10)
        pool = list(range(0, m + 1) if mode == 0 else range(m, 10) if mode == 1 else range(10))
        if rng.random() < 0.4:                                  # few classes: repeated digits
            pool = rng.sample(pool, min(len(pool), rng.randint(1, 3)))
        digits = [rng.choice(pool) for _ in range(n)]
        digits[0] = m if mode < 2 else digits[0]
        rng.shuffle(digits)
        top = rng.choice((2, 3, 4)) if n > 1 else rng.randrange(5)
        canvas, boxes, items, aux = background(rng, side), [], [], np.full(grid * grid, 10, np.int64)
        for i, d in enumerate(digits):
            level = top if i == 0 else rng.randint(0, top - 1)
            for attempt in range(60):
                s = SIZES[level if attempt < 30 or i == 0 else 0]
                y, x = rng.randint(0, side - s), rng.randint(0, side - s)
                if apart(y, x, s, s, boxes):
                    break
            else:
                continue
            ink, y0, x0, y1, x1 = rng.choice(bank[s][d])
            draw(canvas, ink, y, x, rng.uniform(.7, 1))
            boxes.append((y, x, s, s))
            items.append((d, s, y + (y0 + y1) / 2, x + (x0 + x1) / 2))
            aux[(y + y1) // PATCH * grid + (x + x1) // PATCH] = d
        return canvas[None], items, aux


def clip(rng, bank, n_max=4):
    """(canvas float32 (8, side, side), facts, aux)."""
    frames, grid = FORMS["clip"]
    side = grid * PATCH
    while True:
        classes = rng.sample(range(10), 5)
        first, second, mover, *stay = classes
        when = 0 if rng.random() < 0.15 else rng.randint(2, 8)     # frame of the change, 0: never
        moves = n_max > 1 and rng.random() < 0.8
        stay = stay[:min(rng.choice((0, 0, 1, 1, 1, 2)), n_max - 1 - moves)]
        if stay and moves and rng.random() < 0.3:
            stay[0] = mover
        boxes, objects = [], []                                  # objects: (digits by frame, ys, xs, size)
        direction = rng.choice(("left", "right", "up", "down")) if moves else "none"
        plans = ([("mover", mover)] if moves else []) + [("change", first)] + [("stay", d) for d in stay]
        for role, d in plans:
            s = SIZES[rng.choice((0, 0, 1, 2))]
            for attempt in range(40):
                if attempt > 20: s = 8
                far = rng.randint(10, side - s) if role == "mover" else 0
                h, w = (s, s + far) if direction in ("left", "right") and far else (s + far, s)
                y, x = rng.randint(0, side - h), rng.randint(0, side - w)
                if apart(y, x, h, w, boxes):
                    break
            else:
                break
            boxes.append((y, x, h, w))
            steps = [round(far * f / 7) for f in range(frames)]
            if direction in ("left", "up"):
                steps = [far - t for t in steps]
            vertical = h > w
            ys = [y + t * vertical for t in steps] if far else [y] * frames
            xs = [x + t * (not vertical) for t in steps] if far else [x] * frames
            ds = [second if role == "change" and when and f + 1 >= when else d for f in range(frames)]
            objects.append((ds, ys, xs, s))
        if len(objects) < len(plans):
            continue
        ground = background(rng, side)
        canvas, aux = np.repeat(ground[None], frames, 0), np.full((frames, grid * grid), 10, np.int64)
        for ds, ys, xs, s in objects:
            contrast, looks = rng.uniform(.7, 1), {d: rng.choice(bank[s][d]) for d in dict.fromkeys(ds)}
            for f in range(frames):
                ink, _, _, y1, x1 = looks[ds[f]]
                draw(canvas[f], ink, ys[f], xs[f], contrast)
                moving = ys[0] != ys[-1] or xs[0] != xs[-1]
                does = EVENTS.index(direction) if moving else EVENTS.index("change") if f and ds[f] != ds[f - 1] else 0
                aux[f, (ys[f] + y1) // PATCH * grid + (xs[f] + x1) // PATCH] = (
                    ds[f] + 16 * (0 if moving and f == 0 else does + 1))
        facts = dict(count=len(objects), seen=sorted({d for o in objects for d in o[0]}), change=when,
                     direction=direction, mover=mover if moves else None, first=first, second=second)
        return canvas, facts, aux.reshape(-1)


def scene(rng, bank, form, n_max):
    return clip(rng, bank, n_max) if form == "clip" else still(rng, bank, form, n_max)


def add_noise(canvas, rng):
    """Normal pixel noise whose sigma, 0 to 5 grey levels, is one number a scene; rounded to uint8."""
    g = np.random.default_rng(rng.getrandbits(32))
    n = g.standard_normal(canvas.shape, dtype=np.float32) * g.uniform(0, 5)
    return np.clip(canvas + n + .5, 0, 255).astype(np.uint8)


# ---------------------------------------------------------------- questions
def ask(rng, kind, what):
    """(question words, answer word) of one kind about a scene: a list of items, or the facts of a clip."""
    if isinstance(what, dict):
        have, changed = what["seen"], what["change"] > 0
        answers = dict(count=("how many digits ?", what["count"]),
                       distinct=("how many different digits ?", len(have)),
                       change=("when does a digit change ?", what["change"] if changed else "never"),
                       direction=("where does a digit move ?", what["direction"]),
                       mover=("which digit moves ?", "none" if what["mover"] is None else what["mover"]),
                       appears=("which digit appears ?", what["second"] if changed else "none"),
                       vanishes=("which digit vanishes ?", what["first"] if changed else "none"))
        if kind in answers:
            return answers[kind][0], str(answers[kind][1])
    else:
        have = [it[0] for it in what]
    absent = [d for d in range(10) if d not in have]
    if kind == "exists":
        yes = rng.random() < 0.5
        return f"is there a {rng.choice(have if yes else absent)} ?", "yes" if yes else "no"
    if kind == "count":
        return "how many digits ?", str(len(what))
    if kind == "count_of":
        by = {c: [d for d in range(10) if have.count(d) == c] for c in dict.fromkeys(map(have.count, range(10)))}
        c = rng.choices(list(by), [{0: .5, 1: .7}.get(c, 1.3) for c in by])[0]
        return f"how many {rng.choice(by[c])} ?", str(c)
    if kind in ("largest", "smallest"):
        return f"what is the {kind} ?", str(max(have) if kind == "largest" else min(have))
    if kind == "biggest":
        return "which digit is biggest ?", str(max(what, key=lambda it: it[1])[0])
    opts = []
    for word, ax, sign in (("leftmost", 3, 1), ("rightmost", 3, -1), ("topmost", 2, 1), ("bottommost", 2, -1)):
        o = sorted(what, key=lambda it: sign * it[ax])
        margin = 99 if len(o) < 2 or o[0][0] == o[1][0] else abs(o[1][ax] - o[0][ax])
        opts.append((margin, word, o[0][0]))
    _, word, d = rng.choice([o for o in opts if o[0] >= 3] or [max(opts)])
    return f"which digit is {word} ?", str(d)


def batch(seed, bank, form, size, n_max):
    """Scenes with the questions of `packed`: images uint8 (B, frames, side, side), ids (B, T) of `<bos> <image>
    </image>` and all questions, answers (B, questions), aux (B, visual tokens): the digit whose
    ink ends in a patch, 10 for none; in a clip plus 16 times the number of its event, counted from 1, 0 for none."""
    rng = random.Random(seed)
    kinds, img, ids, ans, aux = packed(form), [], [], [], []
    for _ in range(size):
        canvas, what, a = scene(rng, bank, form, n_max)
        qa = [ask(rng, k, what) for k in kinds]
        ids.append(encode("<bos> <image> </image> " + " ".join(words + " <answer>" for words, _ in qa)))
        img.append(add_noise(canvas, rng)); ans.append([ID[a] for _, a in qa]); aux.append(a)
    return np.stack(img), np.array(ids), np.array(ans), np.stack(aux)
