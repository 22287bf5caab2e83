"""tamp through the C functions of shim.cpp. Tensors are PyTorch's, and are not copied."""
import ctypes
import os
import pathlib

import torch

DEFAULT = pathlib.Path(__file__).parents[2] / "build/bench/bench/libtamp_compare.so"
ELEMENTS = {"float": torch.float32, "bf16": torch.bfloat16}
NAMES = {dtype: name for name, dtype in ELEMENTS.items()}


class Problem(Exception):
    """An objection of the library, or of this program, to its input."""


def pointer(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


def size(number):
    return ctypes.c_size_t(number)


class Library:
    """The functions return the seconds that the work took, followed by its results, if any."""

    def __init__(self, path):
        if not os.path.exists(path):
            raise Problem(f"{path} is not there. Build it with: cmake --preset bench && "
                          "cmake --build --preset bench --target tamp_compare")
        try:
            self._library = ctypes.CDLL(str(path))
        except OSError as problem:
            raise Problem(f"{path} cannot be loaded: {problem}") from None
        self._call("why_not_measured")

    def _call(self, name, *arguments):
        function = getattr(self._library, "compare_" + name)
        function.restype = ctypes.c_char_p
        problem = function(*arguments)
        if problem is not None:
            raise Problem(problem.decode())

    def _time(self, name, *arguments):
        seconds = ctypes.c_double()
        self._call(name, *arguments, ctypes.byref(seconds))
        return seconds.value

    def instructions(self):
        name = ctypes.create_string_buffer(32)
        self._call("instructions", name, size(len(name)))
        return name.value.decode()

    def use_instructions(self, name):
        self._call("use_instructions", name.encode())

    def prune(self, recipe, W, norms, sparsity, threads):
        return self._time("prune", *self._weight(recipe, W, norms), ctypes.c_double(sparsity), threads)

    def select(self, recipe, W, norms, sparsity, threads):
        keep = torch.empty(W.shape, dtype=torch.bool)
        seconds = self._time("select", *self._weight(recipe, W, norms), ctypes.c_double(sparsity), threads,
                             pointer(keep))
        return seconds, keep

    @staticmethod
    def _weight(recipe, W, norms):
        rows, cols = W.shape
        return (recipe.encode(), NAMES[W.dtype].encode(), pointer(W), size(rows), size(cols), pointer(norms))

    def column_norm(self, X, threads):
        sums = torch.empty(X.shape[1], dtype=torch.float64)
        seconds = self._time("column_norm", NAMES[X.dtype].encode(), pointer(X), size(X.shape[0]),
                             size(X.shape[1]), threads, pointer(sums))
        return seconds, sums

    def outlier_ratio(self, W, norms, M, threads):
        ratio = ctypes.c_double()
        seconds = self._time("outlier_ratio", *self._weight("", W, norms)[1:], ctypes.c_double(M), threads,
                             ctypes.byref(ratio))
        return seconds, ratio.value

    def amia(self, Y, kinds, attention, threads):
        order = torch.empty(len(Y), dtype=torch.int64)
        count = ctypes.c_size_t()
        seconds = self._time("amia", pointer(Y), size(Y.shape[0]), size(Y.shape[1]), pointer(kinds),
                             pointer(attention), threads, pointer(order), ctypes.byref(count))
        return seconds, order[:count.value].tolist()

    def das(self, Y, kinds, threads):
        importance = ctypes.c_double()
        seconds = self._time("das", pointer(Y), size(Y.shape[0]), size(Y.shape[1]), pointer(kinds), threads,
                             ctypes.byref(importance))
        return seconds, importance.value

    def attention_top_k(self, attention, kinds, keep):
        heads, tokens = attention.shape
        kept = torch.empty(tokens, dtype=torch.int64)
        count = ctypes.c_size_t()
        seconds = self._time("attention_top_k", pointer(attention), size(heads), size(tokens), pointer(kinds),
                             size(keep), pointer(kept), ctypes.byref(count))
        return seconds, kept[:count.value]

    def read(self, tensor, threads):
        return self._time("read", pointer(tensor), size(tensor.numel() * tensor.element_size()), threads)

    def read_modify_write(self, tensor, threads):
        return self._time("read_modify_write", pointer(tensor),
                          size(tensor.numel() * tensor.element_size()), threads)

    def multiply_add(self, count, threads):
        return self._time("multiply_add", size(count), threads)
