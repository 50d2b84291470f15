"""Arrays of any shape in, flat ones to the compiled half, the shape back on the way out."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np


def flat(*values: Any) -> Tuple[List[np.ndarray], Tuple[int, ...]]:
    """The `values` broadcast against each other, as flat float64 arrays, and their common shape."""
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))
    return [np.ascontiguousarray(array).ravel() for array in arrays], arrays[0].shape


def shaped(array: np.ndarray, shape: Tuple[int, ...]) -> Any:
    """`array` in `shape`: a number where numbers were given, else an array."""
    return array.reshape(shape)[()]
