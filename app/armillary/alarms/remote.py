"""Alarms that a server owns: shown here, and changed only when the server's event comes back.

Nothing is evaluated: a state is what the newest event of its condition says (operations: mapping to OPC UA).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from armillary.alarms import remote_asks
from armillary.model.alarm import (
    ONE_SHOT_NS,
    AlarmAct,
    AlarmEvent,
    AlarmSpec,
    AlarmState,
    Hiding,
    ProcessState,
)
from armillary.model.clock import NS
from armillary.model.condition import REMOTE, Condition, ConditionAsk, Conditions

GONE = "gone during outage"
ACKNOWLEDGING, UNCONFIRMED = remote_asks.PENDING["ack"], "not confirmed by server"
CONFIRM_NS = 5 * NS
BY_SERVER = "by its server"
_MS = 1_000_000
_BY_PEOPLE = ("ACK", "CONFIRM", "RESET", "SHELVE", "UNSHELVE")
LOWEST = 4  # of a row whose severity fell below all cut points
_ALREADY = "already acknowledged"
_CONFIRM = "It is acknowledged: its server wants it confirmed"
OVER = "That occurrence is over; a newer one is active"
NOTHING = "Nothing to acknowledge"
DOWN = "Its link is down: the server cannot be asked"
NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD = ProcessState


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be asked of a server."""

    alarm: str
    link: str
    ask: ConditionAsk


@dataclass(slots=True)
class _Row:
    """One condition or branch."""

    link: str
    spec: AlarmSpec
    state: AlarmState
    condition: Condition
    confirm_mono: int = 0  # until when the server may take to confirm; 0 = nothing is asked
    asked: ConditionAsk | None = None  # what the row says of itself that it waits for


@dataclass(slots=True)
class News:
    """What is new since the last call."""

    specs: dict[str, AlarmSpec] = field(default_factory=dict)
    states: dict[str, AlarmState] = field(default_factory=dict)
    events: list[AlarmEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.specs or self.states or self.events)


