#!/usr/bin/env python3
"""Prunes tiny models of many architectures with tamp_prune, and runs what comes out.

    check.py TAMP_PRUNE FOLDER [ARCHITECTURE...]

models.py makes the models. What must be pruned is read off the modules that compute: each torch.nn.Linear and
Conv1D below a numbered module, and parameters of three dimensions that hold an expert in each slice, but for the
routers that models.py names. Of each of their outputs half of the weights must be zero, the smallest ones, and
all else must be as it was, to the bit. With --packed, compressed-tensors must read the same tensors.
"""

import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore", category=FutureWarning)  # torch about itself

import torch
import transformers
from compressed_tensors.compressors import ModelCompressor
from safetensors.torch import load_file
from transformers.pytorch_utils import Conv1D

import models

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def bits(tensor):
    return tensor.contiguous().flatten().view(torch.uint8)


def is_equal(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))


def is_in_block(name):
    return any(part.isdigit() for part in name.split(".")[1:])


def pruned_parameters(model, architecture):
    """The names of the parameters to be pruned, with the dimension over which each sums its inputs, and those of
    linear modules of blocks that are not to be pruned."""
    pruned, dense = {}, []
    for name, module in model.named_modules():
        if not is_in_block(name):
            continue
        if isinstance(module, (torch.nn.Linear, Conv1D)):
            if name.endswith(architecture.dense) and architecture.dense:
                dense.append(name)
            else:
                pruned[f"{name}.weight"] = 0 if isinstance(module, Conv1D) else 1
        for parameter, _ in module.named_parameters(recurse=False):
            whole = f"{name}.{parameter}"
            for end, dimension in architecture.fused.items():
                if whole.endswith(end):
                    pruned[whole] = dimension
    return pruned, dense


