"""The alarms of a LIVE world and whom they concern: its journal, servers that own some, people told away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmAct, AlarmActed, AlarmEvent, AlarmSpec, AlarmState
from armillary.model.clock import Clock
from armillary.model.fault import FaultRecord
from armillary.model.frame import Frame
from armillary.world.acts import Acts
from armillary.world.alarming import Alarming
from armillary.world.mirroring import Mirroring, is_remote


class Notices(Protocol):
    """What tells people away from a desk; `world.notifying` does, and only `world.live` has it."""

    def note(
        self,
        states: Sequence[AlarmState],
        events: Sequence[AlarmEvent],
        now_ns: int,
        specs: Sequence[AlarmSpec] = (),
    ) -> None: ...

    def take_told(self) -> list[FaultRecord]: ...


class Attending:
    """One thread."""

    def __init__(
        self,
        alarming: Alarming,
        mirroring: Mirroring,
        notices: Notices,
        acts: Acts,
        tell: Callable[[FaultRecord, str], None],
        clock: Clock,
        audit: Path,
    ) -> None:
        """`tell` makes an event of a fault, with its level; `audit`: where acts are to be written."""
        self._alarming, self._mirroring, self._notices = alarming, mirroring, notices
        self._acts, self._tell, self._clock, self._audit = acts, tell, clock, audit

    def keep(self, frame: Frame, now_mono_ns: int) -> None:
        """Write transitions down and have people told; what keeps that from happening is told."""
        self._alarming.note(frame.alarms, frame.alarm_events, frame.t_ns)
        self._alarming.sync(now_mono_ns)
        self._notices.note(frame.alarms, frame.alarm_events, frame.t_ns, frame.alarm_specs)
        for fault in self._notices.take_told():
            self._tell(fault, "warning")
        if (trouble := self._alarming.take_trouble()) is not None:
            self._tell(trouble, "error")

    def act(self, who: LoggedIn, act: AlarmAct) -> AlarmActed:
        """Do what a person wants with our own alarms; servers are asked for theirs."""
        theirs = {name for name in act.occurrences if is_remote(name)}
        if not theirs:
            return self._on_own(who, act)
        own = tuple(name for name in act.occurrences if name not in theirs)
        acted = self._on_own(who, replace(act, occurrences=own)).results if own else ()
        results = dict(zip(own, acted, strict=True))
        results |= {name: self._mirroring.act(who, act, name) for name in sorted(theirs)}
        return AlarmActed(results=tuple(results[name] for name in act.occurrences))

    def _on_own(self, who: LoggedIn, act: AlarmAct) -> AlarmActed:
        """Do it as one act of the audit; without an audit it is done, and said so."""
        acted = self._alarming.act(act, who, self._clock.now_ns())
        done = [name for name, result in zip(act.occurrences, acted.results, strict=True) if not result]
        if done:
            target, after = f"{len(done)} alarms: {' '.join(done)}", f"{len(done)} of {len(acted.results)}"
            self._acts.note(who, f"alarm.{act.action}", target, after=after, reason=act.comment)
        if done and not self._acts.is_written:
            self._tell(
                FaultRecord(
                    kind="WorldFault",
                    what=f"{who.user} acted on {len(done)} alarms, and the audit could not be written.",
                    where=str(self._audit),
                    remedy="Make the folder writable and start the world again.",
                ),
                "warning",
            )
        return acted