class RemoteAlarms:
    """All conditions of all links of one world. One thread."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], _Row] = {}  # link, condition, branch
        self._of: dict[str, _Row] = {}  # by alarm id
        self._news = News()
        self._down: frozenset[str] = frozenset()

    def __contains__(self, id_: str) -> bool:
        return id_ in self._of

    # ---------------------------------------------------------------- what the servers say

    def hear(self, told: Iterable[Conditions], now_ns: int) -> None:
        """Take what sources heard."""
        for one in told:
            for condition in one.conditions:
                if condition.priority or (one.link, condition.id, condition.branch) in self._rows:
                    self._hear(one.link, condition, now_ns)
            if one.is_all:
                self._close_others(one, now_ns)

    def links(self, down: Collection[str]) -> None:
        """Say which links are down: whether their alarms still stand is not known."""
        now_down = frozenset(down)
        for row in self._of.values() if now_down != self._down else ():
            is_bad = row.link in now_down or row.condition.is_bad
            if row.state.process is not NORM and row.state.unverified != is_bad:
                self._set(row, replace(row.state, unverified=is_bad))
        self._down = now_down

    def due(self, now_mono_ns: int) -> None:
        """Tell of acknowledges that no server confirmed in time."""
        for row in self._of.values():
            if row.confirm_mono and now_mono_ns >= row.confirm_mono:
                row.confirm_mono = 0
                self._set(row, replace(row.state, pending=UNCONFIRMED))

    def take(self) -> News:
        """Return what is new since the last call."""
        news, self._news = self._news, News()
        return news

    def specs(self) -> tuple[AlarmSpec, ...]:
        """Return all conditions as alarms."""
        return tuple(row.spec for row in self._of.values())

    # ---------------------------------------------------------------- people

    def ask(self, act: AlarmAct, name: str, now_mono_ns: int) -> Wanted | str:
        """Return what is to be asked of the server, or why not; the row shows that it is being asked.

        name: of an occurrence; to hide and to show again an alarm's id is enough.
        """
        row = self._of.get(name) or self._of.get(name.rpartition("#")[0])
        if act.action in ("ack", "confirm", "comment", "reset"):
            if row is None or not row.state.occurrence:
                return NOTHING
            if act.action == "ack" and not row.state.unacknowledged:
                return NOTHING if row.state.process is NORM else _ALREADY
            if act.action == "ack" and row.condition.acked:
                return _CONFIRM
            if row.state.occurrence != name:
                return OVER
        if row is None:
            return NOTHING
        if why := remote_asks.refused(act, row.condition):
            return why
        if row.link in self._down:
            return DOWN
        row.confirm_mono = now_mono_ns + CONFIRM_NS
        row.asked = remote_asks.ask_of(act, row.condition)
        self._set(row, replace(row.state, pending=remote_asks.PENDING[act.action]))
        return Wanted(alarm=row.spec.id, link=row.link, ask=row.asked)

    def failed(self, alarm: str, why: str) -> None:
        """Learn that the server refused what it was asked."""
        row = self._of.get(alarm)
        if row is not None:
            row.confirm_mono, row.asked = 0, None
            self._set(row, replace(row.state, pending=why))

    # ---------------------------------------------------------------- one condition

    def _hear(self, link: str, condition: Condition, now_ns: int) -> None:
        key = (link, condition.id, condition.branch)
        row = self._rows.get(key)
        spec = self._spec(link, condition, row.spec.id if row is not None else "")
        if row is None:
            if not condition.retain:
                return
            row = _Row(link, spec, AlarmState(id=spec.id), condition)
            self._rows[key] = self._of[spec.id] = row
            self._news.specs[spec.id] = spec
        elif row.spec != spec:
            self._news.specs[spec.id] = row.spec = spec
        if condition.t_ns and condition.t_ns < row.condition.t_ns:
            return  # an older event that was overtaken
        before, row.condition = row.state, condition
        after = _state(before, condition, spec.id, now_ns)
        asked = row.asked
        if asked is not None and remote_asks.is_done(asked, condition):
            row.confirm_mono, row.asked = 0, None
        elif before.pending and after.process is not NORM and (asked is not None or after.unacknowledged):
            after = replace(after, pending=before.pending)
        if after == before:
            return
        self._set(row, after)
        words = _words(before, after, condition, spec.priority)
        self._news.events += [_event(before, after, word, spec, condition, now_ns) for word in words]

    def _close_others(self, told: Conditions, now_ns: int) -> None:
        """Close what its server does not tell of any more."""
        known = {(told.link, one.id, one.branch) for one in told.conditions}
        for key, row in self._rows.items():
            if key[0] != told.link or key in known or row.state.process is NORM:
                continue
            before = row.state
            after = AlarmState(id=row.spec.id, changed_ns=now_ns)
            row.confirm_mono, row.asked = 0, None
            self._set(row, after)
            gone = replace(row.condition, text=GONE)
            self._news.events.append(_event(before, after, "CLOSE", row.spec, gone, now_ns))

    def _set(self, row: _Row, state: AlarmState) -> None:
        row.state = state
        self._news.states[row.spec.id] = state

    def _spec(self, link: str, condition: Condition, id_: str) -> AlarmSpec:
        return AlarmSpec(
            id=id_ or self._id(link, condition),
            slot=-1,
            tag="",
            title=" ".join(filter(None, (condition.source, condition.name))) or condition.id,
            kind="link",  # told, as those of links are; it belongs to no tag
            priority=condition.priority or LOWEST,
            consequence="Its server does not say.",
            operator_action="Do as the site's instructions for this alarm say.",
            origin=f"{REMOTE}{link}",
            offers=condition.offers,
            responses=condition.responses,
        )

    def _id(self, link: str, condition: Condition) -> str:
        """Return an id that people can read; where two conditions would share it, with a mark."""
        name = ".".join(filter(None, (condition.source, condition.name))) or condition.id
        plain = "".join("_" if c.isspace() or c in "#`!\"'" else c for c in name)[:80]
        mark = hashlib.blake2b(f"{condition.id} {condition.branch}".encode(), digest_size=4).hexdigest()
        id_ = f"{REMOTE}{link}:{plain}"
        return f"{id_}~{mark}" if condition.branch or id_ in self._of else id_


def process_of(condition: Condition) -> ProcessState:
    """Return how a condition stands with its cause and with people."""
    if not condition.retain:
        return NORM
    if condition.active:
        return ACKED if condition.acked else UNACK
    if condition.latched:
        return LACKD if condition.acked else LUNAK
    return NORM if condition.acked and condition.confirmed else RTNUN


def _state(before: AlarmState, condition: Condition, id_: str, now_ns: int) -> AlarmState:
    process = process_of(condition)
    if process is NORM:
        return AlarmState(
            id=id_,
            hiding=_hiding(condition, before.hiding, now_ns),
            changed_ns=before.changed_ns if before.process is NORM else now_ns,
            actor=before.actor if before.process is NORM else condition.actor,
            comment=before.comment if before.process is NORM else condition.comment,
        )
    is_new = before.process is NORM or (before.process is RTNUN and process is UNACK)
    since_ns = condition.active_ns or condition.t_ns or now_ns
    return AlarmState(
        id=id_,
        process=process,
        hiding=_hiding(condition, before.hiding, now_ns),
        occurrence=f"{id_}#{since_ns:x}" if is_new else before.occurrence,
        raised_ns=since_ns if is_new else before.raised_ns,
        changed_ns=now_ns if process is not before.process else before.changed_ns,
        unverified=condition.is_bad,
        actor=condition.actor if condition.acked else "",
        comment=condition.comment if condition.acked else "",
        text=condition.text,
        unconfirmed=condition.acked and not condition.confirmed,
    )


def _hiding(condition: Condition, before: Hiding | None, now_ns: int) -> Hiding | None:
    if not (condition.shelved_ms >= 0 or condition.suppressed or condition.out_of_service):
        return None
    until_ns = 0
    if condition.shelved_ms >= 0:
        known = before.until_ns if before is not None else 0
        ends_ns = now_ns + int(condition.shelved_ms * _MS) if condition.shelved_ms else ONE_SHOT_NS
        until_ns = (
            known if known and abs(known - ends_ns) < 2 * NS else ends_ns
        )  # the rest of a shelf, told again
    return Hiding(
        until_ns=until_ns,
        shelved_ns=(before.shelved_ns if before is not None else 0) or now_ns if until_ns else 0,
        shelf_reason=BY_SERVER if until_ns else "",
        shelf_actor=condition.actor if until_ns else "",
        rule=BY_SERVER if condition.suppressed else "",
        ticket=BY_SERVER if condition.out_of_service else "",
    )


def _words(before: AlarmState, after: AlarmState, condition: Condition, priority: int) -> list[str]:
    """Return what happened, in the words of the journal."""
    del priority
    words: list[str] = []
    if after.active and not before.active:
        words.append("RAISE")
    elif before.active and not after.active:
        words.append("CLEAR")
    unacked, still = (state.unacknowledged and not state.unconfirmed for state in (before, after))
    if unacked and not still and condition.acked:
        words.append("ACK")
    if before.unconfirmed and condition.acked and condition.confirmed:
        words.append("CONFIRM")
    if before.process is LACKD and after.process is NORM:
        words.append("RESET")
    if before.process is NORM and not after.active and after.process is not NORM:
        words.append("RAISE")  # it was raised and over before we heard of it
    return [*words, *_of_hiding(before.hiding or Hiding(), after.hiding or Hiding())]


def _of_hiding(before: Hiding, after: Hiding) -> list[str]:
    """Return what became of the reasons that hide an alarm."""
    pairs = (
        (before.until_ns, after.until_ns, "SHELVE", "UNSHELVE"),
        (before.rule, after.rule, "SUPPRESS", "UNSUPPRESS"),
        (before.ticket, after.ticket, "REMOVE-FROM-SERVICE", "PLACE-IN-SERVICE"),
    )
    return [on if now else off for was, now, on, off in pairs if bool(was) != bool(now)]


def _event(
    before: AlarmState, after: AlarmState, word: str, spec: AlarmSpec, condition: Condition, now_ns: int
) -> AlarmEvent:
    return AlarmEvent(
        id=spec.id,
        occurrence=after.occurrence or before.occurrence,
        event=word,
        before=before.process,
        after=after.process,
        t_ns=now_ns,
        priority=spec.priority,
        text=condition.text,
        actor=condition.actor if word in _BY_PEOPLE else "",
        comment=condition.comment if word in _BY_PEOPLE else "",
        source_ns=condition.t_ns,
    )
