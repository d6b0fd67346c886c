"""The alarms of a world that evaluates them: specs, states that outlive it, acts written down."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.links import link_alarms
from armillary.alarms.personal import bare_event, bare_state, of_persons
from armillary.alarms.standing import NOBODY
from armillary.model.account import LoggedIn, Right, may
from armillary.model.alarm import (
    AlarmAct,
    AlarmActed,
    AlarmEvent,
    AlarmSpec,
    AlarmState,
    ProcessState,
    Suppression,
)
from armillary.model.clock import NS, iso
from armillary.model.condition import REMOTE
from armillary.model.fault import Fault, FaultRecord, record
from armillary.model.link import LinkSpec
from armillary.model.tags import TagSpec
from armillary.world.journal import TEXT_LIMIT, Entry, Journal, entry_of_state

MOST_AT_ONCE = 10_000  # occurrences in one act
SYNC_NS = NS // 2
_LIMITED = ("level", "count", "rate", "deviation", "predicted")


class Alarming:
    """Evaluator and journal of one world. `look` and `take` are the tick's; the rest is the loop's."""

    def __init__(
        self,
        specs: Sequence[AlarmSpec],
        tags: Sequence[TagSpec],
        links: Iterable[LinkSpec],
        *,
        folder: Path,
        kind: str,
        now_ns: int,
        rules: Sequence[Suppression] = (),
        area: str = "",
        positions: Callable[[Sequence[AlarmSpec]], Mapping[str, Collection[str]]] = lambda _specs: NOBODY,
    ) -> None:
        """`folder`: of the journals; `kind` names this one's files, such as `live`; rules hide by design.

        positions: returns the alarms of each operator position.
        """
        self.specs = (*specs, *link_alarms(links, tags))
        self.evaluator = Evaluator(self.specs, tags, rules, area, positions(self.specs))
        self._spec = {spec.id: spec for spec in self.specs}
        self._unit = {tag.name: tag.unit for tag in tags}
        self._role: dict[str, str] = {}
        self.personal = of_persons(self.specs, tags)
        self._trouble: FaultRecord | None = None
        self._synced_mono_ns = 0
        self._journal: Journal | None = None
        try:
            self._journal = Journal(folder, kind, now_ns)
            self._begin(self._journal, now_ns)
        except Fault as fault:
            self._trouble = record(fault)

    def _begin(self, journal: Journal, now_ns: int) -> None:
        self.evaluator.restore(journal.states, now_ns)
        kept = [state for state in self.evaluator.states() if not state.is_plain]
        standing = [state for state in kept if state.process is not ProcessState.NORM]
        text = "journal begun"
        if journal.gap_s == journal.gap_s:
            text = f"journal resumed after {journal.gap_s:.0f} s; {len(standing)} alarms re-evaluated"
        journal.begin(self._impersonal(kept), text, now_ns)

    # ---------------------------------------------------------------- what happened

    def note(self, states: Sequence[AlarmState], events: Sequence[AlarmEvent], now_ns: int) -> None:
        """Write the transitions of a tick; the last one of each alarm holds its state."""
        if self._journal is None or not events:
            return
        # what a server owns it tells again itself: it is written, and not restored
        state_of = {s.id: s for s in self._impersonal(states) if not s.id.startswith(REMOTE)}
        entries = [self._entry(event, state_of.pop(event.id, None)) for event in reversed(events)]
        try:
            self._journal.append(entries[::-1], self._impersonal(self.evaluator.states()), now_ns)
        except Fault as fault:
            self._trouble = record(fault)

    def missed(self, events: Sequence[AlarmEvent], now_ns: int) -> None:
        """Write what late data would have raised; no alarm's state is another for it."""
        self.note((), events, now_ns)

    def sync(self, now_mono_ns: int) -> None:
        """Put what was written on disk, at most twice a second."""
        if self._journal is None or not self._journal.unsynced:
            return
        if now_mono_ns - self._synced_mono_ns >= SYNC_NS:
            self._synced_mono_ns = now_mono_ns
            try:
                self._journal.sync()
            except Fault as fault:
                self._trouble = record(fault)

    def take_trouble(self) -> FaultRecord | None:
        """Return why the journal is not written, once."""
        trouble, self._trouble = self._trouble, None
        return trouble

    def close(self) -> None:
        """Put all on disk."""
        if self._journal is not None:
            try:
                self._journal.close()
            except Fault as fault:
                self._trouble = record(fault)

    # ---------------------------------------------------------------- people

    def act(self, act: AlarmAct, who: LoggedIn, now_ns: int) -> AlarmActed:
        """Do what a person wants. Raises Fault for more occurrences than anybody can have seen."""
        if len(act.occurrences) > MOST_AT_ONCE:
            raise Fault(
                f"{len(act.occurrences)} alarms at once are too many.",
                where="alarms",
                remedy=f"Select at most {MOST_AT_ONCE}.",
            )
        self._role[who.user] = who.role
        plain = replace(act, comment=_plain(act.comment))
        return self.evaluator.act(plain, who.user, now_ns, is_engineer=may(who.role, Right.AUTHOR))

    def _impersonal(self, states: Sequence[AlarmState]) -> Sequence[AlarmState]:
        """Return states without what they tell of a person: no line of a sealed chain can be taken back."""
        if not self.personal:
            return states
        return [bare_state(state) if state.id in self.personal else state for state in states]

    def _entry(self, event: AlarmEvent, state: AlarmState | None) -> Entry:
        spec = self._spec.get(event.id)
        if event.id in self.personal:
            event = bare_event(event)
        return {
            "t_source": iso(event.source_ns) if event.source_ns else None,
            "t_received": iso(event.t_ns),
            "alarm_id": event.id,
            "occurrence": event.occurrence,
            "event": event.event,
            "from": str(event.before),
            "to": str(event.after),
            "presentation": str(state.presentation) if state else None,
            "value": event.value,
            "limit": _limit(spec, state),
            "level": state.level if state is not None else "",
            "unit": _unit(spec, self._unit),
            "quality": event.quality,
            "priority": event.priority,
            "late": True if event.late else state.delayed_s if state is not None else 0.0,
            "actor": event.actor,
            "role": self._role.get(event.actor, ""),
            "comment": event.comment,
            "text": event.text,
            "state": entry_of_state(state) if state is not None else None,
        }


def _limit(spec: AlarmSpec | None, state: AlarmState | None) -> float | None:
    """Return the limit that is passed, None for an alarm that has none."""
    if spec is None or spec.kind not in _LIMITED:
        return None
    named = state.level if state is not None else ""
    return next((level.limit for level in spec.levels if level.name == named), spec.limit)


def _unit(spec: AlarmSpec | None, units: Mapping[str, str]) -> str:
    """Return the unit of value and limit."""
    unit = units.get(spec.tag, "") if spec is not None and spec.kind != "expression" else ""
    return f"{unit}/s" if spec is not None and spec.kind == "rate" else unit


def _plain(text: str) -> str:
    """Return a text shortened and without lone surrogates, which no file could hold."""
    return text[:TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8")
