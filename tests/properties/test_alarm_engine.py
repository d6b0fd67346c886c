"""The alarm engine against a slow one, written out reading by reading: no arrays, no shortcuts, no table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmLevel, AlarmSpec, Presentation, Suppression
from armillary.model.clock import NS, ManualClock
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying

A, B, C = range(3)
TAGS = tuple(TagSpec(slot=i, name=name) for i, name in enumerate(("A.x", "B.x", "C.x")))
LEVELS = tuple(AlarmLevel(name=n, limit=v, priority=p) for n, v, p in (("H", 4.0, 3), ("HH", 7.0, 1)))
OWN = (
    AlarmLevel(name="H", limit=2.5, priority=4, on_delay_s=4.0, off_delay_s=2.0),
    AlarmLevel(name="HH", limit=4.0, priority=3, deadband=0.5, on_delay_s=1.0),
    AlarmLevel(name="HHH", limit=6.0, priority=1, deadband=3.0, off_delay_s=5.0),
)
SPECS = (
    AlarmSpec(id="OWN", slot=A, tag="A.x", limit=2.5, deadband=1.0, levels=OWN),
    AlarmSpec(id="LVL", slot=A, tag="A.x", limit=4.0, deadband=1.0, levels=LEVELS),
    AlarmSpec(
        id="LATER", slot=A, tag="A.x", limit=4.0, deadband=1.0, levels=LEVELS, on_delay_s=2.0, off_delay_s=3.0
    ),
    AlarmSpec(
        id="DEV",
        slot=A,
        tag="A.x",
        kind="deviation",
        limit=3.0,
        deadband=1.0,
        reference="B.x",
        reference_slot=B,
    ),
    AlarmSpec(id="SET", slot=B, tag="B.x", kind="deviation", limit=3.0, setpoint=5.0, on_delay_s=2.0),
    AlarmSpec(
        id="FOL", slot=B, tag="B.x", kind="discrepancy", reference="C.x", reference_slot=C, on_delay_s=2.0
    ),
    AlarmSpec(
        id="EXP", slot=A, tag="A.x", kind="expression", expression="A.x > 6 or (B.x > 6 and good(C.x))"
    ),
    AlarmSpec(id="UNK", slot=C, tag="C.x", kind="state", values=(7.0,), normal=(0.0, 2.0, 5.0)),
)
RULE = Suppression(id="r", when="C.x > 6", alarms=("DEV", "EXP"), off_delay_s=2.0)
Inputs = list[tuple[float, int]]
Row = tuple[int, float, int]


def worth(spec: AlarmSpec, now: Inputs) -> float:
    """What an alarm watches, NaN where that is not known."""
    (a, _), (b, qb), (c, qc) = now

    def known(*slots: int) -> bool:
        return all(now[slot][1] < STALE for slot in slots)

    if spec.id in ("LVL", "LATER", "OWN"):
        return a if known(A) else math.nan
    if spec.id == "DEV":
        return abs(a - b) if known(A, B) else math.nan
    if spec.id == "SET":
        return abs(b - 5.0) if known(B) else math.nan
    if spec.id == "FOL":
        return abs(b - c) if known(B, C) else math.nan
    if spec.id == "UNK":
        return float(c not in spec.normal) if known(C) else math.nan
    if not known(A):
        return math.nan
    if a > 6:
        return 1.0
    if qb >= STALE:
        return math.nan
    return float(b > 6 and qc == GOOD)


@dataclass
class Line:
    """One limit of one alarm."""

    spec: AlarmSpec
    limit: float
    number: int
    active: bool = False
    over_since: float | None = None
    under_since: float | None = None

    def due(self, now: float) -> bool | None:
        """True: it begins, False: it ends, None: neither; a delay has run out."""
        if not self.active and self.over_since is not None and now - self.over_since >= self.spec.on_delay_s:
            return self._become(True)
        if self.active and self.under_since is not None and now - self.under_since >= self.spec.off_delay_s:
            return self._become(False)
        return None

    def judge(self, value: float, now: float) -> bool | None:
        over = not math.isnan(value) and value > self.limit
        under = not math.isnan(value) and value <= self.limit - self.spec.deadband
        if self.active:
            self.under_since = (now if self.under_since is None else self.under_since) if under else None
            return self._become(False) if under and self.spec.off_delay_s == 0 else None
        self.over_since = (now if self.over_since is None else self.over_since) if over else None
        return self._become(True) if over and self.spec.on_delay_s == 0 else None

    def _become(self, active: bool) -> bool:
        self.active, self.over_since, self.under_since = active, None, None
        return active


@dataclass
class Slow:
    """All alarms, one reading after the other."""

    now: Inputs = field(default_factory=lambda: [(math.nan, BAD + 1)] * 3)
    told: list[tuple[float, str, str]] = field(default_factory=list)
    hidden: bool = False
    ended: float | None = None

    def __post_init__(self) -> None:
        self.lines = {spec.id: _lines(spec) for spec in SPECS}
        self.level = dict.fromkeys(self.lines, 0)

    def tick(self, rows: list[Row], t: float) -> None:
        for slot, value, quality in rows:
            self.now[slot] = (value, quality)
            for spec in SPECS:
                if slot in READS[spec.id]:
                    self._each(spec, t, lambda line: line.due(t))
                    value_now = worth(spec, self.now)
                    self._each(spec, t, lambda line, v=value_now: line.judge(v, t))  # type: ignore[misc]
        for spec in SPECS:
            self._each(spec, t, lambda line: line.due(t))
        self._rule(t)

    def _each(self, spec: AlarmSpec, t: float, ask: Callable[[Line], bool | None]) -> None:
        lines = self.lines[spec.id]
        told = [ask(line) for line in lines]
        for n in (n for n, begins in enumerate(told) if begins):
            for nearer in lines[:n]:  # a farther limit implies the nearer ones, whatever they wait for
                if not nearer.active:
                    nearer.active, nearer.over_since, nearer.under_since = True, None, None
        for raised in (True, False):  # what begins is told before what ends
            if raised in told:
                self._tell(spec, t)

    def _tell(self, spec: AlarmSpec, t: float) -> None:
        before = self.level[spec.id]
        after = max((line.number + 1 for line in self.lines[spec.id] if line.active), default=0)
        self.level[spec.id] = after
        if before != after:
            word = "RAISE" if not before else "CLEAR" if not after else "LEVEL-ROSE" if after > before else ""
            self.told.append((t, spec.id, word or "LEVEL-FELL"))

    def _rule(self, t: float) -> None:
        value, quality = self.now[C]
        if quality < STALE and value > 6:
            self.hidden, self.ended = True, None
        elif self.hidden and quality < STALE:
            self.ended = t if self.ended is None else self.ended
            if t - self.ended >= RULE.off_delay_s:
                self.hidden, self.ended = False, None
        else:
            self.ended = None  # nobody knows, for less than a minute


READS = {
    "OWN": (A,),
    "LVL": (A,),
    "LATER": (A,),
    "DEV": (A, B),
    "SET": (B,),
    "FOL": (B, C),
    "EXP": (A, B, C),
    "UNK": (C,),
}


def _lines(spec: AlarmSpec) -> list[Line]:
    if spec.kind in ("expression", "state"):
        return [Line(spec, 0.5, 0)]
    return [_line(spec, level, n) for n, level in enumerate(spec.levels)] or [Line(spec, spec.limit, 0)]


def _line(spec: AlarmSpec, level: AlarmLevel, n: int) -> Line:
    own = {
        key: value
        for key in ("deadband", "on_delay_s", "off_delay_s")
        if (value := getattr(level, key)) is not None
    }
    return Line(replace(spec, **own), level.limit, n)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([0.0, 2.0, 3.0, 3.5, 5.0, 6.5, 7.0, 9.0]),
        st.sampled_from([GOOD, GOOD, GOOD, GOOD, UNCERTAIN, BAD]),
    ),
    max_size=6,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(ROWS, min_size=4, max_size=14))
def test_every_kind_says_what_its_rule_written_out_says(ticks: list[list[Row]]) -> None:
    clock, table = ManualClock(), TagTable(len(TAGS))
    engine, slow = Evaluator(SPECS, TAGS, (RULE,)), Slow()
    begun = clock.now_mono_ns()
    told: list[tuple[float, str, str]] = []
    for rows in ticks:
        clock.advance(1.0)
        now, mono = clock.now_ns(), clock.now_mono_ns()
        t = (mono - begun) / NS
        batch = batch_of(
            np.array([slot for slot, _, _ in rows], np.uint32),
            np.array([value for _, value, _ in rows], np.float64),
            now + np.arange(len(rows), dtype=np.int64) * 1_000,
            now,
            mono,
            quality=np.array([quality for _, _, quality in rows], np.uint16),
        )
        applying.apply(table, batch)
        engine.look(table, batch, now, mono)
        words = ("RAISE", "CLEAR", "LEVEL-ROSE", "LEVEL-FELL")
        told += [(t, event.id, event.event) for event in engine.take()[1] if event.event in words]
        slow.tick(rows, t)
        for spec in SPECS:
            mine = [each[2] for each in told if each[1] == spec.id]
            assert mine == [each[2] for each in slow.told if each[1] == spec.id], (spec.id, t)
        states = {state.id: state for state in engine.states()}
        assert {states[id_].presentation is Presentation.SUPPRESSED for id_ in RULE.alarms} == {slow.hidden}
        assert {states["LVL"].presentation, states["SET"].presentation} == {Presentation.SHOWN}
        for spec in SPECS:
            passed = slow.level[spec.id]
            assert states[spec.id].active == bool(passed)
            if spec.levels and passed:  # one that returned keeps how far it went until it is acknowledged
                assert states[spec.id].level == spec.levels[passed - 1].name
