"""Pruning of models in files."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

from ._tamp import ColumnNorm, Plan, Recipe, _prune_files, save_norms

Path = Union[str, "os.PathLike[str]"]


def prune_files(
    model: Path,
    out: Path,
    recipe: Recipe,
    norms: Path | Mapping[str, ColumnNorm] | None = None,
    plan: Path | Plan | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    packed: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int, int, str], object] | None = None,
) -> dict[str, Any]:
    """Prune a model in files of any size, as the program ``tamp_prune`` does, and return its report.

    ``model`` is a safetensors or GGUF file, or a folder of Hugging Face; ``out`` is written in its form.
    Two layers are in memory at a time. The scores are magnitude, wanda and ria, the allocations uniform,
    owl, erk and lamp. ``norms`` are the column norms by the names of the weights, or a file of them:
    safetensors, or llama.cpp's imatrix. ``plan`` says how much each layer loses.

    ``only`` and ``exclude`` are patterns of names. With ``packed`` the layers are written sparse.

    ``on_progress(done, total, what)`` is called with bytes between two layers. Ctrl-C, or an exception of
    the callback, stops the run; the same call with ``resume=True`` goes on, and must have equal norms.
    Norms that may come out otherwise the next time are better saved by ``save_norms`` and given as a
    file. The model itself is never changed.

    Raises ``FileError`` if a file cannot be read or written, and ``ValueError_`` if a weight or a norm
    cannot be used, before ``out`` is written.
    """
    with tempfile.TemporaryDirectory(prefix="tamp") as folder:
        if isinstance(norms, Mapping):
            # A run that goes on compares the contents of the file, not its name.
            norms_path = os.path.join(folder, "norms.safetensors")
            save_norms(norms_path, dict(norms))
        else:
            norms_path = "" if norms is None else os.fspath(norms)
        if isinstance(plan, Plan):
            plan_path = os.path.join(folder, "plan.json")
            plan.save(plan_path)
        else:
            plan_path = "" if plan is None else os.fspath(plan)
        report = os.path.join(folder, "report.json")
        _prune_files(model, out, recipe, norms_path, plan_path, report, list(only), list(exclude), packed,
                     resume, overwrite, on_progress)
        with open(report, encoding="utf-8") as file:
            return json.load(file)


__all__ = ["prune_files", "save_norms"]
