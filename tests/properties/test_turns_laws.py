"""However a stream is shuffled and repeated within the window: the same history, the same live state."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin.state import DUPLICATE, NO_BINDING, apply
from armillary.twin.turns import CONFLICT, Turns

T0, WINDOW_S, SLOTS = 1_750_000_000 * NS, 2.0, 3
SPECS = tuple(TagSpec(slot=i, name=f"t{i}", link="m", address=str(i)) for i in range(SLOTS))
Key = tuple[int, int]
STREAM = st.dictionaries(
    st.tuples(st.integers(0, SLOTS - 1), st.integers(1, 30)),
    st.sampled_from([0.0, -0.0, 1.0, 2.5]),
    max_size=30,
)


def batch(rows: list[tuple[int, int, float]], at_s: float) -> SampleBatch:
    return batch_of(
        np.array([r[0] for r in rows], np.uint32),
        np.array([r[2] for r in rows], np.float64),
        T0 + np.array([r[1] for r in rows], np.int64) * NS // 100,
        T0 + int(at_s * NS),
        int(at_s * NS),
    )


class Run:
    """One delivery of a stream, in some ticks within the window, to the end of everything that waits."""

    def __init__(self, ticks: list[list[tuple[int, int, float]]], window_s: float) -> None:
        self.table = TagTable(SLOTS)
        link = LinkSpec(name="m", kind="mqtt", url="", reorder_window_s=window_s)
        turns = Turns(SPECS, [link])
        self.history: list[tuple[int, int, float]] = []
        self.readings: list[tuple[int, int, float]] = []
        self.duplicates = self.rows = self.conflicts = 0
        for number, rows in enumerate([*ticks, [], []]):
            at_s = 100.0 + (WINDOW_S * number / (len(ticks) + 1) if number < len(ticks) else 10.0 * number)
            arrived = batch(rows, at_s)
            done = turns.look(arrived, apply(self.table, arrived), int(at_s * NS))
            outcome = done.outcome & ~CONFLICT
            assert len(outcome) == len(rows)
            assert (outcome < NO_BINDING).all()
            self.rows += len(rows)
            self.duplicates += int((outcome == DUPLICATE).sum())
            self.conflicts += int((done.outcome & CONFLICT != 0).sum())
            self.history += _rows(done.recorded)
            self.readings += _rows(done.readings)


def _rows(kept: SampleBatch) -> list[tuple[int, int, float]]:
    return list(zip(kept.slot.tolist(), kept.source_ns.tolist(), kept.value.tolist(), strict=True))


@settings(max_examples=300, deadline=None)
@given(stream=STREAM, data=st.data())
def test_shuffled_and_repeated_within_the_window_all_is_the_same(
    stream: dict[Key, float], data: st.DataObject
) -> None:
    rows = [(slot, t, value) for (slot, t), value in stream.items()]
    in_order = Run([sorted(rows, key=lambda r: r[1])], WINDOW_S)
    repeated = rows + data.draw(st.lists(st.sampled_from(rows), max_size=20) if rows else st.just([]))
    shuffled = data.draw(st.permutations(repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    ticks = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    other = Run(ticks, WINDOW_S)
    by_tag = lambda run: sorted(run.readings, key=lambda r: r[0])  # noqa: E731  stable: order within a tag stays
    assert by_tag(other) == by_tag(in_order)
    assert sorted(other.history) == sorted(in_order.history)
    assert np.array_equal(other.table.value, in_order.table.value, equal_nan=True)
    assert np.array_equal(other.table.source_ns, in_order.table.source_ns)
    assert other.duplicates == len(repeated) - len(rows)
    assert other.conflicts == 0


@settings(max_examples=200, deadline=None)
@given(stream=STREAM, data=st.data())
def test_without_a_window_the_history_and_the_live_state_are_the_same_too(
    stream: dict[Key, float], data: st.DataObject
) -> None:
    rows = [(slot, t, value) for (slot, t), value in stream.items()]
    in_order = Run([sorted(rows, key=lambda r: r[1])], 0.0)
    shuffled = data.draw(st.permutations(rows + rows))
    other = Run([shuffled[: len(rows)], shuffled[len(rows) :]], 0.0)
    assert sorted(other.history) == sorted(in_order.history)
    assert np.array_equal(other.table.value, in_order.table.value, equal_nan=True)
    assert other.duplicates == len(rows)
    times = {slot: [t for s, t, _ in other.readings if s == slot] for slot in range(SLOTS)}
    assert all(each == sorted(each) for each in times.values())  # an alarm never sees what is older
