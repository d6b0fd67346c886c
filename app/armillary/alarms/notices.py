"""Who is told what of alarms, and when: filters, quiet times, escalation, groups in floods. Pure.

Nothing is sent here. A LIVE world's `world.notifying` takes what waits in the outboxes; no other world has
it, and none can import it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from armillary.alarms.outbox import MOST_LINES, Outbox
from armillary.alarms.personal import bare_event, bare_state, of_persons
from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState, Presentation, ProcessState
from armillary.model.clock import NS
from armillary.model.notice import (
    Notice,
    NoticeKind,
    Receiver,
    Standing,
    is_quiet,
    notify_alarm,
)
from armillary.model.tags import TagSpec

SCHEMA = 1
LOOK_NS = NS  # quiet times and escalations are looked at this often
_KINDS: Mapping[str, NoticeKind] = {
    "RAISE": "raised",
    "RE-ALARM": "raised",
    "LEVEL-ROSE": "raised",  # it may be of a receiver's priority only now
    "CLEAR": "cleared",
    "DISABLE": "cleared",
    "ACK": "acknowledged",
    "RESET": "reset",
}
_SHOWN_AGAIN = ("UNSHELVE", "UNSUPPRESS", "PLACE-IN-SERVICE")
_IDS = uuid.UUID("7a2cf5a8-6a0e-4c0a-9e2b-3d9a4d3c9f10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is told beside the alarms: of project and world."""

    project: str
    world: str
    desk: str  # the command that opens a desk here
    area: str = ""


@dataclass(slots=True)
class _Wait:
    """An escalation that is due when nobody acknowledges until then."""

    alarm: str
    occurrence: str
    to: str
    due_mono: int
    waited_s: float


