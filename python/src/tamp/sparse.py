"""Pruned weights that store only what is kept, and products with them.

    S = tamp.sparse.pack(W, keep)
    y = S.multiply(x)              # what the linear layer of the dense weight computes
"""

from ._tamp import SparseMatrix, pack

__all__ = ["SparseMatrix", "pack"]
