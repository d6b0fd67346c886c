"""Alarms of a world: conditions seen by the tick, acts of people, and the states that come of both.

The tick thread looks, the world's loop acts; a lock is between them. Python handles only what changes: a
tick without a transition costs array operations alone.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.alarms import wording
from armillary.alarms.comments import commented
from armillary.alarms.conditions import Hit
from armillary.alarms.devices import DeviceWatch
from armillary.alarms.lines import Lines
from armillary.alarms.links import LinkWatch
from armillary.alarms.machine import NOTHING, OVER, Facts, Happening
from armillary.alarms.nuisance import FLOOD_ID, Raised
from armillary.alarms.presentation import Hide, Wish
from armillary.alarms.slopes import Columns
from armillary.alarms.standing import NOBODY, Standing
from armillary.alarms.suppression import Suppressor
from armillary.model.alarm import (
    OF_SERVERS,
    AlarmAct,
    AlarmActed,
    AlarmEvent,
    AlarmProgress,
    AlarmSpec,
    AlarmState,
    Flood,
    ProcessState,
    Suppression,
)
from armillary.model.arrays import B1, F8, I8, U4
from armillary.model.clock import NS
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec, TagTable

GONE = "This alarm is not in the project any more"
ALREADY = "Already so"
LEFT_OFF_S, LEFT_OFF = 5.0, 0.1  # a time that is left is told anew when it is so much, or this share, off
OF_A_SERVER = "Only an alarm that a server owns is asked that"
WHOLE = -1  # `AlarmProgress.level` of what is said of an alarm, not of one of its limits
_ACTS = {"ack": Happening.ACK, "reset": Happening.RESET}
_HIDES = {
    "shelve": Hide.SHELVE,
    "unshelve": Hide.UNSHELVE,
    "remove": Hide.REMOVE,
    "place": Hide.PLACE,
}
_HAPPENINGS = {
    (True, 0): Happening.RAISE,
    (False, 0): Happening.CLEAR,
    (True, 1): Happening.LEVEL_ROSE,
    (True, -1): Happening.LEVEL_FELL,
}
# alarm rows, whether each one's condition holds, whether it certainly does not
Seen = tuple[I8, B1, B1] | None
_CHANGING = ("_conditions", "_links", "_devices", "_rules", "_all", "_number", "_told_s")


class Evaluator:
    """A `world.core.Alarms`. States are kept in the order of the specs."""

    def __init__(
        self,
        specs: Sequence[AlarmSpec],
        tags: Sequence[TagSpec],
        rules: Sequence[Suppression] = (),
        area: str = "",
        positions: Mapping[str, Collection[str]] = NOBODY,
    ) -> None:
        """`specs`: those of the project, and `alarms.links.link_alarms` where links are watched.

        rules: what hides alarms by design; area: whose alarms they are; positions: of operators, each with
        the ids of its alarms. Raises ProjectFault for an
        expression that is refused.
        """
        self.specs = tuple(specs)
        self._tags = {tag.slot: tag for tag in tags}
        self._row = {spec.id: row for row, spec in enumerate(self.specs)}
        self._conditions = Lines(self.specs, tags)
        self._links = LinkWatch(self.specs, tags)
        self._told_s: F8 = np.full(len(self._conditions.foretold), np.nan)
        self._devices = DeviceWatch(self.specs, tags)
        self._rules = Suppressor(rules, self.specs, tags, self._devices)
        self._all = Standing(self.specs, positions)
        self._area = area
        self._doubt_ns: Mapping[str, int] = {}
        self._number = 0
        self._lost: set[int] = set()  # slots with readings that were given up
        self._looked_ns = (0, 0)  # wall and monotonic clock of the last look
        self._lock = threading.Lock()

    # ---------------------------------------------------------------- the tick

    def look(self, table: TagTable, readings: SampleBatch, now_ns: int, now_mono_ns: int) -> None:
        """See every reading of the tick; late and repeated ones are left out by the core."""
        with self._lock:
            self._all.begin(now_ns, self._looked_ns, now_mono_ns)
            self._looked_ns = (now_ns, now_mono_ns)
            links = self._links.look(table, now_mono_ns)
            behind = self._devices.look(table, self._links.silent, now_mono_ns)
            if self._lost:
                self._begin_anew(now_ns)
            seen = self._conditions.look(table, readings, now_ns, now_mono_ns, _both(links, behind))
            if len(self._rules):
                self._hide(table, seen.hits, now_ns, now_mono_ns)
            for row in seen.good[self._all.waits[seen.good]].tolist():
                self._verified(row, now_ns)
            raised = [hit.alarm for hit in seen.hits if hit.raised and not hit.change]
            idle = self._all.idle(np.concatenate(raised).tolist()) if raised else set()
            for hit in seen.hits:
                self._apply(hit, table, now_ns, now_mono_ns)
            for row in seen.bad[self._all.waits[seen.bad]].tolist():
                if self.specs[row].kind != "quality":  # there it is the condition itself
                    self._unverified(row, now_ns)
            if len(self._conditions.foretold):
                self._foretell()
            self._all.end(self._raised(seen.hits) if idle else (), idle, now_ns, self._doubt_ns)

    def _hide(self, table: TagTable, hits: Sequence[Hit], now_ns: int, now_mono_ns: int) -> None:
        """Hide and show by the rules before anything is heard of this tick."""
        active = self._all.active.copy()
        for hit in hits:
            active[hit.alarm] = hit.raised
        for row, rule in self._rules.look(table, active, now_mono_ns, self._devices.joined).items():
            self._all.suppress(row, rule, now_ns)

    def _raised(self, hits: Sequence[Hit]) -> list[Raised]:
        """Return the alarms that raised and are shown."""
        out: list[Raised] = []
        for hit in hits:
            if not hit.raised or hit.change:
                continue
            for row, source_ns in zip(hit.alarm.tolist(), hit.source_ns.tolist(), strict=True):
                spec, state = self.specs[row], self._all.states[row]
                if state.hiding is None:
                    tag = self._tags.get(spec.slot)
                    link = tag.link if tag is not None else ""
                    out.append(Raised(row, source_ns, state.priority or spec.priority, link))
        return out

    def doubt(self, clocks_ns: Mapping[str, int]) -> None:
        """Say how unsure the clocks of links are. From any thread."""
        with self._lock:
            self._doubt_ns = dict(clocks_ns)

    @property
    def floods(self) -> tuple[Flood, ...]:
        """The floods that are: one at most, or one for each position of operators."""
        with self._lock:
            return self._all.floods(self._area)

    @property
    def flood(self) -> Flood | None:
        """The first of them, None for none."""
        return next(iter(self.floods), None)

    def lost(self, slots: U4) -> None:
        """Say that readings of these tags were given up: counts of them begin anew at the next `look`."""
        with self._lock:
            self._lost.update(slots.tolist())

    def tell(self, troubles: Mapping[str, str]) -> None:
        """Say which told alarms of links stand now, as id → sentence; the others do not. From any thread."""
        with self._lock:
            self._links.told = dict(troubles)

    def take(self) -> tuple[tuple[AlarmState, ...], tuple[AlarmEvent, ...]]:
        """Return the states and events since the last call; a state that changed twice comes once."""
        with self._lock:
            return self._all.take()

    def states(self) -> tuple[AlarmState, ...]:
        """Return how every alarm stands."""
        with self._lock:
            return tuple(self._all.states)

    # ---------------------------------------------------------------- people

    def act(self, act: AlarmAct, actor: str, now_ns: int, is_engineer: bool = False) -> AlarmActed:
        """Do what a person wants with alarms; each gets its own answer, "" = done."""
        if act.action in OF_SERVERS:
            return AlarmActed(results=(OF_A_SERVER,) * len(act.occurrences))
        with self._lock:
            if act.action in _HIDES:
                wish = Wish(
                    now_ns=now_ns,
                    why=act.comment,
                    actor=actor,
                    duration_ns=int(act.duration_s * NS),
                    is_engineer=is_engineer,
                )
                results = tuple(self._hide_one(each, _HIDES[act.action], wish) for each in act.occurrences)
            else:
                results = tuple(self._act(each, act, actor, now_ns) for each in act.occurrences)
            return AlarmActed(results=results)

    def _hide_one(self, name: str, what: Hide, wish: Wish) -> str:
        row = self._row.get(name.rpartition("#")[0] or name)
        if row is None:
            return GONE
        if what is Hide.SHELVE and not wish.duration_ns:
            what = Hide.SHELVE_ONCE
        outcome = self._all.hide(row, what, wish)
        return outcome.refused or ("" if outcome.events else ALREADY)

    def _act(self, occurrence: str, act: AlarmAct, actor: str, now_ns: int) -> str:
        row = self._row.get(occurrence.rpartition("#")[0])
        if row is None:
            return GONE
        if act.action == "comment":
            outcome = commented(
                self._all.states[row], occurrence, act.comment, actor, now_ns, self.specs[row]
            )
            self._all.put(row, outcome)
            return outcome.refused
        state, happening = self._all.states[row], _ACTS[act.action]
        if state.occurrence != occurrence:
            if state.process is ProcessState.NORM:
                return NOTHING if happening is Happening.ACK else "Not latched"
            return OVER
        facts = Facts(
            now_ns=now_ns,
            priority=state.priority or self.specs[row].priority,
            value=state.value,
            text="acknowledged" if happening is Happening.ACK else "reset",
            actor=actor,
            comment=act.comment,
        )
        outcome = self._all.happen(row, happening, facts)
        if outcome.refused:
            return outcome.refused
        if not outcome.events:
            return f"already acknowledged by {state.actor}" if state.actor else "already acknowledged"
        return ""

    # ---------------------------------------------------------------- restarts

    def restore(self, states: Iterable[AlarmState], now_ns: int) -> None:
        """Go on from states kept earlier: what waits for a person still does, delays and counts restart.

        An alarm that the project has no more is closed, with an entry. What was active is unverified until
        its tag speaks.
        """
        with self._lock:
            for state in states:
                row = self._row.get(state.id)
                self._number = max(self._number, state.raised_ns)
                if row is not None and not self.specs[row].draft:
                    self._all.set(row, state)
                    if state.hiding is not None and state.hiding.shelved_ns > now_ns:
                        self._all.unshelve(row, now_ns)  # the clock went back meanwhile: fail visible
                elif state.process is not ProcessState.NORM:
                    self._all.close(state, now_ns)
            kept = self._all.states
            level = [level_of(*each) for each in zip(self.specs, kept, strict=True)]
            self._conditions.restore(self._all.active, np.array(level, np.int64))
            self._all.restored(now_ns)
            self._rules.restore(enumerate(kept))
            for row in [i for i, state in enumerate(kept) if state.hiding is not None and state.hiding.rule]:
                if not self._rules.knows(row):  # the rule is gone from the project
                    self._all.suppress(row, "", now_ns)

    def progress(self, now_mono_ns: int) -> tuple[AlarmProgress, ...]:
        """Return what every alarm is counting, for `resume` in another world."""
        with self._lock:
            found = self._conditions.progress(now_mono_ns)
            raised = self._all.chatter.progress(now_mono_ns)
            return (
                *(replace(one, id=self.specs[row].id) for row, one in found),
                *(
                    AlarmProgress(id=self.specs[row].id, level=WHOLE, raised_ns=ages)
                    for row, ages in raised.items()
                ),
            )

    def resume(self, table: TagTable, progress: Iterable[AlarmProgress], now_mono_ns: int) -> None:
        """Go on exactly, after `restore`, from the tags as they were and what was being counted then."""
        with self._lock:
            rows = [(self._row[one.id], one) for one in progress if one.id in self._row]
            self._conditions.resume(table, rows, now_mono_ns)
            raised = {row: one.raised_ns for row, one in rows if one.level == WHOLE}
            self._all.chatter.resume(raised, now_mono_ns)

    def saved(self, now_mono_ns: int) -> tuple[AlarmProgress, ...]:
        """Return what every alarm is counting and the floods that may be, for `go_on` after a restart."""
        found = self.progress(now_mono_ns)
        with self._lock:
            floods = {name: each.progress(now_mono_ns) for name, each in self._all.each_flood.items()}
        return (
            *found,
            *(
                AlarmProgress(id=FLOOD_ID + name, level=WHOLE, source_ns=since_ns, raised_ns=ages)
                for name, (since_ns, ages) in floods.items()
                if since_ns or ages
            ),
        )

    def go_on(self, progress: Iterable[AlarmProgress], gap_ns: int, now_mono_ns: int) -> None:
        """Go on, after `restore`, from what was being counted `gap_ns` ago; since then nothing is known."""
        with self._lock:
            every = list(progress)
            rows = [(self._row[one.id], one) for one in every if one.id in self._row]
            self._conditions.go_on(rows, gap_ns, now_mono_ns)
            raised = {row: one.raised_ns for row, one in rows if one.level == WHOLE}
            self._all.chatter.resume(raised, now_mono_ns, gap_ns)
            floods = {FLOOD_ID + name: each for name, each in self._all.each_flood.items()}
            for one in every:
                if one.id in floods:
                    floods[one.id].resume(one.source_ns, one.raised_ns, gap_ns, now_mono_ns)

    def windows(self, without: Collection[str] = ()) -> tuple[tuple[str, ...], dict[str, Columns]]:
        """Return (alarms, columns) of what predictions are made from, but of some alarms."""
        with self._lock:
            return self._conditions.signals.windows(without)

    def give_windows(self, ids: Sequence[str], columns: Mapping[str, Columns]) -> None:
        """Go on with what predictions were made from. Raises ValueError for what cannot be that."""
        with self._lock:
            self._conditions.signals.give_windows(ids, columns)

    def freeze(self) -> object:
        """Return everything that changes, delays and counts included; `thaw` goes on from it exactly."""
        with self._lock:
            return copy.deepcopy(tuple(getattr(self, name) for name in _CHANGING))

    def thaw(self, frozen: object) -> None:
        """Go on from what `freeze` returned; may be done again and again."""
        if not isinstance(frozen, tuple):
            raise TypeError("thaw takes what freeze returned")
        with self._lock:
            for name, held in zip(_CHANGING, copy.deepcopy(frozen), strict=True):
                setattr(self, name, held)
            self._all.forget_changes()

    # ---------------------------------------------------------------- one alarm

    def _apply(self, hit: Hit, table: TagTable, now_ns: int, now_mono_ns: int) -> None:
        happening = _HAPPENINGS[hit.raised, hit.change]
        none = [0] * len(hit.alarm)
        rows = zip(
            hit.alarm.tolist(),
            hit.value.tolist(),
            hit.source_ns.tolist(),
            hit.quality.tolist(),
            hit.delayed_ns.tolist(),
            hit.level.tolist() if hit.level is not None else none,
            strict=True,
        )
        for row, value, source_ns, word, delayed_ns, number in rows:
            spec, tag = self.specs[row], self._tags.get(self.specs[row].slot)
            level = spec.levels[number] if spec.levels and hit.raised else None
            if level is not None:
                spec = replace(spec, limit=level.limit, priority=level.priority)
            if not hit.raised:
                text = wording.cleared(spec, tag, value)
            elif spec.is_advisory:
                text = wording.foretold(spec, tag, self._left_s(row), delayed_ns)
            elif row in self._devices:
                text = self._devices.text(row, table, now_mono_ns)
            elif spec.kind == "link":
                text = self._links.text(row, table, now_mono_ns, spec.id)
            else:
                text = wording.raised(spec, tag, value, word, delayed_ns)
                text += f" ({level.name})" if level is not None else ""
            self._number = max(now_ns, self._number + 1)
            facts = Facts(
                now_ns=now_ns,
                priority=spec.priority,
                latching=spec.latching,
                ack_required=spec.ack_required,
                occurrence=f"{spec.id}#{self._number:x}",
                value=value,
                text=text,
                delayed_s=delayed_ns / NS,
                source_ns=source_ns,
                quality=word,
                level=level.name if level is not None else "",
            )
            self._all.happen(row, happening, facts)

    def _left_s(self, row: int) -> float:
        """Return how long it is until what is predicted comes, and note that it was told."""
        place = int(np.searchsorted(self._conditions.foretold, row))
        left = float(self._conditions.left_s[place])
        self._told_s[place] = left
        return left

    def _foretell(self) -> None:
        """Say anew of standing predictions how long is left, where that is another than people were told."""
        rows, left = self._conditions.foretold, self._conditions.left_s
        off = np.abs(left - self._told_s) > np.maximum(LEFT_OFF_S, LEFT_OFF * self._told_s)
        off |= np.isnan(self._told_s) & ~np.isnan(left)
        for place in np.flatnonzero(self._all.active[rows] & off).tolist():
            row = int(rows[place])
            state, spec = self._all.states[row], self.specs[row]
            text = wording.foretold(spec, self._tags.get(spec.slot), self._left_s(row), 0)
            if text != state.text and not state.unverified:
                self._all.set(row, replace(state, text=text))

    def _unverified(self, row: int, now_ns: int) -> None:
        text = wording.unknown(self.specs[row])
        self._all.happen(row, Happening.BAD, self._all.facts(row, now_ns, text))

    def _verified(self, row: int, now_ns: int) -> None:
        text = wording.known_again(self.specs[row])
        self._all.happen(row, Happening.GOOD, self._all.facts(row, now_ns, text))

    def _begin_anew(self, now_ns: int) -> None:
        """Forget counts with a gap in them; whether the cause is still there is then not known."""
        rows = self._conditions.forget(np.array(sorted(self._lost), np.int64))
        self._lost.clear()
        for row in rows[self._all.waits[rows]].tolist():
            text = f"readings of {self.specs[row].tag} were dropped in a flood: they are counted anew"
            self._all.happen(row, Happening.BAD, self._all.facts(row, now_ns, text))


def _both(links: Seen, devices: Seen) -> Seen:
    if links is None or devices is None:
        return links or devices
    rows, holds, ends = (np.concatenate(pair) for pair in zip(links, devices, strict=True))
    return rows, holds, ends


def level_of(spec: AlarmSpec, state: AlarmState) -> int:
    """Return the number of the limit that a state names, the nearest where the project has it no more."""
    return next((n for n, each in enumerate(spec.levels) if each.name == state.level), 0)
