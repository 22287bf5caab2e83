#!/usr/bin/env python3
"""Perplexity of GGUF models in llama.cpp, on a text.

    pip install --no-deps llama-cpp-cffi; pip install cffi numpy
    python3 llama_cpp_perplexity.py TEXT MODEL.gguf... [--chunks 8] [--length 256]

The text's tokens are cut into chunks, each begins with the model's first token, and the second half of
each is judged: exp(mean of -log p(token | tokens of the chunk before it)). It prints one line a model.
"""
import argparse
import importlib.util
import math
import pathlib
import sysconfig

import numpy as np


def bindings():
    """The extension module alone: the package around it needs many others."""
    folder = pathlib.Path(sysconfig.get_path("platlib")) / "llama"
    path = next(folder.glob("_llama_cpp_cpu*.so"))
    spec = importlib.util.spec_from_file_location("_llama_cpp_cpu", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ffi, module.lib


ffi, lib = bindings()
QUIET = ffi.callback("void(enum ggml_log_level, const char *, void *)", lambda level, text, data: None)


def start():
    lib.llama_log_set(QUIET, ffi.NULL)
    lib.llama_backend_init()


def load(path):
    parameters = lib.llama_model_default_params()
    parameters.use_mmap = True
    model = lib.llama_model_load_from_file(path.encode(), parameters)
    if model == ffi.NULL:
        raise SystemExit(f"llama.cpp cannot load {path}")
    return model


def tokens_of(vocabulary, text):
    text = text.encode()
    room = ffi.new("llama_token[]", len(text) + 8)
    count = lib.llama_tokenize(vocabulary, text, len(text), room, len(room), False, False)
    return list(room[0:count])


def perplexity(path, text, chunks, length, threads):
    model = load(path)
    vocabulary = lib.llama_model_get_vocab(model)
    size = lib.llama_vocab_n_tokens(vocabulary)
    tokens = tokens_of(vocabulary, text)
    begin = lib.llama_vocab_bos(vocabulary)
    parameters = lib.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = length
    parameters.n_threads = parameters.n_threads_batch = threads
    context = lib.llama_init_from_model(model, parameters)
    lost, judged = 0.0, 0
    for chunk in range(min(chunks, len(tokens) // (length - 1))):
        part = [begin] + tokens[chunk * (length - 1):(chunk + 1) * (length - 1)]
        batch = lib.llama_batch_init(length, 0, 1)
        batch.n_tokens = length
        for place, token in enumerate(part):
            batch.token[place], batch.pos[place], batch.n_seq_id[place] = token, place, 1
            batch.seq_id[place][0], batch.logits[place] = 0, 1
        lib.llama_kv_self_clear(context)
        if lib.llama_decode(context, batch) != 0:
            raise SystemExit(f"llama.cpp cannot decode with {path}")
        for place in range(length // 2, length - 1):
            logits = np.frombuffer(ffi.buffer(lib.llama_get_logits_ith(context, place), 4 * size), np.float32)
            top = logits.max()
            lost += top + math.log(np.exp(logits - top, dtype=np.float64).sum()) - logits[part[place + 1]]
            judged += 1
        lib.llama_batch_free(batch)
    lib.llama_free(context)
    lib.llama_model_free(model)
    return math.exp(lost / judged)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    start()
    with open(options.text, encoding="utf-8") as file:
        text = file.read()
    for path in options.models:
        print(f"{path}: {perplexity(path, text, options.chunks, options.length, options.threads):.3f}")


if __name__ == "__main__":
    main()
