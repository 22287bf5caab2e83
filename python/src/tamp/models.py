"""Plans and pruning of the weights of a whole model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Union

from ._tamp import (
    AmiaNorm,
    ColumnNorm,
    Gram,
    Plan,
    Recipe,
    TokenDiversity,
    ValueError_,
    _apply_all,
    _check_writable,
    _plan,
    magnitude,
    prune,
    select,
)
from .arrays import Tensor

ScoreStatistic = Union[ColumnNorm, AmiaNorm, Gram, Tensor]
LayerStatistic = Union[ScoreStatistic, TokenDiversity]
Progress = Callable[[int, int, str], object]


def block_of(name: str) -> str:
    """Return what names of weights of one block share: all up to the first number in the name."""
    parts = name.split(".")
    for k, part in enumerate(parts):
        if part.isdecimal():
            return ".".join(parts[: k + 1])
    return ""


def plan(
    weights: Mapping[str, Tensor],
    recipe: Recipe,
    statistics: Mapping[str, LayerStatistic] | None = None,
    *,
    exclude: Sequence[str] | None = None,
    unit: str | None = None,
    groups: Sequence[str] = (),
    fewest_tokens: int = 1,
) -> Plan:
    """Decide how much each layer of a model loses. The weights are only read.

    ``weights`` has the weight of each linear layer by its name, in the order of the model; names that
    share all up to their first number, such as ``model.layers.3``, are one block. ``statistics`` is
    what the allocation reads of each layer, those of the dense model: a ``ColumnNorm`` for owl (or the
    statistic from which its norms follow), a ``TokenDiversity`` for das.

    ``exclude`` has patterns of names that stay dense, in which ``*`` stands for any text; by default
    embeddings, heads, norms and routers. ``unit`` is what gets one sparsity: layer, block or group,
    the last with the patterns in ``groups``.

    Raises ``ValueError_`` if there is nothing to prune, statistics are missing, or a number cannot be
    used.
    """
    numbers: dict[str, int] = {}
    names = list(weights)
    blocks = [numbers.setdefault(block_of(name), len(numbers)) for name in names]
    return _plan(
        names,
        [weights[name] for name in names],
        blocks,
        dict(statistics or {}),
        recipe,
        None if exclude is None else list(exclude),
        unit,
        list(groups),
        fewest_tokens,
    )


@dataclass(frozen=True)
class LayerReport:
    """The result for one layer."""

    name: str
    asked: float
    """The sparsity of the plan."""
    size: int
    kept: int
    by_magnitude: bool = False
    """True if too few tokens arrived, and the weight was pruned by magnitude."""

    @property
    def sparsity(self) -> float:
        """The fraction of weights that were dropped."""
        return 0.0 if self.size == 0 else (self.size - self.kept) / self.size


@dataclass(frozen=True)
class Report:
    """The result for a model."""

    layers: list[LayerReport] = field(default_factory=list)

    @property
    def sparsity(self) -> float:
        """The fraction of the weights of all pruned layers that were dropped."""
        size = sum(layer.size for layer in self.layers)
        return 0.0 if size == 0 else sum(layer.size - layer.kept for layer in self.layers) / size


@contextmanager
def _naming(layer: str) -> Iterator[None]:
    """Begin the sentence of an error with the name of the layer."""
    try:
        yield
    except (ValueError, TypeError) as problem:
        problem.args = (f"{layer}: {problem}",)
        raise


def prune_model(
    weights: Mapping[str, Tensor],
    statistics: Mapping[str, ScoreStatistic] | None,
    recipe: Recipe,
    plan_: Plan | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Prune the weights of a model in place, each by what a plan says.

    ``weights`` and ``statistics`` are by the names of the weights, as ``plan`` takes them, and the
    statistics are what the recipe's score reads. Without a plan one is made here. A layer that saw
    fewer tokens than the plan's ``fewest_tokens`` is pruned by magnitude, and the report says so.

    A weight that cannot be written, since it is read-only or its elements share their memory, is
    refused first. All masks are made before the first weight is written, so that an error,
    ``KeyboardInterrupt`` among them, leaves the model as it was. SparseGPT, which changes the weights
    that stay, writes each layer when it is done.

    ``on_progress(done, total, name)`` is called after each layer, as ``tqdm`` is updated:

        with tqdm(total=100) as bar:
            tamp.prune_model(weights, seen, recipe, on_progress=tamp.tqdm_progress(bar))
    """
    seen: Mapping[str, ScoreStatistic] = statistics or {}
    if plan_ is None:
        plan_ = plan(weights, recipe, seen)
    todo = [layer for layer in plan_.layers if layer.is_pruned]
    for layer in todo:
        if layer.name not in weights:
            raise ValueError_(f"prune_model: the plan has a layer {layer.name}, and the model has none")
        if recipe.score != "magnitude" and layer.name not in seen:
            raise ValueError_(
                f"prune_model: the score {recipe.score} reads statistics, and there are none of {layer.name}"
            )
        with _naming(layer.name):
            _check_writable(weights[layer.name])

    masks, reports = [], []
    for done, layer in enumerate(todo, 1):
        its_recipe, statistic = recipe.at(layer.sparsity), seen.get(layer.name)
        tokens = getattr(statistic, "tokens", plan_.fewest_tokens)
        too_few = recipe.score != "magnitude" and tokens < plan_.fewest_tokens
        if too_few:
            fixes_sparsity = recipe.pattern[0].isdigit()  # 2:4
            sparsity = None if fixes_sparsity else layer.sparsity
            its_recipe, statistic = magnitude(sparsity, recipe.pattern), None
        with _naming(layer.name):
            if its_recipe.score == "sparsegpt":
                result = prune(weights[layer.name], statistic, its_recipe)
                size, kept = result.size, result.kept
            else:
                mask = select(weights[layer.name], statistic, its_recipe)
                masks.append((layer.name, mask))
                size, kept = mask.size, mask.count
        reports.append(LayerReport(layer.name, layer.sparsity, size, kept, too_few))
        if on_progress is not None:
            on_progress(done, len(todo), layer.name)
    _apply_all([weights[name] for name, _ in masks], [mask for _, mask in masks])
    return Report(reports)


def tqdm_progress(bar: object) -> Progress:
    """Return a callback for ``on_progress`` that drives a progress bar of tqdm, or one like it."""

    def update(done: int, total: int, name: str) -> None:
        bar.total, bar.n = total, done  # type: ignore[attr-defined]
        bar.set_postfix_str(name, refresh=True)  # type: ignore[attr-defined]

    return update
