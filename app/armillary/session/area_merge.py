"""Several worlds of one project as one: rows, links, laws, alarms of their areas put together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, U2, U4
from armillary.model.control import StateAnswer
from armillary.model.frame import Event, Frame, Kept, Tally, WorldKind, empty_frame, frame_of
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import Welcome
from armillary.model.procedure import ProcedureRun
from armillary.model.quality import COMM, NEVER, STALE, rank, worst
from armillary.model.tags import TagTable
from armillary.twin import past_pack


@dataclass(slots=True)
class Share:
    """What is known of one area's world."""

    name: str
    own: B1  # (N,) which slots are its own
    welcome: Welcome
    last: Frame  # the newest, for what every frame repeats
    links: tuple[LinkStatus, ...] = ()
    tally: Mapping[str, Tally] = field(default_factory=dict)
    silent_ns: int = 0  # since when it says nothing; 0 = it speaks
    runs: tuple[ProcedureRun, ...] = ()  # of procedures

    def take(self, frame: Frame) -> None:
        """Note what a frame says besides its rows."""
        self.last = frame
        self.links = frame.links or self.links
        self.tally = frame.tally or self.tally
        self.runs = self.runs if frame.procedures is None else frame.procedures

    @property
    def slots(self) -> U4:
        """Its own slots, ascending."""
        return np.flatnonzero(self.own).astype(np.uint32)


def share_of(name: str, welcome: Welcome) -> Share:
    """Return an area's share as its world greets us."""
    own = np.zeros(len(welcome.specs), np.bool_)
    own[welcome.own] = True
    return Share(
        name=name,
        own=own,
        welcome=welcome,
        last=welcome.frame,
        links=welcome.frame.links,
        tally=welcome.frame.tally,
        runs=welcome.frame.procedures or (),
    )


def own_rows(frame: Frame, own: B1) -> Frame:
    """Return a frame with the rows of some slots only; a joiner's frame has those of all."""
    keep = np.flatnonzero(own[frame.slot])
    if len(keep) == len(frame.slot):
        return frame
    has_array = own[frame.array_slot]
    return replace(
        frame,
        slot=frame.slot[keep],
        value=frame.value[keep],
        source_ns=frame.source_ns[keep],
        arrival_ns=frame.arrival_ns[keep],
        arrival_mono_ns=frame.arrival_mono_ns[keep],
        alive_mono_ns=frame.alive_mono_ns[keep],
        quality=frame.quality[keep],
        good=frame.good[keep] if len(frame.good) else frame.good,
        good_ns=frame.good_ns[keep] if len(frame.good_ns) else frame.good_ns,
        text=tuple((slot, text) for slot, text in frame.text if own[slot]),
        array_slot=frame.array_slot[has_array],
        array_size=frame.array_size[has_array],
        array=frame.array[np.repeat(has_array, frame.array_size)],
        why=tuple((slot, why) for slot, why in frame.why if own[slot]),
    )


def merged(world: str, seq: int, frames: Sequence[Frame], shares: Iterable[Share], now_ns: int) -> Frame:
    """Return what changed in some areas as one frame; what every frame repeats comes from all areas."""
    shares = tuple(shares)
    base = empty_frame(world, WorldKind.LIVE)
    news = [share.last for share in shares]
    speaking = [share for share in shares if not share.silent_ns]
    has_links = any(frame.links for frame in frames)
    links = tuple(status for share in shares for status in links_of(share, now_ns)) if has_links else ()
    return replace(
        base,
        seq=seq,
        first_seq=seq,
        t_ns=max((frame.t_ns for frame in news), default=now_ns),
        tick_mono_ns=max((frame.tick_mono_ns for frame in news), default=0),
        slot=_joined([f.slot for f in frames], base.slot),
        value=_joined([f.value for f in frames], base.value),
        source_ns=_joined([f.source_ns for f in frames], base.source_ns),
        arrival_ns=_joined([f.arrival_ns for f in frames], base.arrival_ns),
        arrival_mono_ns=_joined([f.arrival_mono_ns for f in frames], base.arrival_mono_ns),
        alive_mono_ns=_joined([f.alive_mono_ns for f in frames], base.alive_mono_ns),
        quality=_joined([f.quality for f in frames], base.quality),
        text=tuple(text for f in frames for text in f.text),
        array_slot=_joined([f.array_slot for f in frames], base.array_slot),
        array_size=_joined([f.array_size for f in frames], base.array_size),
        array=_joined([f.array for f in frames], base.array),
        why=tuple(why for f in frames for why in f.why),
        events=tuple(sorted((e for f in frames for e in f.events), key=lambda e: e.t_ns)),
        orders=tuple(order for f in frames for order in f.orders),
        links=links,
        tally={name: tally for share in shares for name, tally in share.tally.items()},
        history=_kept([share.last.history for share in shares]),
        learnt=tuple(news for f in frames for news in f.learnt),
        recording="; ".join(f"{s.name}: {s.last.recording}" for s in speaking if s.last.recording),
        alarms=tuple(alarm for f in frames for alarm in f.alarms),
        alarm_events=tuple(event for f in frames for event in f.alarm_events),
        alarm_specs=tuple(spec for f in frames for spec in f.alarm_specs),
        proposals=tuple(proposal for f in frames for proposal in f.proposals),
        procedures=_runs(shares) if any(f.procedures is not None for f in frames) else None,
        loops=tuple(loop for share in speaking for loop in share.last.loops),
        floods=tuple(flood for share in speaking for flood in share.last.floods),
        stopped=next((share.last.stopped for share in speaking if share.last.stopped), ""),
    )