def random(model):
    """All parameters drawn anew, so that none is zero and no two weights of a row are equal."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.05 + (1 if parameter.dim() < 2 else 0))


def observe(model, inputs, path):
    """Writes the column norms of all linear modules, as examples/python/observe.py does, and returns them."""
    spec = importlib.util.spec_from_file_location("observe", EXAMPLES / "python" / "observe.py")
    written = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(written)
    sums, tokens, hooks = {}, {}, []

    def hook_of(name):
        def hook(_, given):
            x = given[0].detach().reshape(-1, given[0].shape[-1]).double()
            sums[name] = sums.get(name, 0) + x.square().sum(0).numpy()
            tokens[name] = tokens.get(name, 0) + len(x)
        return hook

    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, Conv1D)):
            hooks.append(module.register_forward_pre_hook(hook_of(f"{name}.weight")))
    with torch.no_grad():
        model(**inputs)
    for hook in hooks:
        hook.remove()
    written.write_norms(str(path), sums, tokens)
    return {name: torch.from_numpy((squares / tokens[name])**0.5) for name, squares in sums.items()}


def check_weight(name, before, after, dimension, options, norms):
    """Yields what is wrong with one pruned weight."""
    kept = after != 0
    if not torch.equal(bits(after), bits(torch.where(kept, before, torch.zeros_like(before)))):
        yield f"{name}: a kept weight has changed"
    # (..., outputs, inputs)
    kept, scores = kept.transpose(dimension, -1), before.abs().double().transpose(dimension, -1)
    inputs = kept.shape[-1]
    if norms is not None:
        scores = scores * norms[name]
    if "2:4" in options:
        groups = (*kept.shape[:-1], inputs // 4, 4)
        kept, scores, dropped = kept.reshape(groups), scores.reshape(groups), 2
    else:
        dropped = inputs // 2
    zeros = (~kept).sum(-1)
    if not torch.all(zeros == dropped):
        yield (f"{name} {tuple(before.shape)}: {dropped} of {kept.shape[-1]} inputs of each output must be zero, not "
               f"{zeros.min()} to {zeros.max()}")
    largest = scores.masked_fill(kept, -1).amax(-1)
    smallest = scores.masked_fill(~kept, torch.inf).amin(-1)
    if not torch.all(largest <= smallest * (1 + 1e-9)):
        yield f"{name}: a larger weight was dropped than one that is kept"


def check_files(dense, pruned):
    """Yields what differs between two folders, but for the numbers in safetensors files."""
    files = [sorted(p.relative_to(folder) for p in folder.rglob("*")) for folder in (dense, pruned)]
    if files[0] != files[1]:
        yield f"the files {files[0]} became {files[1]}"
        return
    for path in files[0]:
        a, b = ((folder / path).read_bytes() for folder in (dense, pruned))
        if path.suffix == ".safetensors":
            header = 8 + int.from_bytes(a[:8], "little")
            if len(a) != len(b) or a[:header] != b[:header]:
                yield f"the header of {path} has changed"
        elif a != b:
            yield f"{path} has changed"


def check_packed(pruned, packed):
    """Yields what differs between a pruned folder and the same one packed, as compressed-tensors reads it."""
    expected = {}
    for path in pruned.glob("*.safetensors"):
        expected.update(load_file(path))
    compressor = ModelCompressor.from_pretrained(packed)
    found = dict(compressor.sparsity_compressor.decompress(str(packed)))
    if expected.keys() != found.keys():
        yield f"packed: other tensors: {expected.keys() ^ found.keys()}"
    for tensor in expected.keys() & found.keys():
        if not is_equal(expected[tensor], found[tensor]):
            yield f"packed: {tensor} has changed"


def check(name, architecture, program, folder):
    """Returns what is wrong, and a line of the table."""
    torch.manual_seed(1)
    model = architecture.make().eval()
    random(model)
    model = model.to(architecture.dtype)
    dense, pruned, report = folder / "dense", folder / "pruned", folder / "report.json"
    model.save_pretrained(dense, max_shard_size="20KB" if architecture.is_sharded else "5GB")
    model = type(model).from_pretrained(dense, dtype=architecture.dtype).eval()  # as it is stored
    shards = len(list(dense.glob("*.safetensors")))
    problems = [] if (shards > 1) == architecture.is_sharded else [f"it has {shards} files"]

    inputs = {key: value.to(architecture.dtype) if value.is_floating_point() else value
              for key, value in architecture.inputs().items()}
    options, norms = list(architecture.options), None
    if architecture.wanda:
        norms = observe(model, inputs, folder / "norms.safetensors")
        options += ["--score", "wanda", "--statistics", str(folder / "norms.safetensors")]
    command = [program, str(dense), "--out", str(pruned), "--report", str(report)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    if architecture.refused:
        if done.returncode == 0 or any(words not in done.stderr for words in architecture.refused) or pruned.exists():
            problems.append(f"it is not refused with {architecture.refused}: {done.stderr.strip()}")
        options += [word for pattern in architecture.only for word in ("--only", pattern)]
        done = subprocess.run([*command, *options], capture_output=True, text=True)
    if done.returncode != 0:
        return [*problems, done.stderr.strip()], ""

    expected, routers = pruned_parameters(model, architecture)
    problems += check_files(dense, pruned)
    again, loading = type(model).from_pretrained(pruned, dtype=architecture.dtype, output_loading_info=True)
    problems += [f"{what}: {names}" for what, names in loading.items() if names]
    before, after = model.state_dict(), again.state_dict()
    if before.keys() != after.keys():
        problems.append(f"other tensors: {before.keys() ^ after.keys()}")
    for tensor in before.keys() & after.keys():
        if tensor not in expected:
            if not is_equal(before[tensor], after[tensor]):
                problems.append(f"{tensor} {tuple(before[tensor].shape)} has changed")
        elif is_equal(before[tensor], after[tensor]):
            problems.append(f"{tensor} {tuple(before[tensor].shape)} was not pruned")
        else:
            problems += check_weight(tensor, before[tensor], after[tensor], expected[tensor], options, norms)
    with torch.no_grad():
        output = again.eval()(**inputs)
    for key, value in output.items():
        if torch.is_tensor(value) and value.is_floating_point() and not torch.isfinite(value).all():
            problems.append(f"the output {key} is not finite")

    packed = folder / "packed"
    done = subprocess.run([program, str(dense), "--out", str(packed), "--packed", *options], capture_output=True,
                          text=True)
    problems += check_packed(pruned, packed) if done.returncode == 0 else [done.stderr.strip()]

    told = json.loads(report.read_text())
    slices = sum(before[tensor].shape[0] if before[tensor].dim() == 3 else 1 for tensor in expected)
    if len(told["layers"]) != slices:
        problems.append(f"the report lists {len(told['layers'])} layers of {slices}")
    problems += [f"no linear module is called {end}" for end in architecture.dense
                 if not any(name.endswith(end) for name in routers)]
    left = ", ".join(architecture.dense) or "none"
    return problems, (f"{slices:4} of {slices + len(routers):4}, {shards:2} file{'s' if shards > 1 else ' '} of "
                      f"{str(architecture.dtype)[6:]}; dense: {left}")


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    names = sys.argv[3:] or list(models.MODELS)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print("Layers pruned of the linear layers in blocks, files, and the linear layers of blocks that stay dense:")
    failed = 0
    for name in names:
        place = folder / name.replace(" ", "_").replace(":", "_").replace(",", "")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        problems, line = check(name, models.MODELS[name], program, place)
        print(f"{name:22}{line}", flush=True)
        for problem in problems[:8]:
            print(f"    {problem}")
        if len(problems) > 8:
            print(f"    and {len(problems) - 8} more")
        failed += bool(problems)
        if not problems:
            shutil.rmtree(place)
    print(f"{len(names) - failed} of {len(names)} architectures are as they should be")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
