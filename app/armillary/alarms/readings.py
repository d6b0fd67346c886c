"""Readings of a tick as the alarms of their tags see them, and values that specifications name, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.tags import TagSpec


@dataclass(frozen=True, slots=True)
class Readings:
    """At most one reading for each alarm, k rows."""

    alarm: I8
    value: F8
    quality: U2
    source_ns: I8
    mono_ns: I8
    lag_ns: I8


def starts_of(sorted_: I8) -> I8:
    """Return where each value of a sorted array begins."""
    return np.flatnonzero(np.concatenate(([True], sorted_[1:] != sorted_[:-1])))


def known(spec: AlarmSpec, tag: TagSpec | None) -> tuple[float, ...]:
    """Return the values that are no unknown state, of an alarm on states; () = all are known."""
    if spec.normal:
        return (*spec.values, *spec.normal)
    if spec.kind != "state" or tag is None or not tag.states:
        return ()
    return tuple(value for value, _ in tag.states)


def padded(rows: Sequence[Sequence[float]]) -> F8:
    """Return rows of different length as one array, filled with NaN, at least one column."""
    width = max((len(row) for row in rows), default=0) or 1
    out = np.full((len(rows), width), np.nan)
    for number, row in enumerate(rows):
        out[number, : len(row)] = row
    return out


def taken(r: Readings, keep: B1) -> Readings:
    """Return some of the readings."""
    return Readings(
        r.alarm[keep], r.value[keep], r.quality[keep], r.source_ns[keep], r.mono_ns[keep], r.lag_ns[keep]
    )