def _runs(shares: Iterable[Share]) -> tuple[ProcedureRun, ...]:
    """Return the procedures that are carried out in any area, in the order in which they began."""
    return tuple(sorted((run for share in shares for run in share.runs), key=lambda run: run.started_ns))


def _kept(all_: Sequence[Kept]) -> Kept:
    """Return the law of history over all areas: it holds when it holds in each."""
    return Kept(
        offered=sum(kept.offered for kept in all_),
        stored=sum(kept.stored for kept in all_),
        waiting=sum(kept.waiting for kept in all_),
        spilled=sum(kept.spilled for kept in all_),
        dropped=sum(kept.dropped for kept in all_),
        behind_s=max((kept.behind_s for kept in all_), default=0.0),
        state=next((kept.state for kept in all_ if kept.state), ""),
        balanced=all(kept.balanced for kept in all_),
    )


def _joined(parts: Sequence[Any], empty: Any) -> Any:  # Any: arrays, of whatever shape and type
    return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else empty


def links_of(share: Share, now_ns: int) -> tuple[LinkStatus, ...]:
    """Return the link rows of an area; while its world is silent nothing is known of them."""
    if not share.silent_ns:
        return share.links
    return tuple(
        replace(
            status,
            state=LinkState.BACKOFF,
            since_ns=share.silent_ns,
            detail=silent_words(share),
            delivery="silent",
            rate_hz=0.0,
            next_try_s=0.0,
        )
        for status in share.links
    )


def area_words(share: Share) -> str:
    """Return what an area is called."""
    return share.welcome.about or f"area {share.name}"


def silent_words(share: Share) -> str:
    """Return what is said of an area whose world gives no sign of life."""
    return f"The world of {area_words(share)} is silent: its {int(share.own.sum())} tags are stale."


def fell_silent(share: Share, table: TagTable, now_ns: int) -> Frame:
    """Return an area's rows as stale, with an event: its world has given no sign of life since `now_ns`."""
    slots = share.slots
    known = slots[rank(table.quality[slots]) < NEVER]
    stale: U2 = worst(table.quality[known], np.full(len(known), STALE | COMM, np.uint16))
    event = Event(
        t_ns=now_ns,
        level="error",
        source=share.name,
        text=f"{silent_words(share)} The other areas go on; a standby takes over where there is one.",
    )
    base = replace(empty_frame(share.last.world, WorldKind.LIVE), links=share.links, events=(event,))
    return replace(frame_of(table, known, base), quality=stale)


def state_of(
    world: str, seq: int, answers: Mapping[str, StateAnswer], shares: Iterable[Share]
) -> StateAnswer:
    """Return the states of several areas as one: each area's own rows. Raises StopIteration for none."""
    first = next(iter(answers.values()))
    value, source = first.value.copy(), first.source_ns.copy()
    arrival, quality = first.arrival_ns.copy(), first.quality.copy()
    text: dict[int, str] = {}
    for share in shares:
        answer = answers.get(share.name)
        if answer is None:
            continue
        own = share.own
        value[own], source[own] = answer.value[own], answer.source_ns[own]
        arrival[own], quality[own] = answer.arrival_ns[own], answer.quality[own]
        text |= {row: words for row, words in answer.text.items() if own[row]}
    return replace(
        first,
        world=world,
        seq=seq,
        t_ns=max(answer.t_ns for answer in answers.values()),
        value=value,
        source_ns=source,
        arrival_ns=arrival,
        quality=quality,
        text=text,
        alarms=tuple(alarm for answer in answers.values() for alarm in answer.alarms),
        pending=tuple(one for answer in answers.values() for one in answer.pending),
        past=past_pack.joined(answer.past for answer in answers.values()),
    )


def greeting(world: str, shares: Sequence[Share], frame: Frame, now_ns: int, now_mono_ns: int) -> Welcome:
    """Return several worlds' greetings as one; the first speaks for what is the same in all.

    frame: all rows of all of them. Where they do not agree who we are, we are who we are without a log-in.
    """
    first = shares[0].welcome
    users = {share.welcome.user for share in shares if not share.silent_ns}
    who = (
        first
        if len(users) <= 1
        else next((w for w in _welcomes(shares) if w.user.startswith("local:")), first)
    )
    alarms: dict[str, AlarmSpec] = {}
    for welcome in _welcomes(shares):
        alarms |= {spec.id: spec for spec in welcome.alarms}
    return replace(
        first,
        world=world,
        frame=frame,
        recorder=next((w.recorder for w in _welcomes(shares) if w.recorder), ""),
        now_ns=now_ns,
        now_mono_ns=now_mono_ns,
        alarms=tuple(alarms.values()),
        about="",
        user=who.user,
        role=who.role,
        area="",
        own=np.zeros(0, np.uint32),
    )


def _welcomes(shares: Sequence[Share]) -> list[Welcome]:
    return [share.welcome for share in shares]
