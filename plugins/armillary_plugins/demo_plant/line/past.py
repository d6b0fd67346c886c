"""The past of line 2: a month, one moment a minute, and hours in full in which something went wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from armillary.api import F8, I8, PastPiece
from armillary_plugins.demo_plant.line.line import BATCH, Line
from armillary_plugins.demo_plant.line.telling import told
from armillary_plugins.demo_plant.past import (
    Kind,
    Story,
    Tape,
    add_wave,
    befall,
    counted,
    drawn,
    played,
    rate_of,
    standing,
    told_of,
)

NS = 1_000_000_000
MINUTE_NS = 60 * NS
_DAY_MIN, _HOUR_S = 1_440, 3_600
_TAPE_S = 1_801  # a prime: a moment a minute meets all of them
_COARSE_S = 0.5
_LAST_BATCH, _BATCHES = 4_710, 10_000  # the line that is started now goes on with the next
_SHIFT_H = 8
_RECIPES = ("Rye crisp", "Oat crisp", "Seed crisp")
_TEXTS = ("Line2.batch", "Line2.recipe", "CELL-301.pallet_label")
_STOPPED = {"C-201.speed": 0.0, "C-201.run": 0.0, "C-201.state": 0.0, "M-201.current": 0.0,
            "M-201.speed": 0.0, "M-201.power": 0.0}  # fmt: skip
_TRIPPED = {**_STOPPED, "C-201.state": 2.0}
_BY_NOW = {  # what counts on, from what it was a month ago
    "C-201.made": 182_000.0, "C-201.travel": 96_000.0, "M-201.hours": 7_400.0, "Line2.heartbeat": 1e6,
    "CELL-301.energy": 300.0, "CS-301.cartons": 0.0, "LB-301.printed": 0.0, "R-301.placed": 0.0,
    "PL-301.pallets": 0.0,
}  # fmt: skip
_FILLED = (("CS-301.magazine", 80.0, 8.0, 3.0), ("LB-301.labels", 2_500.0, 120.0, 30.0))  # hours to use it up
_BEATS = ("R-301", "PL-301", "CS-301", "CW-301", "LB-301", "CELL-301")
_WAVES = {"TT-211.value": 0.5, "TT-212.value": 0.6, "TT-213.value": 0.6, "TT-214.value": 0.5,
          "M-201.winding": 3.0, "R-301.joint1_temperature": 2.0, "FT-231.flow": 0.4,
          "CELL-301.air": 0.05}  # fmt: skip


def _hot(zone: int, per_day: float) -> Kind:
    return Kind(tag=f"TT-21{zone}.value", peak=(85.6, 87.5), minutes=(9, 16), per_day=per_day)


def _warm(zone: int, per_day: float) -> Kind:
    return Kind(tag=f"TT-21{zone}.value", peak=(80.6, 83.5), minutes=(4, 20), per_day=per_day)


# What an operator of this line meets, about fifteen a day. Alarms follow by the rules of the project.
KINDS: tuple[Kind, ...] = (
    Kind(tag="TT-212.value", peak=(85.8, 87.6), minutes=(14, 22), per_day=0.25, sets=_STOPPED, sets_after=8,
         stands=True),
    Kind(tag="M-201.current", peak=(9.0, 10.5), minutes=(8, 30), per_day=0.5, sets=_TRIPPED, sets_after=2,
         stands=True),
    *(_hot(zone, 0.75) for zone in (1, 3, 4)),
    *(_warm(zone, 0.3) for zone in (1, 2, 3, 4)),
    Kind(tag="FT-231.flow", peak=(7.0, 8.6), minutes=(3, 15), per_day=1.8),
    Kind(tag="M-201.current", peak=(8.4, 9.4), minutes=(3, 5), per_day=0.7),
    Kind(tag="R-301.joint1_temperature", peak=(66.5, 69.0), minutes=(12, 40), per_day=0.4),
    Kind(tag="CELL-301.air", peak=(4.3, 4.8), minutes=(3, 9), per_day=0.7),
    Kind(tag="CELL-301.vacuum", peak=(-52.0, -45.0), minutes=(3, 6), per_day=0.5),
    Kind(tag="MD-301.signal", peak=(65.0, 85.0), minutes=(1, 1), per_day=0.9, is_step=True),
    Kind(tag="CELL-301.curtain_clear", peak=(0.0, 0.0), minutes=(1, 2), per_day=0.9, is_step=True),
    Kind(tag="C-201.guard_closed", peak=(0.0, 0.0), minutes=(2, 6), per_day=0.5, is_step=True, sets=_STOPPED,
         stands=True),
    Kind(tag="CS-301.glue_temperature", peak=(144.0, 148.5), minutes=(5, 20), per_day=0.3),
    Kind(tag="BV-212.flame", peak=(0.0, 0.0), minutes=(1, 2), per_day=0.3, is_step=True),
    Kind(tag="LB-301.labels", peak=(4.0, 16.0), minutes=(4, 12), per_day=0.25, is_step=True),
    Kind(tag="CS-301.magazine", peak=(0.0, 2.0), minutes=(4, 10), per_day=0.5, is_step=True),
)  # fmt: skip


# What goes wrong in the hours in full: (second, what is done, to what, value).
_STORIES: tuple[Story, ...] = (
    (  # zone 2 drifts hot, the belt is halted, the valve is freed and the line starts again
        (420, "fail", "BV-212.stuck", 0.25),
        (900, "set", "C-201.Run", 0.0),
        (1_020, "fail", "BV-212.stuck", 0.0),
        (1_900, "set", "C-201.Run", 1.0),
    ),
    (  # units jam on the belt and its motor trips; later the guard is opened for a while
        (600, "fail", "C-201.jam", 1.0),
        (720, "fail", "M-201.trip", 1.0),
        (1_500, "fail", "M-201.trip", 0.0),
        (1_500, "fail", "C-201.jam", 0.0),
        (1_500, "set", "C-201.Run", 1.0),
        (2_000, "fail", "C-201.guard", 1.0),
        (2_090, "fail", "C-201.guard", 0.0),
        (2_090, "set", "C-201.Run", 1.0),
    ),
    (  # the cooling water swings about its limit: an alarm that chatters; then some of it is missing
        (900, "fail", "FT-231.chatter", 1.0),
        (1_140, "fail", "FT-231.chatter", 0.0),
        (2_400, "fail", "FT-231.low", 0.6),
        (2_700, "fail", "FT-231.low", 0.0),
    ),
)


def past(
    seed: int, from_ns: int, to_ns: int, hours_ns: Sequence[int], offset_s: int = 0
) -> Iterator[PastPiece]:
    """Yield what the line told from ≤ t < to, a day or an hour at a time.

    hours_ns: where hours in full begin; the first given is that of the burner. offset_s: local time less
    UTC, for the waves of a day and the shifts.
    """
    month = _Month(seed, from_ns, to_ns, offset_s)
    at = from_ns
    for number, hour in [*sorted(enumerate(hours_ns), key=lambda each: each[1]), (0, to_ns)]:
        while at < min(hour, to_ns):
            end = min(at + _DAY_MIN * MINUTE_NS, hour, to_ns)
            yield month.piece(at, end)
            at = end
        if hour < to_ns:
            yield _hour(
                seed + number, hour, min(hour + _HOUR_S * NS, to_ns), _STORIES[number % len(_STORIES)]
            )
            at = hour + _HOUR_S * NS


def _numbers(said: Mapping[str, float | str | bool]) -> list[float]:
    return [float("nan") if isinstance(v, str) else float(v) for v in said.values()]


def _hour(seed: int, from_ns: int, to_ns: int, story: Story) -> PastPiece:
    """Return an hour of the real model in full, a moment a second."""
    line, rows, texts = Line(seed), list[list[float]](), {tag: list[str]() for tag in _TEXTS}
    seconds = (to_ns - from_ns) // NS
    for t in range(seconds):
        told_of(story, t, line)
        line.step(_COARSE_S)
        line.step(_COARSE_S)
        said = told(line)
        rows.append(_numbers(said))
        for tag, kept in texts.items():
            kept.append(str(said[tag]))
    return PastPiece(
        t_ns=from_ns + np.arange(seconds, dtype=np.int64) * NS,
        tags=tuple(told(line)),
        value=np.ascontiguousarray(np.array(rows).T),
        text={tag: tuple(kept) for tag, kept in texts.items()},
    )


class _Month:
    """The tape, and what happens to it, by the minutes of a span."""

    def __init__(self, seed: int, from_ns: int, to_ns: int, offset_s: int) -> None:
        self._from_ns, self._offset_s = from_ns, offset_s
        self._tape = _recorded(seed)
        minutes = -(-(to_ns - from_ns) // MINUTE_NS)
        self._episodes = drawn(np.random.default_rng(seed + 4711), minutes, KINDS)
        runs = ~standing(self._episodes, minutes)
        self._running_s: F8 = np.concatenate(([0.0], np.cumsum(runs * 60.0)))
        self._row = {tag: i for i, tag in enumerate(self._tape.tags)}

    def piece(self, from_ns: int, to_ns: int) -> PastPiece:
        """Return one moment a minute."""
        first = (from_ns - self._from_ns) // MINUTE_NS
        minutes = np.arange(first, first + -(-(to_ns - from_ns) // MINUTE_NS))
        running = self._running_s[minutes]
        value = played(self._tape, (running.astype(np.int64)) % _TAPE_S).copy()
        local = (self._from_ns // NS + minutes * 60 + self._offset_s).astype(np.float64)
        for tag, height in _WAVES.items():
            add_wave(value[self._row[tag]], local, height)
        number = self._count(value, running, local, minutes)
        befall(value, self._row, self._episodes, int(first))
        return PastPiece(
            t_ns=self._from_ns + minutes * MINUTE_NS,
            tags=self._tape.tags,
            value=value,
            text={
                "Line2.batch": tuple(f"B-{n}" for n in number),
                "Line2.recipe": tuple(_RECIPES[n % len(_RECIPES)] for n in number),
                "CELL-301.pallet_label": tuple(f"B-{n}-{n % 40:03d}" for n in number),
            },
        )

    def _count(self, value: F8, running: F8, local: F8, minutes: I8) -> list[int]:
        """Let what counts go on; return the number of the batch at each moment."""
        for tag, v0 in _BY_NOW.items():
            rate, row = rate_of(self._tape, tag, _TAPE_S), self._tape.value[self._row[tag]]
            whole = bool((row == np.floor(row)).all())
            value[self._row[tag]] = counted(v0, rate, running, is_whole=whole)
        for unit in _BEATS:
            value[self._row[f"{unit}.beat"]] = minutes * 60.0
        for tag, full, low, hours in _FILLED:  # used up and filled again
            left = 1.0 - running % (hours * 3_600.0) / (hours * 3_600.0)
            value[self._row[tag]] = np.floor(low + (full - low) * left)
        since = local % (_SHIFT_H * 3_600.0)  # of the shift: its counters begin anew
        made = rate_of(self._tape, "C-201.made", _TAPE_S)
        value[self._row["Line2.good"]] = np.floor(made * since)
        value[self._row["Line2.scorched"]] = 0.0
        value[self._row["Line2.planned_s"]] = value[self._row["Line2.run_s"]] = since
        units = counted(0.0, made, running, is_whole=True)
        whole = np.floor(made * self._running_s[-1]) // BATCH
        number = (_LAST_BATCH - whole + units // BATCH) % _BATCHES
        value[self._row["Line2.batch_number"]] = number
        value[self._row["Line2.batch_done"]] = units % BATCH
        return [int(n) for n in number]


def _recorded(seed: int) -> Tape:
    line, rows = Line(seed), list[list[float]]()
    for _ in range(_TAPE_S):
        line.step(_COARSE_S)
        line.step(_COARSE_S)
        rows.append(_numbers(told(line)))
    return Tape(tags=tuple(told(line)), value=np.ascontiguousarray(np.array(rows).T))
