"""Training-free pruning of transformers, in place on NumPy arrays and PyTorch tensors.

    norms = tamp.ColumnNorm().add(X)                      # what a layer saw
    recipe = tamp.wanda(sparsity=0.5)
    keep = tamp.select(W, norms, recipe)                  # W is untouched
    tamp.apply(W, keep)                                   # dropped weights are zero now
"""

from __future__ import annotations

from typing import Any, TypeVar, overload

from . import sparse, token
from ._tamp import (
    AmiaNorm,
    ColumnNorm,
    Error,
    FileError,
    Gram,
    Mask,
    Plan,
    PlannedLayer,
    Pruned,
    Recipe,
    ShapeError,
    TokenDiversity,
    ValueError_,
    amia,
    apply,
    compose,
    das,
    magnitude,
    owl,
    prune,
    ria,
    select,
    set_threads,
    sparsegpt,
    tamp,
    wanda,
)
from .arrays import Tensor
from .files import prune_files, save_norms
from .models import LayerReport, Report, plan, prune_model, tqdm_progress

__version__ = "0.2.0"

Statistic = TypeVar("Statistic", ColumnNorm, Gram)


@overload
def observe(x: Tensor) -> ColumnNorm: ...
@overload
def observe(x: Tensor, statistic: type[Statistic]) -> Statistic: ...
def observe(x: Tensor, statistic: Any = ColumnNorm) -> Any:
    """Return the statistic of one batch of activations, as ``ColumnNorm().add(x)`` does."""
    return statistic().add(x)


__all__ = [
    "AmiaNorm",
    "ColumnNorm",
    "Error",
    "FileError",
    "Gram",
    "LayerReport",
    "Mask",
    "Plan",
    "PlannedLayer",
    "Pruned",
    "Recipe",
    "Report",
    "ShapeError",
    "Tensor",
    "TokenDiversity",
    "ValueError_",
    "amia",
    "apply",
    "compose",
    "das",
    "magnitude",
    "observe",
    "owl",
    "plan",
    "prune",
    "prune_files",
    "prune_model",
    "ria",
    "save_norms",
    "select",
    "set_threads",
    "sparse",
    "sparsegpt",
    "tamp",
    "token",
    "tqdm_progress",
    "wanda",
]
