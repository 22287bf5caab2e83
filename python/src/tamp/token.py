"""Selection of the visual tokens that stay.

Each function takes what its method reads, as arrays of one sequence, and returns the tokens that stay:

    kept = tamp.token.divprune(image_features, keep=64)
    image_features = image_features[kept]
"""

from ._tamp import (
    FitPruneFit,
    FitPruneSchedule,
    attention_top_k,
    cdpruner,
    dart,
    divprune,
    drop_at,
    evs,
    evs_count,
    fitprune,
    mmr,
    pixel_prune,
    pyramid_drop,
    random_choice,
    scope,
    sparsevlm,
    vidcom2,
    vidcom2_count,
)

__all__ = [
    "FitPruneFit",
    "FitPruneSchedule",
    "attention_top_k",
    "cdpruner",
    "dart",
    "divprune",
    "drop_at",
    "evs",
    "evs_count",
    "fitprune",
    "mmr",
    "pixel_prune",
    "pyramid_drop",
    "random_choice",
    "scope",
    "sparsevlm",
    "vidcom2",
    "vidcom2_count",
]
