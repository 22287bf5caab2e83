"""The type of arrays that tamp reads and writes in place."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Tensor(Protocol):
    """A NumPy array, a PyTorch tensor, or another object with ``__dlpack__``.

    A matrix has two dimensions and a single row one. Strides may be any. Numbers are float64,
    float32, float16, bfloat16, float8 (e4m3fn, e5m2) or int8, in the memory of the CPU.
    """

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the capsule of the tensor."""
        ...
