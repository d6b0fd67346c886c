"""The alarms that servers own, in a LIVE world: heard from links, merged into frames, acted on there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from armillary.alarms.remote import RemoteAlarms, Wanted
from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmAct, AlarmSpec
from armillary.model.clock import Clock
from armillary.model.condition import REMOTE, ConditionAsk
from armillary.model.fault import Fault, FaultRecord
from armillary.model.frame import Frame
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.telemetry.heard import Heard

_UP = (LinkState.UP, LinkState.DEGRADED)
READ_ONLY = "Its link is read-only: set commands = true to act on alarms at the server"


class Asks(Protocol):
    """What asks a server; `telemetry.links` does, and only `world.live` has it."""

    async def ask_condition(self, link: str, ask: ConditionAsk) -> None: ...


class Mirroring:
    """One thread. `spawn` runs what waits for a server."""

    def __init__(
        self,
        heard: Heard,
        links: Mapping[str, LinkSpec],
        asks: Asks,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        note: Callable[[LoggedIn, str, str, str], None],
        tell: Callable[[FaultRecord, str], None],
    ) -> None:
        """`note`: writes an act down before it leaves (who, action, target, reason); `tell`: an event."""
        self._tell, self._dropped = tell, 0
        self._heard, self._links, self._asks, self._clock = heard, links, asks, clock
        self._spawn, self._note = spawn, note
        self._remote = RemoteAlarms()

    def merged(self, frame: Frame, statuses: Sequence[LinkStatus], now_mono_ns: int) -> Frame:
        """Return a frame with what servers said of their alarms since the last one."""
        told = self._heard.take()
        if told:
            self._remote.hear(told, frame.t_ns)
        if self._heard.dropped != self._dropped:
            lost, self._dropped = self._heard.dropped - self._dropped, self._heard.dropped
            what = f"{lost} events of servers' alarms came too fast and were dropped."
            remedy = "Retry the link: its server is then asked how all of them stand."
            self._tell(FaultRecord(kind="LinkFault", what=what, where="conditions", remedy=remedy), "warning")
        self._remote.links([status.name for status in statuses if status.state not in _UP])
        self._remote.due(now_mono_ns)
        news = self._remote.take()
        if not news:
            return frame
        return replace(
            frame,
            alarms=(*frame.alarms, *news.states.values()),
            alarm_events=(*frame.alarm_events, *news.events),
            alarm_specs=tuple(news.specs.values()),
        )

    def specs(self) -> tuple[AlarmSpec, ...]:
        """Return all of them, for who joins now."""
        return self._remote.specs()

    def act(self, who: LoggedIn, act: AlarmAct, occurrence: str) -> str:
        """Ask its server; "" = asked, and the row says so. Else why not."""
        wanted = self._remote.ask(act, occurrence, self._clock.now_mono_ns())
        if isinstance(wanted, str):
            return wanted
        link = self._links.get(wanted.link)
        if link is None or not link.commands:
            self._remote.failed(wanted.alarm, "")
            return READ_ONLY
        self._note(who, f"alarm.{act.action}", f"{occurrence} at {wanted.link}", act.comment)
        self._spawn(self._ask(wanted))
        return ""

    async def _ask(self, wanted: Wanted) -> None:
        try:
            await self._asks.ask_condition(wanted.link, wanted.ask)
        except Fault as fault:
            self._remote.failed(wanted.alarm, fault.what)
        except asyncio.CancelledError:
            self._remote.failed(wanted.alarm, "the world ended before the server answered")
            raise


def is_remote(occurrence: str) -> bool:
    """Return whether an occurrence is of an alarm that a server owns."""
    return occurrence.startswith(REMOTE)
