"""All conditions of a world's alarms: on tags and on signals, one for each limit of an alarm.

A line is one limit. Its conditions know nothing of the others; here the farthest that is passed is found,
and what people hear of: one alarm that raises, changes its level, and clears.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from armillary.alarms.conditions import Conditions, Hit, Look
from armillary.alarms.outlooks import band_of
from armillary.alarms.signals import TRUE_ABOVE, Signals, is_computed
from armillary.model.alarm import COMPUTED, AlarmProgress, AlarmSpec, of_level
from armillary.model.arrays import B1, F8, I8
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec, TagTable

NONE = -1  # no limit is passed, no line is meant
NO_ONE: B1 = np.zeros(0, np.bool_)
_LIMITED = ("level", "count")


class Lines:
    """The conditions of A alarms; used by one thread at a time."""

    def __init__(self, specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> None:
        """Raises ProjectFault for an expression that is refused."""
        self.signals = Signals(specs, tags)
        direct = [(row, n, spec) for row, spec in enumerate(specs) for n, spec in _limits(spec)]
        on_tags = [each for each in direct if not is_computed(each[2])]
        number = {spec.id: i for i, spec in enumerate(self.signals.specs)}
        on_signals = [
            (row, n, on_signal(spec, number[spec.id])) for row, n, spec in direct if is_computed(spec)
        ]
        self.direct = Conditions([spec for _, _, spec in on_tags], tags)
        self.computed = Conditions(
            [spec for _, _, spec in on_signals], _signal_tags(self.signals.specs, tags)
        )
        self._parts = (self.direct, self.computed)
        self.direct.imply(_column(on_tags, 1))
        self.computed.imply(_column(on_signals, 1))
        self._alarm: tuple[I8, I8] = (_column(on_tags, 0), _column(on_signals, 0))
        self._level: tuple[I8, I8] = (_column(on_tags, 1), _column(on_signals, 1))
        self._line = np.full(len(specs), NONE, np.int64)  # the first line on a tag of each alarm
        self._line[self._alarm[0][::-1]] = np.arange(len(on_tags))[::-1]
        self._real = _reals(self.signals.specs, [spec for _, _, spec in on_tags])
        self._watches: I8 = np.flatnonzero(self._real != NONE)
        foretold = [i for i, spec in enumerate(self.signals.specs) if spec.is_advisory]
        self._foretold: I8 = np.array(foretold, np.int64)
        row = {spec.id: i for i, spec in enumerate(specs)}
        self.foretold: I8 = np.array([row[self.signals.specs[i].id] for i in foretold], np.int64)
        self._many: B1 = np.array([bool(spec.levels) for spec in specs], np.bool_)
        self._passed: dict[int, int] = {}  # alarm with several limits -> those passed, as bits

    def look(
        self,
        table: TagTable,
        readings: SampleBatch,
        now_ns: int,
        now_mono_ns: int,
        links: tuple[I8, B1, B1] | None = None,
    ) -> Look:
        """See a tick, as `Conditions.look` does; rows are those of the alarms, `links` too."""
        if links is not None:
            links = (self._line[links[0]], *links[1:])
        looks = [self.direct.look(table, readings, now_mono_ns, links)]
        if len(self.signals.specs):
            come = NO_ONE
            if len(self._foretold):
                come = np.zeros(len(self._real), np.bool_)
                come[self._watches] = self.direct.active[self._real[self._watches]]
            of_signals = self.signals.look(table, readings, now_ns, now_mono_ns, come)
            looks.append(self.computed.look(self.signals.table, of_signals, now_mono_ns))
        hits = tuple(
            hit for part, found in enumerate(looks) for each in found.hits for hit in self._told(each, part)
        )
        return Look(
            good=self._alarms(found.good for found in looks),
            hits=hits,
            bad=self._alarms(found.bad for found in looks),
        )

    def _alarms(self, rows: Iterable[I8]) -> I8:
        """Return the alarms of lines on tags and on signals, each once."""
        found = np.concatenate([self._alarm[part][each] for part, each in enumerate(rows)])
        if self._many.any() and self._many[found].any():
            found = np.unique(found)
        return found

    def _told(self, hit: Hit, part: int) -> list[Hit]:
        """Return what a hit of lines is to their alarms."""
        alarm = self._alarm[part][hit.alarm]
        many = self._many[alarm]
        if not many.any():
            return [replace(hit, alarm=alarm)]
        at = np.flatnonzero(~many)
        out = [_some(hit, at, alarm[at])] if len(at) else []
        was: dict[int, int] = {}
        row: dict[int, int] = {}
        for i in np.flatnonzero(many).tolist():
            a, bit = int(alarm[i]), 1 << int(self._level[part][hit.alarm[i]])
            passed = self._passed.get(a, 0)
            was.setdefault(a, passed)
            row[a] = i
            self._passed[a] = passed | bit if hit.raised else passed & ~bit
        changes: dict[tuple[bool, int], list[tuple[int, int, int]]] = {}
        for a, before in was.items():
            old, new = before.bit_length() - 1, self._passed[a].bit_length() - 1
            if old != new:
                key = (new != NONE, 0 if NONE in (old, new) else (1 if new > old else -1))
                changes.setdefault(key, []).append((row[a], a, new))
        for (raised, change), found in changes.items():
            rows, alarms, levels = np.array(found, np.int64).T
            some = _some(hit, rows, alarms)
            out.append(replace(some, raised=raised, change=change, level=levels))
        return out

    @property
    def left_s(self) -> F8:
        """How long until the limits of `foretold` are passed, (f,); NaN: not at all, or unknown."""
        return self.signals.left_s[self._foretold]

    def forget(self, slots: I8) -> I8:
        """Begin the counts of these tags anew: readings of them are missing. Return their alarms."""
        return np.unique(self._alarm[0][self.direct.forget(slots)])

    def restore(self, active: B1, level: I8) -> None:
        """Begin anew with these alarms active, (A,), and the limits they had passed, (A,)."""
        for part, conditions in enumerate(self._parts):
            of = self._alarm[part]
            conditions.restore(active[of] & (self._level[part] <= np.maximum(level[of], 0)))
        many = np.flatnonzero(self._many & active)
        self._passed = {a: (2 << max(int(level[a]), 0)) - 1 for a in many.tolist()}

    def progress(self, now_mono_ns: int) -> list[tuple[int, AlarmProgress]]:
        """Return what is being counted, with the row of its alarm; `AlarmProgress.id` is left out."""
        out = []
        for part, conditions in enumerate(self._parts):
            for line, one in conditions.progress(now_mono_ns).items():
                level = int(self._level[part][line])
                out.append((int(self._alarm[part][line]), replace(one, level=level)))
        return out

    def resume(
        self, table: TagTable, progress: Iterable[tuple[int, AlarmProgress]], now_mono_ns: int
    ) -> None:
        """Go on after `restore` from the tags as they were and what was being counted, by alarm."""
        if len(self.signals.specs):
            self.signals.resume(table, now_mono_ns)
        held = {(row, one.level): one for row, one in progress}
        for part, conditions in enumerate(self._parts):
            places = zip(self._alarm[part].tolist(), self._level[part].tolist(), strict=True)
            mine = {line: held[place] for line, place in enumerate(places) if place in held}
            conditions.resume(self.signals.table if part else table, mine, now_mono_ns)

    def go_on(self, progress: Iterable[tuple[int, AlarmProgress]], gap_ns: int, now_mono_ns: int) -> None:
        """Go on after `restore` from what was being counted `gap_ns` ago, by alarm; as `Conditions.go_on`."""
        held = {(row, one.level): one for row, one in progress}
        for part, conditions in enumerate(self._parts):
            places = zip(self._alarm[part].tolist(), self._level[part].tolist(), strict=True)
            mine = {line: held[place] for line, place in enumerate(places) if place in held}
            conditions.go_on(mine, gap_ns, now_mono_ns)


def _limits(spec: AlarmSpec) -> list[tuple[int, AlarmSpec]]:
    """Return (number, spec) for each limit of an alarm, nearest first."""
    if spec.draft and spec.kind in COMPUTED:
        return [(0, replace(spec, kind="level", levels=()))]  # it watches nothing
    if not spec.levels:
        return [(0, spec)]
    return [(n, of_level(spec, each)) for n, each in enumerate(spec.levels)]


def on_signal(spec: AlarmSpec, slot: int) -> AlarmSpec:
    """Return a computed alarm as a limit on its signal."""
    is_truth = spec.kind == "expression"
    return replace(
        spec,
        kind="level",
        slot=slot,
        limit=TRUE_ABOVE if is_truth else spec.limit,
        deadband=0.0 if is_truth else band_of(spec) if spec.is_advisory else spec.deadband,
        direction=spec.direction if spec.kind in ("rate", "predicted") and not spec.two_sided else "above",
        normal=(),
    )


def _signal_tags(specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> list[TagSpec]:
    """Return signals as tags: as late as what they are made of may be."""
    by_slot = {tag.slot: tag.expected_ms for tag in tags}
    return [
        TagSpec(
            slot=i,
            name=spec.id,
            expected_ms=max(by_slot.get(spec.slot, 0), by_slot.get(spec.reference_slot, 0)),
        )
        for i, spec in enumerate(specs)
    ]


def _reals(signals: Sequence[AlarmSpec], lines: Sequence[AlarmSpec]) -> I8:
    """Return the line that is what each signal predicts, NONE where no alarm has that limit."""
    known: dict[tuple[int, str, float], int] = {}
    for i, spec in enumerate(lines):
        if spec.kind in _LIMITED and not spec.draft:
            known.setdefault((spec.slot, spec.direction, spec.limit), i)
    return np.array(
        [known.get((s.slot, s.direction, s.limit), NONE) if s.is_advisory else NONE for s in signals],
        np.int64,
    )


def _column(rows: Sequence[tuple[int, int, AlarmSpec]], at: int) -> I8:
    return np.array([row[at] for row in rows], np.int64)


def _some(hit: Hit, rows: I8, alarms: I8) -> Hit:
    return Hit(
        raised=hit.raised,
        alarm=alarms,
        value=hit.value[rows],
        source_ns=hit.source_ns[rows],
        quality=hit.quality[rows],
        delayed_ns=hit.delayed_ns[rows],
    )
