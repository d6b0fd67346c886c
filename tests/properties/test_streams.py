"""Windows and patterns of streams against a slow reference, whatever the ticks that samples came in."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.clock import NS
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived

T0 = 1_790_000_000 * NS
STREAM = st.lists(
    st.tuples(st.integers(1, 60), st.integers(-20, 20)), min_size=2, max_size=40
)  # tenths of a second since the one before, value
CUTS = st.lists(st.integers(1, 7), min_size=1, max_size=8)  # samples in each tick, over and over
WHOLE_S, GAP_S, WITHIN_S = 5.0, 3.0, 4.0


def answers(texts: list[str], stream: list[tuple[int, int]], cuts: list[int]) -> dict[float, list[float]]:
    """Return the answers after each tick, by the time of its last sample in seconds."""
    specs = [TagSpec(slot=0, name="x", link="l")]
    specs += [TagSpec(slot=1 + i, name=f"d{i}", expression=text, origin="t") for i, text in enumerate(texts)]
    table, derived = TagTable(len(specs)), Derived(specs)
    t = T0 + np.cumsum([gap for gap, _ in stream]) * (NS // 10)
    x = np.array([value for _, value in stream], np.float64)
    out, begin, turn = {}, 0, 0
    while begin < len(t):
        end = min(begin + cuts[turn % len(cuts)], len(t))
        rows = slice(begin, end)
        slots = np.zeros(end - begin, np.uint32)
        batch = batch_of(slots, x[rows], t[rows], t[rows], t[rows])
        state.apply(table, batch)
        now = int(t[end - 1])
        derived.evaluate(table, table.dirty, now, now, batch)
        table.take_dirty()
        out[(now - T0) / NS] = table.value[1:].tolist()
        begin, turn = end, turn + 1
    return out


def seen(stream: list[tuple[int, int]], until: float) -> list[tuple[float, float]]:
    t, out = 0, []
    for gap, value in stream:
        t += gap
        if t / 10 <= until + 1e-9:
            out.append((t / 10, float(value)))
    return out


def slow_tumbling(rows: list[tuple[float, float]], now: float) -> dict[str, float] | None:
    """Return what the last whole window held; None where less than a fifth of it is known."""
    begin = (now // WHOLE_S - 1) * WHOLE_S
    end = begin + WHOLE_S
    inside = [v for t, v in rows if begin <= t < end]
    area = known = 0.0
    held: list[float] = []
    for (t0, v0), (t1, _) in zip(rows, [*rows[1:], (now, 0.0)], strict=True):
        dt = min(t1, end) - max(t0, begin)
        if dt > 1e-9:
            area, known = area + v0 * dt, known + dt
            held.append(v0)
    if known < 0.2 * WHOLE_S - 1e-9:
        return None
    values = held + inside
    return {
        "mean": area / known,
        "min": min(values),
        "max": max(values),
        "integral": area,
        "sum": sum(inside),
        "count": len(inside),
    }


def slow_session(rows: list[tuple[float, float]]) -> dict[str, float]:
    begin = 0
    for i in range(1, len(rows)):
        if rows[i][0] - rows[i - 1][0] > GAP_S + 1e-9:
            begin = i
    own = rows[begin:]
    values = [v for _, v in own]
    area = sum(v0 * (t1 - t0) for (t0, v0), (t1, _) in itertools.pairwise(own))
    span = own[-1][0] - own[0][0]
    return {
        "mean": area / span if span else values[0],
        "min": min(values),
        "max": max(values),
        "integral": area,
        "sum": sum(values),
        "count": len(values),
    }


NAMES = ("mean", "min", "max", "integral", "sum", "count")


@settings(max_examples=30, deadline=None)
@given(STREAM, CUTS)
def test_tumbling_windows_are_those_of_the_slow_way(stream: list[tuple[int, int]], cuts: list[int]) -> None:
    for now, told in answers([f"tumbling_{name}(x, {WHOLE_S:g})" for name in NAMES], stream, cuts).items():
        wanted = slow_tumbling(seen(stream, now), now)
        if wanted is None:
            assert np.isnan(told[0])
        else:
            np.testing.assert_allclose(told, [wanted[name] for name in NAMES], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(STREAM, CUTS)
def test_sessions_are_those_of_the_slow_way(stream: list[tuple[int, int]], cuts: list[int]) -> None:
    for now, told in answers([f"session_{name}(x, {GAP_S:g})" for name in NAMES], stream, cuts).items():
        wanted = slow_session(seen(stream, now))
        np.testing.assert_allclose(told, [wanted[name] for name in NAMES], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(STREAM, CUTS)
def test_a_sequence_fires_where_the_slow_way_does(stream: list[tuple[int, int]], cuts: list[int]) -> None:
    """A: x below -10; B: x above 10. True while B is, since one that came in time."""
    told = answers([f"sequence(x < -10, x > 10, {WITHIN_S:g})"], stream, cuts)
    for now, [value] in told.items():
        rows = seen(stream, now)
        rose_a, fired = -1e9, -1e9
        stays = False
        for (_, v0), (t, v) in itertools.pairwise(rows):
            if v > 10 >= v0:
                stays = t - rose_a <= WITHIN_S + 1e-9
                fired = t if stays else fired
            elif v <= 10:
                stays = False
            if v < -10 <= v0:
                rose_a = t
        assert value == float(stays or now - fired < 1.0 - 1e-9)
