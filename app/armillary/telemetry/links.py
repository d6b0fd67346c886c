"""Runs the links of a LIVE world: one Source plugin each, on the world's asyncio loop.

Everything that a plugin does wrong ends here as a named Fault of its link; the others go on.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from armillary.api.ports import (
    Acknowledges,
    ActsOnAlarms,
    Certified,
    Describes,
    OwnsAlarms,
    Refuses,
    Source,
    SourceContext,
    Surveys,
)
from armillary.model.clock import NS, Clock
from armillary.model.condition import ConditionAsk
from armillary.model.fault import LinkFault, LinkRefused, OrderFault
from armillary.model.frame import Event
from armillary.model.link import (
    CLOCK,
    OVERLOADED,
    UNSTABLE,
    BrowseItem,
    Found,
    LinkState,
    LinkStatus,
    SubscriptionPlan,
    Survey,
    link_alarm,
)
from armillary.telemetry import looking
from armillary.telemetry.connection import FLOODED, STOP_S, Connection, Jitter, Wait
from armillary.telemetry.expiry import Expiry
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.linkclock import LinkClocks, Skew
from armillary.telemetry.pace import Pace
from armillary.telemetry.protection import secured
from armillary.telemetry.watch import delivery, silence_s

OFFSET_S, OFFSET_CAP_S = 0.25, 5.0  # links started together start a little apart
ACKNOWLEDGE_S = 15.0
AGAIN_NS = 300 * NS  # a link that stays silent is probed so often
KEPT_EVENTS = 1_000
_UP = (LinkState.UP, LinkState.DEGRADED)

Make = Callable[[SourceContext], Source]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Return after a time, or at once when the event is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


class Links:
    """Hosts the sources of all plans. `run` belongs to the loop; the other methods to any thread."""

    def __init__(
        self,
        plans: Sequence[SubscriptionPlan],
        sources: Mapping[str, Make],
        contexts: Mapping[str, SourceContext],
        inbox: Inbox,
        clock: Clock,
        *,
        wait: Wait = _wait,
        jitter: Jitter = random.uniform,  # noqa: S311  spreads retries, keeps no secret
        clocks: LinkClocks | None = None,
    ) -> None:
        """Take plans, makers by kind of link, and contexts by name of link; wait and jitter are for tests.

        `clocks`: what the intake knows of the sources' clocks.
        """
        self._clocks = clocks
        self._clock, self._inbox, self._jitter = clock, inbox, jitter
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._paces: dict[str, Pace] = {}
        self._floods: dict[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._connections: dict[str, Connection] = {}
        self._expiries: dict[str, Expiry] = {}
        self._urls: dict[str, str] = {}
        self._trusts = {plan.link.name: contexts[plan.link.name].trust for plan in plans}
        self._delivery: dict[str, tuple[str, int]] = {}  # what was said last, and when
        for plan in plans:
            make = sources.get(plan.link.kind) or _missing(plan.link.kind, tuple(sources))
            context = contexts[plan.link.name]
            self._connections[plan.link.name] = Connection(
                plan, make, context, inbox, clock, self._events.append, wait, jitter
            )
            self._expiries[plan.link.name] = Expiry(plan.link.name)
            self._urls[plan.link.name] = shown(plan.link.url)

    async def run(self) -> None:
        """Keep all links going until `stop`, or until cancelled."""
        self._loop = asyncio.get_running_loop()
        span = min(OFFSET_S * len(self._connections), OFFSET_CAP_S)
        self._tasks = [
            asyncio.create_task(c.live(self._jitter(0.0, span))) for c in self._connections.values()
        ]
        try:
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """End all links and return when `run` has; every source gets 2 s for its good-byes.

        Called on the loop of `run`.
        """
        for connection in self._connections.values():
            connection.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * STOP_S)

    def retry(self, name: str) -> None:
        """Try a waiting link now, connect one that stands anew. Raises LinkFault for an unknown name."""
        self._on_loop(self._named(name).retry)

    def wake(self) -> None:
        """Connect every link anew, each a little later than the one before: we were stopped for a while."""
        span = min(OFFSET_S * len(self._connections), OFFSET_CAP_S)
        for connection in self._connections.values():
            self._on_loop(partial(self._later, self._jitter(0.0, span), connection.retry))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        if self._loop is None:
            act()
        else:
            self._loop.call_later(seconds, act)

    def enable(self, name: str) -> None:
        """Switch a link on. Raises LinkFault for an unknown name."""
        connection = self._named(name)
        self._on_loop(lambda: connection.enable(True))

    def disable(self, name: str) -> None:
        """Switch a link off until it is enabled again. Raises LinkFault for an unknown name."""
        connection = self._named(name)
        self._on_loop(lambda: connection.enable(False))

    def stored(self, name: str, receipt: int) -> None:
        """Tell a source that what it handed over up to a receipt is on disk."""
        connection = self._named(name)

        def tell() -> None:
            if isinstance(connection.made, Acknowledges):
                connection.made.stored(receipt)

        self._on_loop(tell)

    def replan(self, plan: SubscriptionPlan) -> None:
        """Give a link a new plan, which its source follows. Raises LinkFault for an unknown name."""
        connection = self._named(plan.link.name)
        self._on_loop(lambda: connection.replan(plan))

    def statuses(self) -> tuple[LinkStatus, ...]:
        """Return how every link stands, in the order of the plans; rates and probes need a call a second."""
        now = self._clock.now_mono_ns()
        signs, delays, ends = self._inbox.signs(), self._inbox.delays(), self.certificates()
        skews = self._clocks.skews if self._clocks is not None else {}
        tally, lags = self._inbox.tally(), self._inbox.lag_s(now)
        out: list[LinkStatus] = []
        for name, connection in self._connections.items():
            link, state = connection.plan.link, connection.state
            silence = silence_s(link)
            delivered = delivery(signs[name], now, silence)
            self._watch(connection, delivered)
            pace = self._paces.setdefault(name, Pace())
            pace.note(tally[name], now)
            pace.behind(lags[name], now)
            self._tell_flood(connection, pace.flooded())
            waits = state in (LinkState.BACKOFF, LinkState.REFUSED)
            skew = skews.get(name, Skew())
            trust = self._trusts[name]
            out.append(
                LinkStatus(
                    name=name,
                    kind=link.kind,
                    url=self._urls[name],
                    state=state,
                    since_ns=connection.since_ns,
                    detail=connection.detail,
                    next_try_s=max(0.0, (connection.next_try_mono_ns - now) / NS) if waits else 0.0,
                    delivery=delivered,
                    rate_hz=pace.rate_hz(signs[name].received, now),
                    delay_s=delays[name],
                    silence_watched=silence != 0,
                    certificate_ns=min(ends.get(name, {}).values(), default=0),
                    losses=connection.losses(now),
                    skew_s=skew.ahead_s,
                    skew_doubt_s=skew.doubt_s,
                    clock=skew.text(name),
                    trust_clock=link.trust_clock,
                    secured=secured(link, connection.made, is_up=state in _UP),
                    asked=trust.asked if trust is not None else None,
                )
            )
        return tuple(out)

    def troubles(self) -> dict[str, str]:
        """Return what the built-in alarms of links are about, as id → sentence.

        Certificates are looked at here, so this needs a call now and then.
        """
        now, now_ns, ends = self._clock.now_mono_ns(), self._clock.now_ns(), self.certificates()
        out: dict[str, str] = {}
        for name, connection in self._connections.items():
            text = connection.unstable(now)
            if text:
                out[link_alarm(name, UNSTABLE)] = text
            if flood := self._floods.get(name, ""):
                out[link_alarm(name, OVERLOADED)] = f"Link {name}: {flood[0].lower()}{flood[1:]}"
            skew = self._clocks.of(name) if self._clocks is not None else Skew()
            if skew.level > 1:
                out[link_alarm(name, CLOCK)] = skew.text(name)
            self._events.extend(self._expiries[name].look(ends.get(name, {}), now_ns))
            out |= self._expiries[name].trouble
        return out

    def _watch(self, connection: Connection, delivered: str) -> None:
        """Let a connection know when its delivery changed, and every five minutes that it is still silent.

        A session may die while its source has nothing to say; nobody would notice.
        """
        now = self._clock.now_mono_ns()
        is_up = connection.state in (LinkState.UP, LinkState.DEGRADED)
        seen = delivered if is_up else ""
        before, since = self._delivery.get(connection.name, ("", now))
        is_due = seen == "silent" and now - since >= AGAIN_NS
        if (seen != before or is_due) and self._loop is not None:
            self._delivery[connection.name] = (seen, now)
            if seen:
                self._on_loop(lambda: connection.heard(delivered))

    def _tell_flood(self, connection: Connection, text: str) -> None:
        """Pass on that messages are given up; the first figures stay until it is over."""
        before = self._floods.get(connection.name, "")
        if bool(text) != bool(before):
            self._floods[connection.name] = text
            self._on_loop(lambda: connection.wrong(FLOODED, text))

    def take_events(self) -> tuple[Event, ...]:
        """Return what happened to links since the last call, oldest first."""
        out: list[Event] = []
        while self._events:
            out.append(self._events.popleft())
        return tuple(out)

    def described(self) -> dict[str, dict[str, BrowseItem]]:
        """Return, by link and address, what sources learnt of units, ranges and writability so far."""
        out: dict[str, dict[str, BrowseItem]] = {}
        for name, connection in self._connections.items():
            if isinstance(connection.made, Describes):
                out[name] = dict(connection.made.described())
        return out

    def surveys(self) -> dict[str, Survey]:
        """Return, by link, what sources found out about the nodes of their servers."""
        out: dict[str, Survey] = {}
        for name, connection in self._connections.items():
            if isinstance(connection.made, Surveys):
                out[name] = connection.made.survey()
        return out

    def refused(self) -> dict[str, Mapping[str, str]]:
        """Return, by link, the channels that its server refuses, each with why. From any thread."""
        out: dict[str, Mapping[str, str]] = {}
        for name, connection in self._connections.items():
            if isinstance(connection.made, Refuses):
                out[name] = connection.made.refused()
        return out

    def certificates(self) -> dict[str, dict[str, int]]:
        """Return, by link and by whose it is, until when certificates of connections are valid (ns UTC)."""
        out: dict[str, dict[str, int]] = {}
        for name, connection in self._connections.items():
            made = connection.made
            if made is not None and _tells_certificates(type(made)):
                out[name] = dict(cast("Certified", made).certificates())
        return out

    async def ask_condition(self, link: str, ask: ConditionAsk) -> None:
        """Ask a link's server something of one of its alarms. Raises OrderFault, whatever went wrong."""
        source = self._named(link).made
        acts = isinstance(source, ActsOnAlarms)
        if not acts and (ask.action != "ack" or not isinstance(source, OwnsAlarms)):
            what = f"The link {link} cannot {'acknowledge' if ask.action == 'ack' else ask.action}."
            raise OrderFault(what, where=link, remedy="Do it at the server.")
        try:
            async with asyncio.timeout(ACKNOWLEDGE_S):
                if isinstance(source, ActsOnAlarms):
                    await source.act_on(ask)
                elif isinstance(source, OwnsAlarms):
                    await source.acknowledge(ask.condition, ask.event_id, ask.comment)
        except OrderFault:
            raise
        except TimeoutError:
            raise OrderFault(
                f"The server did not answer within {ACKNOWLEDGE_S:g} s.", where=link, remedy="Try again."
            ) from None
        except Exception as error:
            raise OrderFault(
                f"Asking the server failed: {type(error).__name__}: {error}",
                where=link,
                remedy="See the log.",
            ) from error

    async def browse(self, link: str, under: str, limit: int) -> Sequence[BrowseItem]:
        """Return what lies under an address of a link's server. Raises LinkFault, whatever went wrong."""
        return await looking.browse(self._named(link), under, limit)

    async def search(self, link: str, words: Sequence[str], token: str, limit: int) -> Found:
        """Look on for words in a link's server; the next call goes on. Raises LinkFault."""
        return await looking.search(self._named(link), words, token, limit)

    async def peek(self, link: str, addresses: Sequence[str]) -> Mapping[str, str]:
        """Return the values of some addresses as they are now. Raises LinkFault."""
        return await looking.peek(self._named(link), addresses)

    def _named(self, name: str) -> Connection:
        if name not in self._connections:
            raise LinkFault(
                f"There is no link '{name}'.",
                where=name,
                remedy=f"Name one of: {', '.join(self._connections) or 'none is configured'}.",
            )
        return self._connections[name]

    def _on_loop(self, act: Callable[[], None]) -> None:
        """Run something on the loop's thread, soon; before `run` at once."""
        if self._loop is None:
            act()
        else:
            self._loop.call_soon_threadsafe(act)


@functools.cache
def _tells_certificates(kind: type) -> bool:
    """Return whether sources of a class are Certified; a protocol is slow to ask, twice a tick."""
    return issubclass(kind, Certified)


def shown(url: str) -> str:
    """Return a url as everybody may see it: no password, no query, which may hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a url that cannot be read"  # its plugin refuses it with the reason
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    netloc = f"{name}@{host}" if name else host
    return parts._replace(netloc=netloc, query="…" if parts.query else "").geturl()


def _missing(kind: str, known: tuple[str, ...]) -> Make:
    """Return a maker that refuses: no plugin for this kind of link is installed."""

    def make(context: SourceContext) -> Source:
        raise LinkRefused(
            f"No plugin for links of kind '{kind}' is installed.",
            where=context.link.origin or context.link.name,
            remedy=f"Install one, or use: {', '.join(sorted(known)) or 'none is installed'}.",
        )

    return make
