"""Figures of `alarms`: ticks of many alarms, quiet and in a storm, of every kind, and their roll-up."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.rollup import hierarchy, rollup
from armillary.alarms.suggest import suggest
from armillary.alarms.trial import Past, raised
from armillary.model.alarm import AlarmKind, AlarmSpec
from armillary.model.arrays import F8, I4, U4
from armillary.model.clock import MS_NS, NS
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.viewport.badge_places import MOST, place_arrays
from armillary_bench import journal
from armillary_bench.figure import absolute, figure

ALARMS, READINGS, PRIMS = 10_000, 1_000, 100_000
MANY = 100_000  # limits, one for each of as many tags
_TICKS = 100
_FEW = 30
_HISTORY = 40  # ticks that fill a window
_LIMIT = 90.0


def _mixed(i: int) -> AlarmSpec:
    return AlarmSpec(id=f"a{i}", slot=i, tag=f"t{i}", kind=("count" if i % 4 == 0 else "level"), limit=_LIMIT)


def _limit(i: int) -> AlarmSpec:
    return AlarmSpec(id=f"a{i}", slot=i, tag=f"t{i}", limit=_LIMIT, deadband=1.0)


def _computed(i: int) -> AlarmSpec:
    """Return an alarm of one of the kinds that watch no single value."""
    other = (i + 1) % ALARMS
    kind: AlarmKind = ("rate", "deviation", "discrepancy", "expression")[i % 4]
    return AlarmSpec(
        id=f"a{i}",
        slot=i,
        tag=f"t{i}",
        kind=kind,
        limit=1e6,
        reference=f"t{other}",
        reference_slot=other,
        expression=f"t{i} > 1000 and t{other} > {_LIMIT}",
    )


def _predicted(i: int) -> AlarmSpec:
    """Return a prediction over the last minute of ticks, as far ahead."""
    return AlarmSpec(
        id=f"a{i}", slot=i, tag=f"t{i}", kind="predicted", limit=_LIMIT, window_s=2.0, horizon_s=1.0
    )


class _Bench:
    def __init__(self, count: int = ALARMS, spec: Callable[[int], AlarmSpec] = _mixed) -> None:
        tags = [TagSpec(slot=i, name=f"t{i}", link="a") for i in range(count)]
        self.evaluator, self.table = Evaluator([spec(i) for i in range(count)], tags), TagTable(count)
        self._tick = 20_000

    def tick(self, slots: U4, values: F8, apart_ns: int = 0) -> tuple[float, int]:
        """Return (ms, transitions) of one tick. apart_ns: between the source times of its readings."""
        self._tick += 1
        now = self._tick * 50 * MS_NS
        batch = batch_of(slots, values, now + apart_ns * np.arange(len(slots), dtype=np.int64), now, now)
        state.apply(self.table, batch)
        started = time.perf_counter()
        self.evaluator.look(self.table, batch, now, now)
        events = self.evaluator.take()[1]
        spent = (time.perf_counter() - started) * 1e3
        return spent, sum(event.event != "FLOOD-BEGIN" for event in events)


def measure() -> dict[str, float]:
    """Return milliseconds by name. Raises AssertionError when a tick did not do its work."""
    bench, rng = _Bench(), np.random.default_rng(1)
    every = np.arange(ALARMS, dtype=np.uint32)
    bench.tick(every, np.full(ALARMS, 50.0))
    quiet, storm = [], 0.0
    for _ in range(_TICKS):
        slots = rng.choice(ALARMS, READINGS, replace=False).astype(np.uint32)
        spent, transitions = bench.tick(slots, rng.uniform(0, _LIMIT, READINGS))
        _must(transitions == 0, "values below the limit raised")
        quiet.append(spent)
    storm, raised = bench.tick(every, np.full(ALARMS, 95.0))
    _must(raised == ALARMS, "not every alarm raised")
    rolled_ms, counted_ms = _rollup(rng)
    placed_ms, sorted_ms = _badges(rng)
    return {
        "tick_ms": statistics.median(quiet),
        "storm_ms": storm,
        "flood_ms": _flood(rng),
        **_every_tag(rng),
        "computed_ms": _computed_ms(rng),
        "predicted_ms": _predicted_ms(rng),
        **dict(zip(("tried_ms", "suggested_ms", "tried_floor_ms"), _tried(), strict=True)),
        "rollup_ms": rolled_ms,
        "rollup_floor_ms": counted_ms,
        "badges_ms": placed_ms,
        "badges_floor_ms": sorted_ms,
    }


def _every_tag(rng: np.random.Generator) -> dict[str, float]:
    """Return the milliseconds of ticks in which each of 100,000 tags has a reading, and of a floor.

    That floor reads values and limits once and compares them, without quality, time, delay or state.
    Best of n: the machine is shared.
    """
    bench, every = _Bench(MANY, _limit), np.arange(MANY, dtype=np.uint32)
    bench.tick(every, np.full(MANY, 50.0))
    spans, floors, limit = [], [], np.full(MANY, _LIMIT)
    for _ in range(_FEW):
        values = rng.uniform(0, _LIMIT, MANY)
        spent, transitions = bench.tick(every, values)
        _must(transitions == 0, "values below the limit raised")
        spans.append(spent)
        started = time.perf_counter()
        over = values[every] > limit[every]
        floors.append((time.perf_counter() - started) * 1e3)
        _must(not over.any(), "a value was beyond its limit")
    few = every[:: MANY // 5_000]
    at_1_hz = [bench.tick(few, rng.uniform(0, _LIMIT, len(few)))[0] for _ in range(_FEW)]
    _must(bench.tick(few, np.full(len(few), 95.0))[1] == len(few), "not every alarm raised")
    return {"every_ms": min(spans), "floor_ms": min(floors), "at_1_hz_ms": min(at_1_hz)}


def _computed_ms(rng: np.random.Generator) -> float:
    """Return the milliseconds of ticks of 10,000 slopes, distances and conditions; best of n."""
    bench = _Bench(ALARMS, _computed)
    every = np.arange(ALARMS, dtype=np.uint32)
    for _ in range(3):
        bench.tick(every, np.full(ALARMS, 50.0))
    spans = []
    for _ in range(_FEW):
        slots = rng.choice(ALARMS, READINGS, replace=False).astype(np.uint32)
        spent, transitions = bench.tick(slots, rng.uniform(0, _LIMIT, READINGS))
        _must(transitions == 0, "what is not so raised")
        spans.append(spent)
    spent, raised = bench.tick(every, np.full(ALARMS, 2000.0))
    _must(raised == ALARMS // 4, "not every condition became true")
    return min(spans)


def _flood(rng: np.random.Generator) -> float:
    """Return the milliseconds of a tick in which one tag has all the readings; the last one raises."""
    spans = []
    for _ in range(9):
        bench = _Bench()
        values = rng.uniform(0, _LIMIT, READINGS)
        values[-1] = 95.0
        spent, raised = bench.tick(np.full(READINGS, 1, np.uint32), values, MS_NS // 100)
        _must(raised == 1, "the last reading of a flood did not raise")
        spans.append(spent)
    return statistics.median(spans)


def _rollup(rng: np.random.Generator) -> tuple[float, float]:
    """Return the milliseconds of a roll-up of 10,000 raises, and of its floor.

    The scene is six levels deep, a thousand assets are part of others elsewhere in it. Floor: the same counts
    of the same classes without any hierarchy, a running sum over all prims each.
    """
    depth = np.minimum(rng.integers(0, 6, PRIMS), np.arange(PRIMS))
    depth[0] = 0
    parent: I4 = np.full(PRIMS, -1, np.int32)
    path = [0] * 6
    for i, wanted in enumerate(depth.tolist()):  # each below the last prim that is one level up
        level = 0 if i == 0 else max(min(wanted, int(depth[i - 1]) + 1), 1)
        depth[i], path[level] = level, i
        parent[i] = path[level - 1] if level else -1
    part, whole = rng.integers(1, PRIMS, (2, 1_000))
    over = hierarchy(parent, list(zip(part.tolist(), whole.tolist(), strict=True)))
    prim = rng.choice(PRIMS, ALARMS, replace=False)
    priority, unacked = rng.integers(1, 5, ALARMS).astype(np.uint8), rng.random(ALARMS) < 0.5
    shown = np.zeros(ALARMS, np.bool_)
    spans, floors = [], []
    for _ in range(9):
        started = time.perf_counter()
        out = rollup(over, prim, priority, unacked, shown)
        spans.append((time.perf_counter() - started) * 1e3)
        _must(int(out.count[0].sum()) == ALARMS, "the root does not count every alarm")
        started = time.perf_counter()
        for waits in (True, False):
            for level in range(1, 5):
                np.cumsum(np.bincount(prim[(priority == level) & (unacked == waits)], minlength=PRIMS))
        floors.append((time.perf_counter() - started) * 1e3)
    return min(spans), min(floors)


def _badges(rng: np.random.Generator) -> tuple[float, float]:
    """Return the milliseconds to place 10,000 badges on a picture, and to sort them by place: the floor."""
    at = np.column_stack([rng.uniform(-400, 2320, ALARMS), rng.uniform(-300, 1380, ALARMS), np.ones(ALARMS)])
    table = np.column_stack(
        [np.arange(ALARMS), np.sort(rng.integers(1, 5, ALARMS)), np.ones(ALARMS, np.int64)]
    )
    spans, floors = [], []
    for _ in range(9):
        started = time.perf_counter()
        placed = place_arrays(table, at, (1920, 1080), 1.0)
        spans.append((time.perf_counter() - started) * 1e3)
        _must(sum(badge.count for badge in placed) == ALARMS, "the badges do not stand for every alarm")
        _must(1 < len(placed) <= MOST, "the picture cannot be read")
        started = time.perf_counter()
        np.lexsort((table[:, 1], at[:, 0], at[:, 1]))
        floors.append((time.perf_counter() - started) * 1e3)
    return min(spans), min(floors)


def _predicted_ms(rng: np.random.Generator) -> float:
    """Return the milliseconds of ticks of 10,000 predictions from trends; best of n."""
    bench = _Bench(ALARMS, _predicted)
    every = np.arange(ALARMS, dtype=np.uint32)
    for _ in range(_HISTORY):
        bench.tick(every, np.full(ALARMS, 50.0))
    spans = []
    for _ in range(_FEW):
        slots = rng.choice(ALARMS, READINGS, replace=False).astype(np.uint32)
        spent, transitions = bench.tick(slots, rng.uniform(49.0, 51.0, READINGS))
        _must(transitions == 0, "what rests was predicted to rise")
        spans.append(spent)
    raised = sum(bench.tick(every, np.full(ALARMS, 50.0 + 0.8 * step))[1] for step in range(1, 40))
    _must(raised == ALARMS, "not every rise was predicted once")
    return min(spans)


def _tried() -> tuple[float, float, float]:
    """Return the milliseconds of a trial over 30 days of 1 Hz, of suggestions, and of one bare comparison."""
    rng, n = np.random.default_rng(4), 30 * 86_400
    value = 20.0 + 8.0 * np.sin(np.arange(n) / 9_000.0) + rng.normal(0.0, 0.4, n)
    t_ns = np.arange(n, dtype=np.int64) * NS
    spec = AlarmSpec(id="a", slot=0, tag="t", limit=27.5, on_delay_s=2.0)
    spans, floors, suggested = [], [], []
    for _ in range(3):
        seen = Past(t_ns, value)  # anew each time: nothing of it is known
        started = time.perf_counter()
        found = raised(spec, seen)
        spans.append((time.perf_counter() - started) * 1e3)
        started = time.perf_counter()
        crossed = int((np.diff((value > spec.limit).astype(np.int8)) == 1).sum())
        floors.append((time.perf_counter() - started) * 1e3)
        _must(0 < len(found) <= crossed, "a raise without a crossing")
        started = time.perf_counter()
        _must(bool(suggest(spec, seen, 60.0).suggestions), "nothing quietens an alarm in noise")
        suggested.append((time.perf_counter() - started) * 1e3)
    return min(spans), min(suggested), min(floors)


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"The work was not done: {what}.")


def benches() -> list[dict[str, object]]:
    """Return the figures of `alarms` against their bars."""
    ms = measure()
    return [
        absolute("alarms_tick_10k_1k_readings", ms["tick_ms"], "ms", 5.0, "no value below its limit raised"),
        absolute("alarms_storm_10k_raises", ms["storm_ms"], "ms", 250.0, "every alarm raised in one tick"),
        absolute("alarms_flood_1k_of_one_tag", ms["flood_ms"], "ms", 10.0, "its last reading raised"),
        absolute(
            "alarms_100k_limits_every_tag_20_hz",
            ms["every_ms"],
            "ms",
            5.0,
            f"100,000 readings a tick; one bare comparison of them takes {ms['floor_ms']:.2f} ms",
        ),
        absolute("alarms_100k_limits_tags_at_1_hz", ms["at_1_hz_ms"], "ms", 5.0, "5,000 readings a tick"),
        absolute(
            "alarms_computed_10k_1k_readings",
            ms["computed_ms"],
            "ms",
            5.0,
            "2,500 each of rate, deviation, discrepancy and expression; every condition came true",
        ),
        absolute(
            "alarms_predicted_10k_1k_readings",
            ms["predicted_ms"],
            "ms",
            10.0,
            "trends of 10,000 tags; no tag at rest was predicted, and every rise was",
        ),
        figure(
            "alarms_trial_30_days_at_1_hz",
            ms["tried_ms"],
            "ms",
            against="floor: one comparison of the 2,592,000 readings, and where it changes",
            against_value=ms["tried_floor_ms"],
            bar=None,
            work="every reading counts: delays and deadband, raises at crossings only",
        ),
        absolute(
            "alarms_suggest_30_days_at_1_hz",
            ms["suggested_ms"],
            "ms",
            5_000.0,
            "about fifty changes tried on the same 2,592,000 readings",
        ),
        absolute("alarms_rollup_10k_in_100k", ms["rollup_ms"], "ms", 20.0, "the root counts every alarm"),
        figure(
            "alarms_badges_10k",
            ms["badges_ms"],
            "ms",
            against="floor: the same badges sorted by place",
            against_value=ms["badges_floor_ms"],
            bar=None,
            work="all of 10,000 alarms are counted, by at most 300 badges that do not overlap",
        ),
        figure(
            "alarms_rollup_over_counting",
            ms["rollup_ms"],
            "ms",
            against="floor: the same alarms counted by kind, without a hierarchy",
            against_value=ms["rollup_floor_ms"],
            bar=None,
            work="the root counts every alarm, and 1,000 assets those of their parts",
        ),
        *journal.benches(),
    ]
