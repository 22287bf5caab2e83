"""video_mllm in PyTorch: LLaMA blocks with Hugging Face's names, visual tokens from a linear patch embedding."""
import torch
import torch.nn as nn
import torch.nn.functional as F

import world as W

CONFIG = dict(hidden_size=256, num_hidden_layers=8, num_attention_heads=4, num_key_value_heads=2, head_dim=64,
              intermediate_size=512, rms_norm_eps=1e-5, rope_theta=10000.0, vocab_size=len(W.WORDS),
              model_type="llama", tie_word_embeddings=False, hidden_act="silu", patch_size=W.PATCH)
HD = CONFIG["head_dim"]
ROWS = max(g for _, g in W.FORMS.values())
FRAMES = max(f for f, _ in W.FORMS.values())
AUX_AFTER, EVENT_AFTER, SEEN_AFTER = 3, 5, 6                           # blocks


def patches(images):
    """(B, frames, side, side) uint8 -> (B, frames * grid * grid, 36): x/255, frame by frame in raster order."""
    x = torch.as_tensor(images).float() / 255
    b, f, side, _ = x.shape
    g = side // W.PATCH
    return x.view(b, f, g, W.PATCH, g, W.PATCH).permute(0, 1, 2, 4, 3, 5).reshape(b, f * g * g, W.PATCH ** 2)


class RMSNorm(nn.Module):
    def __init__(self, d, sigma=0.0):
        super().__init__()
        g = torch.exp(sigma * torch.randn(d))
        self.weight = nn.Parameter(g / g.pow(2).mean().sqrt())
    def forward(self, x):
        return Norm.apply(x, self.weight)


class Norm(torch.autograd.Function):
    """RMSNorm with a backward pass of few passes over memory; computes in x's type but for the root."""
    @staticmethod
    def forward(ctx, x, w):
        ms = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32).square_() / x.shape[-1]
        r, w = torch.rsqrt(ms + CONFIG["rms_norm_eps"]).to(x.dtype), w.to(x.dtype)
        n = x * r
        ctx.save_for_backward(n, r, w)
        return n * w
    @staticmethod
    def backward(ctx, g):
        n, r, w = ctx.saved_tensors
        t = g * n
        gw = t.sum(tuple(range(g.dim() - 1)), dtype=torch.float32)
        m = (t @ w.unsqueeze(1)) / -n.shape[-1]
        return torch.addcmul(g * w, n, m).mul_(r), gw


def rope(x, cos, sin):                # x (B, T, heads, 64); rotate_half convention
    h = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., h:], x[..., :h]], -1) * sin


def attend(q, k, v, mask):
    """q (B, kv heads, queries of a key head, R, 64), k and v (B, kv heads, T, 64) -> (B, R, heads * 64). Several times
    as fast as the fused kernel on AMX."""
    B, G, n, R, _ = q.shape
    p = torch.softmax((q.reshape(B, G, n * R, HD) @ k.transpose(2, 3)).view(B, G, n, R, -1) + mask, -1)
    return (p.view(B, G, n * R, -1) @ v).view(B, G, n, R, HD).permute(0, 3, 1, 2, 4).reshape(B, R, -1)


def joined(x, *layers):
    """Several linear layers of the same input at once."""
    return F.linear(x, torch.cat([l.weight for l in layers])).split([l.out_features for l in layers], -1)


class Block(nn.Module):
    def __init__(self, sigma):
        super().__init__()
        d, f, kv = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["num_key_value_heads"] * HD
        lin = lambda i, o: nn.Linear(i, o, bias=False)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(d, sigma), RMSNorm(d, sigma)
        self.self_attn = nn.ModuleDict(dict(q_proj=lin(d, d), k_proj=lin(d, kv), v_proj=lin(d, kv), o_proj=lin(d, d)))
        self.mlp = nn.ModuleDict(dict(gate_proj=lin(d, f), up_proj=lin(d, f), down_proj=lin(f, d)))

    def forward(self, x, cos, sin, mask, first, rows):
        """The first `first` rows see each other alone. mask (T, T) is added. rows: only these are computed
        (None: all; the last block needs the answers alone)."""
        B, T, D = x.shape
        a, m = self.self_attn, self.mlp
        h = self.input_layernorm(x)
        G = CONFIG["num_key_value_heads"]
        if rows is None:
            q, k, v = joined(h, a["q_proj"], a["k_proj"], a["v_proj"])
        else:
            k, v = joined(h, a["k_proj"], a["v_proj"])
            q, x = a["q_proj"](h[:, rows]), x[:, rows]
        k = rope(k.view(B, T, G, HD), cos, sin).transpose(1, 2)
        v = v.view(B, T, G, HD).transpose(1, 2)
        if rows is not None:
            cos, sin, mask, first = cos[rows], sin[rows], mask[rows], 0
        R, s = x.shape[1], HD ** -0.5
        q = rope(q.view(B, R, -1, HD), cos * s, sin * s).view(B, R, G, -1, HD).permute(0, 2, 3, 1, 4)
        o = attend(q[..., first:, :], k, v, mask[first:])
        if first:
            o = torch.cat([attend(q[..., :first, :], k[:, :, :first], v[:, :, :first], mask[:first, :first]), o], 1)
        x = x + a["o_proj"](o)
        h = self.post_attention_layernorm(x)
        gate, up = joined(h, m["gate_proj"], m["up_proj"])
        return x + m["down_proj"](F.silu(gate) * up)


