"""Raw times of payloads → ns since 1970, many at once; agrees with `payload.source_ns`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from armillary.model.arrays import F8, I8
from armillary.telemetry.payload import EPOCH_MS, EPOCH_S, EPOCH_US, TOO_LATE, source_ns


def source_times(times: list[object]) -> I8:
    """Return ns of the raw times of some messages, 0 for none. One array operation for plain integers."""
    kinds = set(map(type, times))
    if kinds == {type(None)}:
        return np.zeros(len(times), np.int64)
    if kinds == {int}:
        try:
            return epochs(np.array(times, np.int64))
        except OverflowError:
            pass  # an integer beyond 64 bits: one by one below
    return np.fromiter(map(source_ns, times), np.int64, len(times))


def column_times(column: npt.NDArray[np.generic]) -> I8:
    """Return ns of a column of epoch times, (n,); 0 where it holds none."""
    if column.dtype.kind in "iu":
        return epochs(column.astype(np.int64))
    if column.dtype.kind != "f":
        return source_times(column.tolist())
    raw: F8 = column.astype(np.float64)
    finite = np.isfinite(raw)
    raw = np.where(finite, raw, 0.0)
    size = np.abs(raw)
    scale = np.select([size < EPOCH_S, size < EPOCH_MS, size < EPOCH_US], [1e6, 1e3, 1.0], 1e-3)
    # To the µs: a float of today's seconds has no more, and its last digits are noise.
    micro = np.clip(np.round(raw * scale), 0, TOO_LATE // 1_000).astype(np.int64)
    out: I8 = np.where(finite, np.maximum(micro * 1_000, 1), 0)
    return out


def epochs(raw: I8) -> I8:
    """Return ns of integer epoch times by magnitude."""
    if not len(raw):
        return raw
    size = np.abs(raw)
    scale: I8 | int = _factor(int(size.min()))
    if scale != _factor(int(size.max())):
        units = [size < EPOCH_S, size < EPOCH_MS, size < EPOCH_US]
        scale = np.select(units, [10**9, 10**6, 10**3], 1).astype(np.int64)
    bounded = np.minimum(raw, TOO_LATE // scale)
    return np.maximum(bounded * scale, 1)


def _factor(size: int) -> int:
    """Return what makes ns of an epoch time of such a magnitude."""
    return 10**9 if size < EPOCH_S else 10**6 if size < EPOCH_MS else 10**3 if size < EPOCH_US else 1
