"""twin.state against a model that handles one sample at a time."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.quality import BAD, GOOD
from armillary.model.sample import HISTORICAL, RETAINED, SampleBatch, batch_of
from armillary.model.tags import TagTable
from armillary.twin.state import APPLIED, COALESCED, DUPLICATE, LATE, NO_BINDING, apply

SLOTS = 4
ROW = st.tuples(
    st.integers(0, SLOTS),  # SLOTS itself is in no table
    st.sampled_from([1.0, 2.0, float("nan")]),
    st.integers(1, 6),
    st.sampled_from([GOOD, BAD]),
    st.sampled_from([0, 0, 0, RETAINED, HISTORICAL]),
    st.sampled_from([None, None, "a", "b"]),
)
Row = tuple[int, float, int, int, int, str | None]


def batch(rows: list[Row], mono: int) -> SampleBatch:
    return batch_of(
        np.array([r[0] for r in rows], np.uint32),
        np.array([r[1] for r in rows], np.float64),
        np.array([r[2] for r in rows], np.int64),
        0,
        mono + np.arange(len(rows)),
        quality=np.array([r[3] for r in rows], np.uint16),
        flags=np.array([r[4] for r in rows], np.uint8),
        text={i: r[5] for i, r in enumerate(rows) if r[5] is not None},
    )


class OneByOne:
    """The reference: one sample after the other, as the words of the rule say."""

    def __init__(self) -> None:
        self.now: dict[int, tuple[int, float, int, str | None]] = {}
        self.alive: dict[int, int] = {}

    def apply(self, rows: list[Row], mono: int) -> list[int]:
        out: list[int] = []
        holder: dict[int, int] = {}
        for i, (slot, value, source, quality, flags, text) in enumerate(rows):
            if slot >= SLOTS:
                out.append(NO_BINDING)
                continue
            if not flags & (RETAINED | HISTORICAL):
                self.alive[slot] = mono + i
            old = self.now.get(slot)
            if flags & HISTORICAL or (old is not None and source < old[0]):
                out.append(LATE)
            elif old is not None and same(old, (source, value, quality, text)):
                out.append(DUPLICATE)
            else:
                if slot in holder:
                    out[holder[slot]] = COALESCED
                holder[slot] = i
                self.now[slot] = (source, value, quality, text)
                out.append(APPLIED)
        return out


def same(a: tuple[int, float, int, str | None], b: tuple[int, float, int, str | None]) -> bool:
    equal_value = a[1] == b[1] or (math.isnan(a[1]) and math.isnan(b[1]))
    return a[0] == b[0] and equal_value and a[2:] == b[2:]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(ROW, max_size=12), max_size=4))
def test_batches_end_where_single_samples_end(batches: list[list[Row]]) -> None:
    table, model, mono = TagTable(SLOTS), OneByOne(), 1
    for rows in batches:
        done = apply(table, batch(rows, mono))
        assert done.outcome.tolist() == model.apply(rows, mono)
        assert len(rows) == done.applied + done.coalesced + done.duplicate + done.no_binding
        assert done.late <= done.coalesced
        mono += 100
    for slot, (source, value, quality, text) in model.now.items():
        assert table.source_ns[slot] == source
        assert table.value[slot] == value or (math.isnan(value) and math.isnan(table.value[slot]))
        assert table.quality[slot] == quality
        assert table.text.get(slot) == text
    for slot, alive in model.alive.items():
        assert table.alive_mono_ns[slot] == alive