class VideoMLLM(nn.Module):
    def __init__(self, sigma=0.0):
        """sigma: of the logarithms of the RMSNorm gains of the blocks at the start."""
        super().__init__()
        d = CONFIG["hidden_size"]
        layers = nn.ModuleList(Block(sigma) for _ in range(CONFIG["num_hidden_layers"]))
        self.model = nn.ModuleDict(dict(embed_tokens=nn.Embedding(CONFIG["vocab_size"], d), layers=layers, norm=RMSNorm(d)))
        self.lm_head = nn.Linear(d, CONFIG["vocab_size"], bias=False)
        self.visual = nn.ModuleDict(dict(patch_embed=nn.Linear(W.PATCH ** 2, d), row_embed=nn.Embedding(ROWS, d),
                                         column_embed=nn.Embedding(ROWS, d), frame_embed=nn.Embedding(FRAMES, d)))
        self.aux = nn.Linear(d, 11)                                           # training only
        self.register_buffer("aux_tie", torch.zeros(()))
        for n, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.05 / (4 if "o_proj" in n or "down_proj" in n else 1))
        v = self.visual
        for w, s in ((v["patch_embed"], .3), (v["row_embed"], .2), (v["column_embed"], .2), (v["frame_embed"], .2),
                     (self.model["embed_tokens"], .3)):
            nn.init.normal_(w.weight, std=s)
        self.aux_event = nn.Linear(d, len(W.EVENTS))                          # training only
        nn.init.zeros_(self.aux_event.weight)
        nn.init.zeros_(self.aux_event.bias)

    def tie_aux(self):
        """From now on the auxiliary loss reads digits by the embeddings of their words, which become what it has read
        by so far: patches and questions speak of digits in the same directions, and can find each other."""
        with torch.no_grad():
            a, e = self.aux.weight[:10], self.model["embed_tokens"].weight
            digits = slice(W.ID["0"], W.ID["0"] + 10)
            self.aux_tie.copy_(a.norm(dim=1).mean() / e[digits].norm(dim=1).mean())
            e[digits] = a / self.aux_tie

    def aux_weight(self):
        if self.aux_tie == 0:
            return self.aux.weight
        words = self.model["embed_tokens"].weight[W.ID["0"]:W.ID["0"] + 10]
        return torch.cat([words * self.aux_tie, self.aux.weight[10:]])

    def places(self, form):
        frames, g = W.FORMS[form]
        v = self.visual
        return (v["frame_embed"].weight[:frames, None, None] + v["row_embed"].weight[None, :g, None]
                + v["column_embed"].weight[None, None, :g]).reshape(frames * g * g, -1)

    def forward(self, form, images, ids, layout, dtype=torch.float32, kernels=None):
        """ids (B, T): text ids; the visual tokens go after the first two. kernels: the module, for training in bf16.
        Returns the logits of the rows, what the auxiliary losses read of the visual tokens: the digit whose ink ends
        there, or none, and of `</image>`: the logits of each digit to be in the picture; and of the events of clips."""
        pos, mask, rows = layout
        e = self.model["embed_tokens"](ids)
        nv = W.visual_tokens(form)
        x = torch.cat([e[:, :2], self.visual["patch_embed"](patches(images)) + self.places(form), e[:, 2:]], 1)
        x = x.to(dtype)
        inv = CONFIG["rope_theta"] ** (-torch.arange(0, HD, 2).float() / HD)
        f = pos[:, None].float() * inv
        exact = f.cos(), f.sin(), mask, (mask > -1).int().mul(torch.arange(1, len(pos) + 1).int()).amax(1).int()
        cos, sin = (t(torch.cat([f, f], -1))[:, None].to(dtype) for t in (torch.cos, torch.sin))
        mask = mask.to(dtype)
        last = len(self.model["layers"]) - 1
        for i, layer in enumerate(self.model["layers"]):
            if kernels is not None and i < last:
                x = kernels.block(layer, x, *exact)
            else:
                x = layer(x, cos, sin, mask, nv + 3, rows if i == last else None)
            if i == AUX_AFTER - 1:
                aux = F.linear(x[:, 2:2 + nv], self.aux_weight(), self.aux.bias)
            if i == EVENT_AFTER - 1:
                event = self.aux_event(x[:, 2:2 + nv]).float() if form == "clip" else None
            if i == SEEN_AFTER - 1:
                seen = F.linear(x[:, 2 + nv], self.aux_weight()[:10]) - 1
        return self.lm_head(self.model["norm"](x)).float(), aux.float(), seen.float(), event


def packed_layout(form):
    """Position ids, additive mask, and <answer> rows of the questions behind one image.
    The questions do not see each other and each starts right after the image."""
    start = W.visual_tokens(form) + 3
    group, pos, rows = [0] * start, list(range(start)), []
    for g, kind in enumerate(W.packed(form)):
        n = W.QUESTION_LENGTH[kind] + 1
        group += [g + 1] * n
        pos += range(start, start + n)
        rows.append(len(group) - 1)
    group, t = torch.tensor(group), torch.arange(len(group))
    ok = (t[None] <= t[:, None]) & ((group[None] == group[:, None]) | (group[None] == 0))
    return torch.tensor(pos), torch.zeros(ok.shape).masked_fill(~ok, -1e9), torch.tensor(rows)
