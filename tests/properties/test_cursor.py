"""A window of samples against a slow loop: the state at any time, in any order of asking."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.sample import SampleBatch, batch_of
from armillary.world.cursor import Known, Window, known_from

SLOTS = 4
_sample = st.tuples(
    st.integers(0, SLOTS - 1), st.integers(1, 30), st.integers(0, 30), st.floats(-5, 5), st.booleans()
)


def _batch(rows: list[tuple[int, int, int, float, bool]]) -> SampleBatch:
    return batch_of(
        np.array([r[0] for r in rows], np.uint32),
        np.array([r[3] for r in rows], np.float64),
        np.array([r[2] for r in rows], np.int64),
        np.array([r[1] for r in rows], np.int64),
        0,
        text={i: f"{r[3]}" for i, r in enumerate(rows) if r[4]},
    )


def _slow(rows: list[tuple[int, int, int, float, bool]], t: int, slot: int, epochs: list[int]):  # type: ignore[no-untyped-def]
    newest, shown, begun = -1, None, 0
    for each in sorted((r for r in rows if r[0] == slot and r[1] <= t), key=lambda r: r[1]):
        if any(begun < e <= each[1] for e in epochs):
            newest, begun = -1, each[1]
        if each[2] >= newest:
            newest, shown = each[2], each
    return shown


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(_sample, max_size=40),
    cut=st.integers(0, 30),
    epochs=st.lists(st.integers(1, 30), max_size=2, unique=True),
    asked=st.lists(st.integers(0, 31), min_size=1, max_size=8),
)
def test_a_window_says_what_a_slow_loop_says_forwards_backwards_and_at_random(
    rows: list[tuple[int, int, int, float, bool]], cut: int, epochs: list[int], asked: list[int]
) -> None:
    rows, epochs = sorted(rows, key=lambda r: r[1]), sorted(epochs)
    base = [s for slot in range(SLOTS) if (s := _slow(rows, cut, slot, epochs)) is not None]
    after = [r for r in rows if r[1] > cut]
    window = Window(
        slots=SLOTS,
        base=_known(base),
        since=_known(after),
        from_ns=cut,
        to_ns=31,
        epochs_ns=np.array(epochs, np.int64),
    )
    times = [t for t in (*asked, *reversed(range(32))) if t >= cut]
    for t in times:
        state = window.state_at(t)
        wanted = {slot: _slow(rows, t, slot, epochs) for slot in range(SLOTS)}
        got = {int(s): i for i, s in enumerate(state.slot)}
        assert set(got) == {slot for slot, row in wanted.items() if row is not None}
        for slot, i in got.items():
            assert (state.value[i], state.source_ns[i]) == (wanted[slot][3], wanted[slot][2])
            assert state.text.get(i) == (f"{wanted[slot][3]}" if wanted[slot][4] else None)
    assert {int(s) for s in window.end().batch.slot} == {int(s) for s in window.state_at(31).slot}


def _known(rows: list[tuple[int, int, int, float, bool]]) -> Known:
    batch = _batch(rows)
    return Known(batch=batch, at_ns=np.array([r[1] for r in rows], np.int64), filed_ns=batch.source_ns)


def test_a_computed_run_counts_from_its_own_times() -> None:
    rows = [(0, 0, t, float(t), False) for t in (0, 10, 20)]
    window = Window(
        slots=2, base=known_from(_batch(rows[:1])), since=known_from(_batch(rows[1:])), from_ns=0, to_ns=20
    )
    assert [window.state_at(t).value.tolist() for t in (0, 9, 10, 20, 5)] == [[0], [0], [10], [20], [0]]
    assert window.passed(0, 20).tolist() == [1, 2]
