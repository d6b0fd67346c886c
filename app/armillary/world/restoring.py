"""A state by tag name, laid out by the slots of the project that goes on from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F8, I8, U2
from armillary.model.control import StateAnswer
from armillary.model.quality import NEVER
from armillary.model.tags import TagSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class BySlot:
    """The state of N tags; one that the state does not know never came."""

    value: F8
    quality: U2
    source_ns: I8
    arrival_ns: I8


def by_slot(state: StateAnswer, specs: Sequence[TagSpec]) -> BySlot:
    """Return a state by the slots of some specs."""
    n = len(specs)
    out = BySlot(
        value=np.full(n, np.nan),
        quality=np.full(n, NEVER, np.uint16),
        source_ns=np.zeros(n, np.int64),
        arrival_ns=np.zeros(n, np.int64),
    )
    slots = {spec.name: spec.slot for spec in specs}
    rows = [(slots[tag], row) for row, tag in enumerate(state.tags) if tag in slots]
    if rows:
        slot, row = np.array(rows).T
        out.value[slot], out.quality[slot] = state.value[row], state.quality[row]
        out.source_ns[slot], out.arrival_ns[slot] = state.source_ns[row], state.arrival_ns[row]
    return out