class Notices:
    """All receivers of one world. One thread at a time; nothing waits, nothing is sent."""

    def __init__(
        self,
        receivers: Iterable[Receiver],
        specs: Sequence[AlarmSpec],
        tags: Sequence[TagSpec],
        facts: Facts,
    ) -> None:
        self.outboxes = {one.name: Outbox(one, self._group) for one in receivers if one.enabled}
        self._facts = facts
        self._spec: dict[str, AlarmSpec] = {}
        self._tag = {tag.slot: tag for tag in tags}
        self._personal = of_persons(specs, tags)
        self._state: dict[str, AlarmState] = {}
        self._waits: dict[tuple[str, str], _Wait] = {}  # by occurrence and whoever is told next
        self._of: dict[str, tuple[Outbox, ...]] = {}
        self.learn(specs)

    # ---------------------------------------------------------------- what happens

    def learn(self, specs: Iterable[AlarmSpec]) -> None:
        """Take alarms that came to be: those of servers."""
        boxes = self.outboxes.values()
        for spec in specs:
            self._spec[spec.id] = spec
            self._of[spec.id] = tuple(box for box in boxes if tells(box.receiver, spec, self._facts.area))

    def begin(self, states: Iterable[AlarmState]) -> None:
        """Take how alarms stand; nobody is told of what stood before."""
        self._state.update((state.id, state) for state in states)

    def note(
        self, states: Iterable[AlarmState], events: Iterable[AlarmEvent], now_ns: int, mono: int
    ) -> None:
        """Take what happened in a tick."""
        self._state.update((state.id, state) for state in states)
        for event in events:
            kind = self._kind(event)
            state = self._state.get(event.id)
            if kind is None or event.late or state is None or state.presentation is not Presentation.SHOWN:
                continue
            for box in self._of.get(event.id, ()):
                if box.receiver.only_escalated or event.priority > box.receiver.priority:
                    continue
                if kind in box.receiver.events:
                    notice = self._notice(box.receiver, kind, event, state)
                    box.put(notice, mono, is_quiet=is_quiet(box.receiver, now_ns))
                if kind == "raised":
                    self._wait(box.receiver, state, mono, 0.0)

    def due(self, now_ns: int, mono: int) -> None:
        """Let go of what is due now."""
        for key in [key for key, wait in self._waits.items() if wait.due_mono <= mono]:
            wait = self._waits.pop(key)
            if self._waits_for_somebody(wait.alarm, wait.occurrence):
                self._escalate(wait, now_ns, mono)
        for box in self.outboxes.values():
            box.due(now_ns, mono, is_quiet=is_quiet(box.receiver, now_ns), still=self._is_of_use)

    def troubles(self, mono: int) -> dict[str, str]:
        """Return the alarms of receivers that stand, as id → sentence."""
        out: dict[str, str] = {}
        for name, box in self.outboxes.items():
            waited_s = box.waiting_ns(mono) / NS
            if waited_s > box.receiver.undelivered_s:
                many = f"{len(box.queue)} notices wait" if len(box.queue) > 1 else "a notice waits"
                lost = sum(box.dropped.values())
                rest = f", {lost} were dropped" if lost else ""
                why = f": {box.trouble}" if box.trouble else ""
                text = f"{box.receiver.kind} {name} has not delivered for {_span(waited_s)} · {many}{rest}"
                out[notify_alarm(name)] = f"{text}{why}"
        return out

    def standings(self, receiver: Receiver, ids: Iterable[str] | None = None) -> tuple[Standing, ...]:
        """Return how the alarms that a receiver is told of stand; of some, or of all."""
        wanted = self._spec if ids is None else ids
        return tuple(
            self._standing(self._spec[id_], self._state.get(id_) or AlarmState(id=id_))
            for id_ in wanted
            if any(box.receiver is receiver for box in self._of.get(id_, ()))
        )

    # ---------------------------------------------------------------- across restarts

    def dump(self, now_ns: int, mono: int) -> dict[str, Any]:  # Any: what JSON holds
        """Return what is to be kept, as JSON holds it."""
        return {
            "schema": SCHEMA,
            "receivers": {name: box.dump() for name, box in self.outboxes.items()},
            "escalations": [
                {
                    "alarm": wait.alarm,
                    "occurrence": wait.occurrence,
                    "to": wait.to,
                    "due_ns": now_ns + wait.due_mono - mono,
                    "waited_s": wait.waited_s,
                }
                for wait in self._waits.values()
            ],
        }

    def load(self, kept: Mapping[str, Any], now_ns: int, mono: int) -> None:
        """Go on from what an earlier world kept; receivers that are no more are left out.

        Raises ValueError, KeyError or TypeError for what is none of ours; then all is as it was.
        """
        if kept["schema"] != SCHEMA:
            raise ValueError(f"schema {kept['schema']}")
        fresh = {name: Outbox(box.receiver, self._group) for name, box in self.outboxes.items()}
        for name, held in kept["receivers"].items():
            if name in fresh:
                fresh[name].load(held, now_ns, mono)
        waits = [
            _Wait(
                alarm=str(one["alarm"]),
                occurrence=str(one["occurrence"]),
                to=str(one["to"]),
                due_mono=mono + max(0, int(one["due_ns"]) - now_ns),
                waited_s=float(one["waited_s"]),
            )
            for one in kept["escalations"]
        ]
        for name, box in fresh.items():
            own = self.outboxes[name]
            own.queue, own.held, own.gathered, own.counts = box.queue, box.held, box.gathered, box.counts
            own.last_delivered_ns, own.trouble = box.last_delivered_ns, box.trouble
        self._waits = {(wait.occurrence, wait.to): wait for wait in waits if wait.to in self.outboxes}

    # ---------------------------------------------------------------- escalation

    def _wait(self, receiver: Receiver, state: AlarmState, mono: int, waited_s: float) -> None:
        if receiver.escalate_to not in self.outboxes or not state.occurrence:
            return
        key = (state.occurrence, receiver.escalate_to)
        if key not in self._waits:
            self._waits[key] = _Wait(
                alarm=state.id,
                occurrence=state.occurrence,
                to=receiver.escalate_to,
                due_mono=mono + int(receiver.escalate_s * NS),
                waited_s=waited_s + receiver.escalate_s,
            )

    def _waits_for_somebody(self, alarm: str, occurrence: str) -> bool:
        state = self._state.get(alarm)
        return (
            state is not None
            and state.occurrence == occurrence
            and state.unacknowledged
            and state.presentation is Presentation.SHOWN
        )

    def _escalate(self, wait: _Wait, now_ns: int, mono: int) -> None:
        box, state, spec = self.outboxes[wait.to], self._state[wait.alarm], self._spec.get(wait.alarm)
        if spec is None:
            return
        event = AlarmEvent(
            id=state.id,
            occurrence=state.occurrence,
            event="RAISE",
            before=ProcessState.NORM,
            after=state.process,
            t_ns=now_ns,
            priority=state.priority or spec.priority,
            value=state.value,
            text=state.text,
        )
        why = "" if spec.id in self._personal else state.text
        text = f"Not acknowledged for {_span(wait.waited_s)}: {why or spec.title or spec.id}"
        if not state.active:
            text += " (returned to normal meanwhile)"
        notice = replace(self._notice(box.receiver, "escalated", event, state), text=text)
        box.put(notice, mono, is_quiet=is_quiet(box.receiver, now_ns))
        self._wait(box.receiver, state, mono, wait.waited_s)

    # ---------------------------------------------------------------- one notice

    def _kind(self, event: AlarmEvent) -> NoticeKind | None:
        if event.event in _SHOWN_AGAIN:  # what comes off the shelf and still waits is new to people
            waits = event.after in (ProcessState.UNACK, ProcessState.LUNAK, ProcessState.RTNUN)
            return "raised" if waits else None
        return _KINDS.get(event.event)

    def _is_of_use(self, notice: Notice) -> bool:
        """Return whether a notice that was held is of use at the end of the quiet time."""
        state = self._state.get(notice.alarm)
        if notice.kind in ("raised", "escalated"):
            return state is not None and state.occurrence == notice.occurrence and state.unacknowledged
        return notice.kind in ("group", "test")

    def _notice(self, receiver: Receiver, kind: NoticeKind, event: AlarmEvent, state: AlarmState) -> Notice:
        spec = self._spec[event.id]
        tag = self._tag.get(spec.slot)
        if spec.id in self._personal:
            event, state = bare_event(event), bare_state(state)
        key = f"{receiver.name} {event.occurrence or event.id} {kind} {event.t_ns}"
        return Notice(
            id=str(uuid.uuid5(_IDS, key)),
            kind=kind,
            receiver=receiver.name,
            title=spec.title or spec.id,
            text=event.text or state.text or spec.title,
            priority=event.priority or spec.priority,
            alarm=spec.id,
            occurrence=event.occurrence,
            tag=spec.tag,
            value=event.value,
            unit=tag.unit if tag is not None else "",
            where=spec.prim or self._facts.area,
            consequence=spec.consequence,
            operator_action=spec.operator_action,
            time_to_respond_s=spec.time_to_respond_s,
            t_ns=event.t_ns,
            raised_ns=state.raised_ns or event.t_ns,
            delayed_s=state.delayed_s,
            actor=event.actor,
            comment=event.comment,
            project=self._facts.project,
            world=self._facts.world,
            link=self._link(receiver, spec, event.occurrence),
        )

    def _link(self, receiver: Receiver, spec: AlarmSpec, occurrence: str) -> str:
        if not receiver.link:
            return self._facts.desk
        parts = {"id": spec.id, "tag": spec.tag, "prim": spec.prim, "occurrence": occurrence}
        out = receiver.link
        for name, value in parts.items():
            out = out.replace("{" + name + "}", value)
        return out

    def _group(self, receiver: Receiver, notices: Sequence[Notice], now_ns: int, mono: int) -> Notice:
        """Return one notice of many: how many in how long, the most urgent first."""
        del mono
        first_ns = min(notice.t_ns for notice in notices)
        ordered = sorted(notices, key=lambda notice: (notice.priority or 9, notice.t_ns))
        span = _span(max(60.0, (now_ns - first_ns) / NS))
        title = f"{len(notices)} alarms in {span}"
        urgent = [notice for notice in ordered if 0 < notice.priority <= 2]  # noqa: PLR2004  high and critical
        still = sum(self._waits_for_somebody(n.alarm, n.occurrence) for n in notices)
        text = f"{title}: {len(urgent)} of priority 1 or 2, {still} not acknowledged now."
        lines = [f"P{n.priority} {n.title}: {n.text}" for n in ordered[:MOST_LINES]]
        if len(ordered) > MOST_LINES:
            lines.append(f"… and {len(ordered) - MOST_LINES} more")
        key = f"{receiver.name} {' '.join(n.id for n in notices)}"
        return Notice(
            id=str(uuid.uuid5(_IDS, key)),
            kind="group",
            receiver=receiver.name,
            title=title,
            text=text,
            priority=ordered[0].priority,
            t_ns=now_ns,
            raised_ns=first_ns,
            count=len(notices),
            lines=tuple(lines),
            project=self._facts.project,
            world=self._facts.world,
            link=self._facts.desk,
        )

    def _standing(self, spec: AlarmSpec, state: AlarmState) -> Standing:
        tag = self._tag.get(spec.slot)
        if spec.id in self._personal:
            state = bare_state(state)
        return Standing(
            id=spec.id,
            title=spec.title or spec.id,
            priority=state.priority or spec.priority,
            state=str(state.process),
            presentation=str(state.presentation),
            active=state.active,
            unacknowledged=state.unacknowledged,
            occurrence=state.occurrence,
            raised_ns=state.raised_ns,
            changed_ns=state.changed_ns,
            value=state.value,
            unit=tag.unit if tag is not None else "",
            tag=spec.tag,
            where=spec.prim or self._facts.area,
            text=state.text,
            actor=state.actor,
            comment=state.comment,
        )


