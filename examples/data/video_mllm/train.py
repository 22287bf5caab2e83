"""Trains video_mllm (model.py) on the scenes of world.py.

    python3 train.py --out out                 two CPU cores; --out holds the checkpoint that a new run goes on from

Every step reads a few small batches, whose scenes depend on the seed, the step and their place in it alone. The
workers, processes of one thread each, take them as they come, and average their gradients. So a machine that others
use loses time and nothing else; the sums of the gradients are rounded in an order that differs from run to run.
bf16 on processors with AMX. LD_PRELOAD of jemalloc saves a third of the time.
"""
import argparse
import csv
import os
import random
import time

import numpy as np
import torch
import torch.multiprocessing as mp
import torch.nn as nn
import torch.nn.functional as F

import model as M
import world as W

# from step, digits at most, small batches of a step: (form, scenes)
PHASES = [(0, 2, [("small", 12)] * 4),
          (300, 4, [("small", 12)] * 4),
          (450, 6, [("small", 12)] * 4),
          (700, 6, [("small", 10)] * 2 + [("large", 6), ("clip", 6)]),
          (1360, 6, [("clip", 6), ("large", 6), ("clip", 6), ("small", 10)])]
# steps at which auxiliary tasks begin: digits are read by the embeddings of their words, </image> is asked which
# digits are there, and digits in clips what they do
TIED_FROM, SEEN_FROM, EVENTS_FROM = 1040, 1120, 1360


def phase_of(step):
    return [p for p in PHASES if p[0] <= step][-1]


def rate(args, step):
    """Constant after a warm-up, then a straight line down to a fiftieth; between steps 1500 and 1600 it began to fall
    too early, when the machine was thought to be slower than it was."""
    down = (step - args.decay_from) / max(1, args.steps - args.decay_from)
    early = (step - 1500) / 780 if 1500 <= step < 1600 else 0
    return args.lr * min(1, (step + 1) / 200) * min(1, 1 - 0.98 * max(0, down, early))


def losses(model, form, data, layout, dtype, kernels=None, step=10**9):
    """Of the answers; of the auxiliary tasks together; which answers are right; how many digits are read."""
    img, ids, ans, aux = (torch.from_numpy(x) for x in data)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits, a, seen, event = model(form, img, ids, layout, dtype, kernels)
    happened, aux = (aux >> 4) - 1, aux & 15
    side = F.cross_entropy(a.flatten(0, 1), aux.flatten(), weight=torch.tensor([1.0] * 10 + [0.15]))
    if step >= SEEN_FROM:
        there = (aux[:, :, None] == torch.arange(10)).any(1).float()
        side = side + F.binary_cross_entropy_with_logits(seen, there)
    if step >= EVENTS_FROM and event is not None:
        side = side + F.cross_entropy(event.flatten(0, 1), happened.flatten(), weight=torch.tensor([.3] + [1.] * 5),
                                      ignore_index=-1)
    return (F.cross_entropy(logits.flatten(0, 1), ans.flatten()), side, logits.argmax(-1) == ans,
            (a.argmax(-1) == aux)[aux < 10].float().mean())


