"""Aliases for the array dtypes used across floors, and the one way to freeze an array."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

F8 = npt.NDArray[np.float64]
F4 = npt.NDArray[np.float32]
F2 = npt.NDArray[np.float16]
I8 = npt.NDArray[np.int64]
I4 = npt.NDArray[np.int32]
U4 = npt.NDArray[np.uint32]
U2 = npt.NDArray[np.uint16]
U1 = npt.NDArray[np.uint8]
B1 = npt.NDArray[np.bool_]
_T = TypeVar("_T", bound=np.generic)


def frozen(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """Return a C-contiguous array that nobody can write to; copies only when it is not contiguous."""
    out = np.ascontiguousarray(array)
    out.setflags(write=False)
    return out
