#!/usr/bin/env python3
"""Times the published algorithms as PyTorch runs them on a GPU against tamp's kernels, on the same tensors.

    bash bench/run.sh gpu
    compare.py [--sizes 4096x11008,...] [--elements float,bf16] [--repeat 9] [--json FILE]

PyTorch, tamp and a copy from device to device take turns on freshly written weights; times are the GPU's,
medians. Every mask is compared to a stable order, and the exit status is 1 if one is not equal.
"""
import argparse
import ctypes
import datetime
import json
import pathlib
import statistics
import sys

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "compare"))
import exact  # noqa: E402
import published  # noqa: E402

ELEMENTS = {"float": torch.float32, "bf16": torch.bfloat16}
RECIPES = {"wanda_per_row": published.wanda_per_row, "wanda_2:4": lambda W, row, _: published.wanda_2_4(W, row),
           "magnitude_per_tensor": lambda W, _, sparsity: published.magnitude_per_tensor(W, sparsity)}
TUNED = {"wanda_per_row": published.tuned_wanda_per_row,
         "wanda_2:4": lambda W, row, _: published.tuned_wanda_2_4(W, row),
         "magnitude_per_tensor": lambda W, _, sparsity: published.tuned_magnitude_per_tensor(W, sparsity)}
SPARSITY = 0.5


def listed(of_item):
    return lambda text: [of_item(item) for item in text.split(",")]


def shape(text):
    rows, _, cols = text.partition("x")
    return int(rows), int(cols)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=listed(shape), default=[(4096, 11008), (8192, 28672)], metavar="RxC,...")
    parser.add_argument("--elements", type=listed(str), default=["float", "bf16"], metavar="float,bf16")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--library", default=HERE.parents[1] / "build/cuda/bench/cuda/libtamp_compare_cuda.so")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def pointer(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


class Library:
    def __init__(self, path):
        self._library = ctypes.CDLL(str(path))
        self._call("gpu_prepare")

    def _call(self, name, *arguments):
        function = getattr(self._library, name)
        function.restype = ctypes.c_char_p
        problem = function(*arguments, ctypes.c_void_p(torch.cuda.current_stream().cuda_stream))
        if problem is not None:
            sys.exit("compare.py: " + problem.decode())

    def prune(self, recipe, element, W, norms):
        self._call("gpu_prune", recipe.encode(), element.encode(), pointer(W), ctypes.c_size_t(W.shape[0]),
                   ctypes.c_size_t(W.shape[1]), pointer(norms), ctypes.c_double(SPARSITY))

    def column_norm(self, element, X, norms):
        self._call("gpu_column_norm", element.encode(), pointer(X), ctypes.c_size_t(X.shape[0]),
                   ctypes.c_size_t(X.shape[1]), pointer(norms))


def milliseconds(work):
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def take_turns(works, refresh, repeat):
    """Medians. Each runs once before, to load what it needs."""
    for work in works.values():
        refresh()
        work()
    times = {name: [] for name in works}
    for _ in range(repeat):
        for name, work in works.items():
            refresh()
            times[name].append(milliseconds(work))
    return {name + "_ms": statistics.median(taken) for name, taken in times.items()}


def compare_recipe(library, recipe, element, rows, cols, repeat):
    generator = torch.Generator("cuda").manual_seed(1)
    original = torch.randn(rows, cols, device="cuda", generator=generator)
    original *= torch.exp(0.3 * torch.randn(rows, 1, device="cuda", generator=generator))
    original = original.to(ELEMENTS[element])
    scaler_row = torch.exp(torch.randn(cols, device="cuda", generator=generator)) ** 2
    norms = torch.sqrt(scaler_row)
    W, other = original.clone(), torch.empty_like(original)
    library.prune(recipe, element, W, norms)
    keep = exact.RECIPES[recipe](original, scaler_row, SPARSITY)
    is_equal = exact.same_bits(W, torch.where(keep, original, torch.zeros_like(original)))
    del keep
    times = take_turns({"torch": lambda: RECIPES[recipe](W, scaler_row, SPARSITY),
                        "best": lambda: TUNED[recipe](W, scaler_row, SPARSITY),
                        "tamp": lambda: library.prune(recipe, element, W, norms),
                        "copy": lambda: other.copy_(original)}, lambda: W.copy_(original), repeat)
    return times, "same mask" if is_equal else "NOT EQUAL"


def compare_column_norm(library, element, rows, cols, repeat):
    X = torch.randn(rows, cols, device="cuda").to(ELEMENTS[element])
    other, norms = torch.empty_like(X), torch.empty(cols, device="cuda")
    library.column_norm(element, X, norms)
    exactly = X.double().pow(2).sum(0).sqrt()
    error = ((norms.double() - exactly).abs() / exactly).max().item()
    times = take_turns({"torch": lambda: published.column_norm(torch.zeros(cols, device="cuda"), X),
                        "best": lambda: published.tuned_column_norm(torch.zeros(cols, device="cuda"), X),
                        "tamp": lambda: library.column_norm(element, X, norms),
                        "copy": lambda: other.copy_(X)}, lambda: None, repeat)
    return times, f"relative error {error:.0e}" + ("" if error < 1e-6 else ", NOT EQUAL")


def main():
    options = parse()
    if not torch.cuda.is_available():
        sys.exit("compare.py: PyTorch sees no GPU")
    library = Library(options.library)
    gpu = torch.cuda.get_device_name()
    print(f"{gpu}; PyTorch {torch.__version__}; milliseconds")
    print(f"{'task':21} {'size':>11} {'element':>7} {'PyTorch':>10} {'at best':>9} {'tamp':>8} {'copy':>8} "
          f"{'to copy':>7} {'speed-up':>8}  result")
    rows_of_results, failed = [], 0
    for task in [*RECIPES, "column_norm"]:
        for rows, cols in options.sizes:
            for element in options.elements:
                if task == "column_norm":
                    times, result = compare_column_norm(library, element, rows, cols, options.repeat)
                else:
                    times, result = compare_recipe(library, task, element, rows, cols, options.repeat)
                failed += "NOT EQUAL" in result
                print(f"{task:21} {rows:>5}x{cols:<5} {element:>7} {times['torch_ms']:10.3f} {times['best_ms']:9.3f} "
                      f"{times['tamp_ms']:8.3f} {times['copy_ms']:8.3f} {times['tamp_ms'] / times['copy_ms']:7.2f} "
                      f"{times['torch_ms'] / times['tamp_ms']:8.1f}  {result}", flush=True)
                rows_of_results.append({"task": task, "rows": rows, "cols": cols, "element": element, **times,
                                        "result": result})
    if options.json:
        options.json.write_text(json.dumps({"gpu": gpu, "torch": torch.__version__,
                                            "date": datetime.date.today().isoformat(),
                                            "results": rows_of_results}, indent=1) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
