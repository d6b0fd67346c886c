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


def span(slots: U4 | I8) -> slice | I8:
    """Return an index that means the same rows, (k,): a slice where they follow each other, else integers.

    A slice is copied at once, many columns at a time; unsigned indices would be converted for each column.
    """
    if not len(slots):
        return slice(0, 0)
    first, last = int(slots[0]), int(slots[-1])
    if last - first + 1 == len(slots) and bool((slots[1:] > slots[:-1]).all()):
        return slice(first, last + 1)
    return slots.astype(np.int64)


def by_value(numbers: U4 | I8) -> I8:
    """Return the order that sorts small non-negative numbers, equal ones as they stand (a stable argsort)."""
    few = 1 << 16  # sorted by counting, many times quicker
    if len(numbers) and int(numbers.max()) < few:
        return np.argsort(numbers.astype(np.uint16), kind="stable")
    return np.argsort(numbers, kind="stable")
