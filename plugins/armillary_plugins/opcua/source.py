"""OPC UA source: connects, subscribes and pumps until the link is lost; the host owns every retry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from armillary.api import (
    BrowseItem,
    ConditionAsk,
    Found,
    LinkFault,
    LinkRefused,
    LinkState,
    OfferLimits,
    OrderFault,
    ProjectFault,
    SourceContext,
    SourceOut,
    SubscriptionPlan,
    Survey,
    TakesConditions,
    openusd,
)
from armillary_plugins.opcua import openusd_offer
from armillary_plugins.opcua.conditions import ConditionWatch
from armillary_plugins.opcua.crawl import Crawl
from armillary_plugins.opcua.levels import Levels
from armillary_plugins.opcua.nodes import describe
from armillary_plugins.opcua.secure import words_of
from armillary_plugins.opcua.session import Session, fault_of, open_session
from armillary_plugins.opcua.settings import Settings, check_security, read_settings
from armillary_plugins.opcua.subscribe import Subscriptions
from armillary_plugins.opcua.survey import Surveyor, described_moves

NOTHING = Survey()
MOST_CRAWLS = 4  # searches at once, each of a desk


class OpcUaSource:
    """Brings the values of one server's nodes; can list its tree and tell what it learnt of its nodes."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._session: Session | None = None
        self._levels: Levels | None = None  # of the present session
        self._crawls: dict[str, Crawl] = {}  # by token; of the present session
        self._one_level = asyncio.Lock()  # a continuation point is held for one at a time
        self._known: dict[str, BrowseItem] = {}
        self._conditions: ConditionWatch | None = None
        self._namespaces: tuple[str, ...] = ()  # of the session before
        self._surveyor: Surveyor | None = None  # of the present session
        self._paths: dict[str, str] = {}  # browse paths by address, learnt since the world began

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None:
        """Pump until cancelled. Raises LinkFault on loss, LinkRefused when a person must act."""
        settings = self._settings()
        out.state(LinkState.CONNECTING)
        session = await open_session(settings, self._context, "telemetry")
        self._session, self._levels = session, Levels(session)
        pump = asyncio.create_task(self._pump(session, plan, out))
        lost = asyncio.create_task(session.raise_when_lost())
        try:
            done, _ = await asyncio.wait({pump, lost}, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda task: task is pump):  # the loss explains what the pump met
                task.result()
        except (UaError, OSError, TimeoutError) as error:
            raise fault_of(error, settings.where) from error
        finally:
            if self._surveyor is not None:
                self._paths |= self._surveyor.survey.paths
            self._session = self._levels = self._surveyor = None
            self._crawls.clear()
            for task in (pump, lost):
                task.cancel()
            await asyncio.gather(pump, lost, return_exceptions=True)
            await session.close()

    async def browse(self, under: str, limit: int) -> Sequence[BrowseItem]:
        """Return the children of an address, "" for the top; over the live session if there is one."""
        if self._levels is not None:
            return await self._page(self._levels, under, limit)
        session = await open_session(self._settings(), self._context, "browser")
        try:
            return await self._page(Levels(session), under, limit)
        finally:
            await session.close()

    async def peek(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """Return the values of nodes that were listed, as they are now. Raises LinkFault."""
        if self._levels is None:
            return {}
        try:
            return await self._levels.peek(addresses)
        except (UaError, OSError, TimeoutError) as error:
            raise fault_of(error, self._settings().where) from error

    async def search(self, words: Sequence[str], token: str, limit: int) -> Found:
        """Look on for nodes whose path, description or unit holds all words. Raises LinkFault."""
        session = self._session
        if session is None:
            raise LinkFault(
                "The link is not up.", where=self._context.link.name, remedy="Search again when it is."
            )
        crawl = self._crawls.pop(token, None) or Crawl(words)
        self._crawls[token] = crawl
        while len(self._crawls) > MOST_CRAWLS:
            del self._crawls[next(iter(self._crawls))]
        try:
            return await crawl.step(session, limit)
        except (UaError, OSError, TimeoutError) as error:
            raise fault_of(error, session.settings.where) from error

    async def acknowledge(self, condition: str, event_id: bytes, comment: str) -> None:
        """Acknowledge a condition of the server; its event says when it is. Raises OrderFault."""
        await self.act_on(ConditionAsk(condition=condition, event_id=event_id, action="ack", comment=comment))

    async def act_on(self, ask: ConditionAsk) -> None:
        """Call a condition's method at the server; its event says what became of it. Raises OrderFault."""
        if self._conditions is None:
            raise OrderFault(
                "The link is not up, so the server cannot be asked.",
                where=self._context.link.name,
                remedy="Try again when it is.",
            )
        try:
            await self._conditions.act(ask)
        except (UaError, OSError, TimeoutError) as error:
            fault = fault_of(error, self._settings().where)
            raise OrderFault(fault.what, where=fault.where, remedy=fault.remedy) from error

    async def fetch(self, folder: Path, limits: OfferLimits) -> openusd.SceneOffer:
        """Return the scene and bindings that the server offers; its files are put into the folder."""
        return await openusd_offer.fetch(self._settings(), self._context, folder, limits)

    def changes(self) -> AsyncIterator[str]:
        """Yield a word after each change of the server's model."""
        return openusd_offer.changes(self._settings(), self._context)

    def secured(self) -> str:
        """Return how the connection is protected; "" while there is none."""
        return words_of(self._session.settings) if self._session is not None else ""

    def certificates(self) -> Mapping[str, int]:
        """Return until when the connection's certificates are valid, ns UTC."""
        return self._session.certificates if self._session is not None else {}

    def survey(self) -> Survey:
        """Return what is known of the server's nodes beside their values."""
        return self._surveyor.survey if self._session is not None and self._surveyor is not None else NOTHING

    def described(self) -> Mapping[str, BrowseItem]:
        """Return units, ranges, states and writability by address, as learnt at the last connect."""
        return dict(self._known)

    def _renumbered(self, session: Session, subscriptions: Subscriptions) -> str:
        """Return what to tell when the server has numbered its namespaces anew since the last session."""
        before, self._namespaces = self._namespaces, session.namespaces
        if not before or before == session.namespaces:
            return ""
        count = sum(
            before[node.NamespaceIndex : node.NamespaceIndex + 1]
            != session.namespaces[node.NamespaceIndex : node.NamespaceIndex + 1]
            for node in subscriptions.nodes.values()
        )
        items = "item" if count == 1 else "items"
        return f"Namespaces renumbered: {count:,} {items} re-bound.".replace(",", "\u202f") if count else ""

    async def _page(self, levels: Levels, under: str, limit: int) -> Sequence[BrowseItem]:
        try:
            async with self._one_level:
                return await levels.page(under, limit, self._context.clock.now_mono_ns())
        except (UaError, OSError, TimeoutError) as error:
            raise fault_of(error, self._settings().where) from error

    def _settings(self) -> Settings:
        return _settings_of(self._context)

    async def _pump(self, session: Session, plan: SubscriptionPlan, out: SourceOut) -> None:
        """Subscribe what the plan says, and again whenever the plan is edited."""
        plans = aiter(out.changed)
        surveyor, told = Surveyor(session), asyncio.Event()
        self._surveyor = surveyor
        is_told = False
        while True:
            out.state(LinkState.SYNCING)
            self._paths |= surveyor.survey.paths
            subscriptions = Subscriptions(session, plan.routes, self._context.clock, out, self._paths)
            conditions = (
                ConditionWatch(session, out)
                if session.settings.conditions and isinstance(out, TakesConditions)
                else None
            )
            watch: asyncio.Task[None] | None = None
            edit: asyncio.Task[SubscriptionPlan] | None = None
            look: asyncio.Task[bool] | None = None
            try:
                await subscriptions.start()
                state = LinkState.DEGRADED if subscriptions.refused else LinkState.UP
                told_now = f"{self._renumbered(session, subscriptions)} {subscriptions.refused}"
                out.state(state, told_now.strip())
                self._known = await describe(session, subscriptions.nodes)
                moved = await described_moves(session, subscriptions.moved)
                surveyor.survey = replace(surveyor.survey, moved=moved)
                if conditions is not None:
                    self._conditions = conditions
                    await conditions.start()
                watch = asyncio.create_task(subscriptions.raise_when_silent())
                edit = asyncio.create_task(_next(plans))
                if not is_told:
                    is_told = True
                    with contextlib.suppress(
                        UaStatusCodeError, LinkFault
                    ):  # it tells none: then every minute
                        await openusd_offer.tell_changes(session, told)
                of = subscriptions
                look = asyncio.create_task(surveyor.run(of.nodes, of.absent, of.paths, told))
                await _first(watch, edit, look)
                if edit.done():
                    plan = edit.result()
            finally:
                tasks = [task for task in (watch, edit, look) if task is not None]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._conditions = None
                if conditions is not None:
                    await conditions.stop()
                await subscriptions.stop()


async def _first(
    watch: asyncio.Task[None], edit: asyncio.Task[SubscriptionPlan], look: asyncio.Task[bool]
) -> None:
    """Return when the plan was edited, or nodes have come or gone. Raises what the others raise."""
    waiting: set[asyncio.Task[Any]] = {watch, edit, look}
    while True:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if edit in done or (look in done and look.result()):
            return


async def _next(plans: object) -> SubscriptionPlan:
    """Return the next edited plan; a host that has no more edits leaves this waiting."""
    try:
        plan: SubscriptionPlan = await anext(plans)  # type: ignore[call-overload]  # an async iterator
    except StopAsyncIteration:
        await asyncio.Event().wait()
        raise
    return plan


def make(context: SourceContext) -> OpcUaSource:
    """Return the source of one link. Raises LinkRefused for settings that cannot be meant."""
    check_security(_settings_of(context))
    return OpcUaSource(context)


def _settings_of(context: SourceContext) -> Settings:
    try:
        return read_settings(context.link)
    except ProjectFault as fault:
        raise LinkRefused(fault.what, where=fault.where, remedy=fault.remedy) from fault
