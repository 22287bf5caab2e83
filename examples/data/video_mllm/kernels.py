"""The trainer's block in bf16 on one thread, with what is not a product of matrices in C++ (kernels.cpp, compiled at
the first use). It computes what model.Block does, but for the rounding, twice as fast."""
import os

import torch
from torch.utils.cpp_extension import load

import model as M

K = load("video_mllm_kernels", [os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.cpp")],
         extra_cflags=["-O3", "-march=native", "-ffast-math", "-fopenmp-simd"])
BF = torch.bfloat16


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        y, r = K.norm(x, w, M.CONFIG["rms_norm_eps"])
        ctx.save_for_backward(x, r, w)
        return y
    @staticmethod
    def backward(ctx, g):
        return tuple(K.norm_grad(g.contiguous(), *ctx.saved_tensors))


class Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gu):
        ctx.save_for_backward(gu)
        return K.gate(gu)
    @staticmethod
    def backward(ctx, g):
        return K.gate_grad(g.contiguous(), ctx.saved_tensors[0])


class Attend(torch.autograd.Function):
    """qkv (B, T, (heads + 2 groups) * 64) -> (B, T, heads * 64)."""
    @staticmethod
    def forward(ctx, qkv, cos, sin, mask, limit):
        (B, T, _), G, w = qkv.shape, M.CONFIG["num_key_value_heads"], M.HD
        n = M.CONFIG["num_attention_heads"] // G
        q, k, v = torch.empty(B, G, n, T, w, dtype=BF), torch.empty(B, G, T, w, dtype=BF), torch.empty(B, G, T, w, dtype=BF)
        K.turn(qkv, q, k, v, cos, sin, False)
        q, k, v = q.view(B * G, n * T, w), k.view(B * G, T, w), v.view(B * G, T, w)
        p = torch.bmm(q, k.transpose(1, 2))
        K.soften(p, mask, limit)
        ctx.save_for_backward(q, k, v, p, cos, sin, limit)
        return torch.bmm(p, v).view(B, G, n, T, w).permute(0, 3, 1, 2, 4).reshape(B, T, -1)
    @staticmethod
    def backward(ctx, g):
        q, k, v, p, cos, sin, limit = ctx.saved_tensors
        (B, T, _), G, w = g.shape, M.CONFIG["num_key_value_heads"], M.HD
        n = q.shape[1] // T
        g = g.view(B, T, G, n, w).permute(0, 2, 3, 1, 4).reshape(B * G, n * T, w)
        dv = torch.bmm(p.transpose(1, 2), g)
        s = torch.bmm(g, v.transpose(1, 2))
        K.soften_grad(s, p, limit)
        dq, dk = torch.bmm(s, k), torch.bmm(s.transpose(1, 2), q)
        d = torch.empty(B, T, (G * n + 2 * G) * w, dtype=BF)
        K.turn(d, dq.view(B, G, n, T, w), dk.view(B, G, T, w), dv.view(B, G, T, w), cos, sin, True)
        return d, None, None, None, None


class Linear(torch.autograd.Function):
    """x (..., in) by the rows of several fp32 weights, in bf16."""
    @staticmethod
    def forward(ctx, x, *weights):
        w = torch.cat([t.to(BF) for t in weights])
        ctx.save_for_backward(x, w)
        ctx.rows = [t.shape[0] for t in weights]
        return torch.nn.functional.linear(x, w)
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        g2 = g.reshape(-1, g.shape[-1])
        dw = (g2.t() @ x.reshape(-1, x.shape[-1])).float()
        return (g2 @ w).view(x.shape), *dw.split(ctx.rows)


def block(b, x, cos, sin, mask, limit):
    """model.Block of all rows. cos and sin (T, 32) and mask (T, T) in fp32, limit (T,): the first of the masked
    entries that end each row."""
    a, m = b.self_attn, b.mlp
    h = Norm.apply(x, b.input_layernorm.weight)
    qkv = Linear.apply(h, a["q_proj"].weight, a["k_proj"].weight, a["v_proj"].weight)
    x = x + Linear.apply(Attend.apply(qkv, cos, sin, mask, limit), a["o_proj"].weight)
    h = Norm.apply(x, b.post_attention_layernorm.weight)
    return x + Linear.apply(Gate.apply(Linear.apply(h, m["gate_proj"].weight, m["up_proj"].weight)), m["down_proj"].weight)