def worker(rank, args, grads, stats, ticket, barrier):
    os.nice(args.nice)
    if args.sessions:
        os.setsid()                                 # Linux divides processors among sessions, then among their processes
    torch.set_num_threads(1)
    np.finfo(np.float64), np.finfo(np.float32)      # numpy looks at denormals once, before they are switched off
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    train, held = W.digit_split()
    bank, hbank = W.build_bank(train, args.variants, random.Random(7)), W.build_bank(held, 1, random.Random(8))
    model, layouts = M.VideoMLLM(args.gain_sigma), {f: M.packed_layout(f) for f in W.FORMS}
    decay = [p for n, p in model.named_parameters() if "proj" in n]
    rest = [p for n, p in model.named_parameters() if "proj" not in n and "aux_event" not in n]
    events = list(model.aux_event.parameters())
    params = decay + rest + events
    opt = torch.optim.AdamW([dict(params=decay, weight_decay=args.decay), dict(params=rest, weight_decay=0.0),
                             dict(params=events, weight_decay=0.0)],
                            betas=(0.9, 0.98), eps=1e-9, fused=True)
    path, step, spent = os.path.join(args.out, "checkpoint.pt"), 0, 0.0
    if os.path.exists(path):
        saved = torch.load(path)
        model.load_state_dict(saved["model"], strict=False)
        if len(saved["optimizer"]["param_groups"]) == 2:
            n = len(decay) + len(rest)
            saved["optimizer"]["param_groups"].append(dict(saved["optimizer"]["param_groups"][1], params=[n, n + 1]))
        opt.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["seconds"]
    dtype = torch.bfloat16
    if args.plain:
        kernels = None
    else:
        import kernels
    start, sums = time.time(), {}
    log = csv.writer(open(os.path.join(args.out, "log.csv"), "a", buffering=1)) if rank == 0 else None
    while step < args.steps:
        _, n_max, plan = phase_of(step)
        if step >= TIED_FROM and model.aux_tie == 0:
            model.tie_aux()
        for g in opt.param_groups:
            g["lr"] = rate(args, step)
        for p in params:
            p.grad = None
        aux_weight = 1 - 0.8 * step / 6000
        while True:
            with ticket.get_lock():
                i, ticket.value = ticket.value, ticket.value + 1
            if i >= len(plan):
                break
            form, size = plan[i]
            seed = (args.seed * 1_000_003 + step) * 64 + i
            data = W.batch(seed, bank, form, size, n_max)
            loss, aux, right, read = losses(model, form, data, layouts[form], dtype, kernels, step)
            (loss + aux_weight * aux).backward()
            kinds = W.packed(form)
            stats[i, 0], stats[i, 1], stats[i, 2] = loss.item(), aux.item(), read.item()
            stats[i, 3:3 + len(kinds)] = right.float().mean(0)
        grads[rank].zero_()
        if params[0].grad is not None:
            torch.cat([torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in params],
                      out=grads[rank])
        barrier.wait()
        mean = grads.sum(0) / len(plan)
        if rank == 0:
            ticket.value = 0
            for (form, _), row in zip(plan, stats.tolist()):
                s = sums.setdefault(form, [0, np.zeros(stats.shape[1])])
                s[0] += 1; s[1] += row
        barrier.wait()
        for p, g in zip(params, mean.split([p.numel() for p in params])):
            p.grad = g.view_as(p)
        nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        step += 1
        if rank == 0 and step % args.every == 0:
            seconds = spent + time.time() - start
            for form, (n, s) in sums.items():
                log.writerow([step, f"{seconds:.0f}", f"{rate(args, step):.2e}", "training", form]
                             + [f"{x:.3f}" for x in s[:3] / n]
                             + [f"{k}={x:.3f}" for k, x in zip(W.packed(form), s[3:] / n)])
            sums = {}
            if step % (4 * args.every) == 0 or step == args.steps:
                for form in W.FORMS if step % (8 * args.every) == 0 else ():
                    with torch.no_grad():
                        loss, aux, right, read = losses(model, form, W.batch(99, hbank, form, args.held, 6),
                                                        layouts[form], dtype, kernels)
                    log.writerow([step, f"{seconds:.0f}", "", "held-out", form, f"{loss:.3f}", f"{aux:.3f}",
                                  f"{read:.3f}"] + [f"{k}={x:.3f}" for k, x in zip(
                                      W.packed(form), right.float().mean(0).tolist())])
                torch.save(dict(model=model.state_dict(), optimizer=opt.state_dict(), step=step, seconds=seconds,
                                args=vars(args)), path + ".new")
                os.replace(path + ".new", path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, text in (
            ("seed", 0, ""), ("steps", 2880, "of the whole run"), ("decay-from", 2080, "step at which the rate falls"),
            ("workers", 2, "processes of one thread each"), ("lr", 1.5e-3, "peak learning rate"),
            ("decay", 0.1, "weight decay of the linear layers of the blocks, and of nothing else"),
            ("gain-sigma", 0.7, "sigma of the logarithms of the RMSNorm gains at the start"),
            ("variants", 8, "distortions of each training digit"), ("every", 20, "steps between lines of the log"),
            ("held", 32, "held-out scenes of each form in the log"), ("nice", 5, ""), ("out", "out", "folder")):
        ap.add_argument("--" + name, type=type(default), default=default, help=text)
    ap.add_argument("--sessions", action="store_true", help="a session of the system for each worker")
    ap.add_argument("--plain", action="store_true", help="without the kernels in C++")
    args = ap.parse_args()
    if not args.plain:
        import kernels                          # compiled once, before the workers start
    os.makedirs(args.out, exist_ok=True)
    size = sum(p.numel() for p in M.VideoMLLM().parameters())
    context = mp.get_context("spawn")
    grads, stats = torch.zeros(args.workers, size).share_memory_(), torch.zeros(16, 20).share_memory_()
    mp.spawn(worker, (args, grads, stats, context.Value("i", 0), context.Barrier(args.workers)), nprocs=args.workers)


if __name__ == "__main__":
    main()