def tells(receiver: Receiver, spec: AlarmSpec, area: str = "") -> bool:
    """Return whether a receiver is told of an alarm, by what it asks for. Of itself it never is."""
    most_urgent = min((spec.priority, *(level.priority for level in spec.levels)))
    if most_urgent > receiver.priority or spec.id == notify_alarm(receiver.name):
        return False
    if receiver.categories and spec.category not in receiver.categories:
        return False
    if not any(fnmatchcase(spec.id, pattern) for pattern in receiver.alarms):
        return False
    if any(fnmatchcase(spec.id, pattern) for pattern in receiver.excepted):
        return False
    if receiver.areas and area not in receiver.areas:
        return False
    below = any(spec.prim == prim or spec.prim.startswith(prim.rstrip("/") + "/") for prim in receiver.prims)
    return below or not receiver.prims


def trial_notice(receiver: Receiver, facts: Facts, now_ns: int) -> Notice:
    """Return what `armillary notify test` sends."""
    return Notice(
        id=str(uuid.uuid5(_IDS, f"{receiver.name} test {now_ns}")),
        kind="test",
        receiver=receiver.name,
        title=f"Test of {receiver.name}",
        text=f"This is a test of the notifications of {facts.project}. Nothing happened in the plant.",
        t_ns=now_ns,
        raised_ns=now_ns,
        project=facts.project,
        world=facts.world,
        link=facts.desk,
    )


def _span(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004  a minute
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"  # noqa: PLR2004  two hours
