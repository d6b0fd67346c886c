"""The MQTT source: connect, subscribe, pump until lost. The host owns retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.api import (
    RETAINED,
    BrowseItem,
    Fault,
    Found,
    Keeps,
    LinkFault,
    LinkState,
    SourceContext,
    SourceOut,
    SubscriptionPlan,
    Verdict,
    WireBatch,
    topic_matches,
)
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.connect import connected, own, resolve
from armillary_plugins.mqtt.faults import VersionRefused, taken_over
from armillary_plugins.mqtt.link import NS, Hooks, Spoken
from armillary_plugins.mqtt.receipts import window_words
from armillary_plugins.mqtt.rows import Channels
from armillary_plugins.mqtt.settings import MQTT_3, MQTT_5, Settings, settings_of, unshared
from armillary_plugins.mqtt.tls import ends
from armillary_plugins.mqtt.watch import TopicWatch

STRIKES, STRIKE_NS = 3, 10 * NS  # closed so often, so soon after connecting: the client id is taken
MEANWHILE_S = 0.5  # what the second connection heard should be here by then
PROBE_S, PROBE_STEP_S = 3.0, 0.1  # how long the second connection of a probe listens
STAYS_S = 0.3  # a connection by another id that lives so much longer than ours did is left alone
INITIAL_S, INITIAL_STEP_S = 15.0, 0.1  # retained values: waited for so long; none for so long is the end
SHARED_NOTE = "shared with other clients: order not kept, no alarms"
SHOWN = 3  # refused filters named in the detail


class MqttSource:
    """One link to one broker; keeps its topic table and what it learnt of the broker between runs."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._settings: Settings = settings_of(context.link, context.project)
        self._version = self._settings.version
        self._channels = Channels()
        self._lives: list[int] = []  # how long connections lived that were closed soon, one after the other
        self._retained = 0  # retained messages of the present connection
        self._session: Spoken | None = None
        self._receipt = 1  # the number of the next connection's first receipt
        self._window = 0
        self._ends: dict[str, int] = {}
        self._refused: dict[str, int] = {}  # filter -> reason code, as answered in this connection
        self._refused_channels: dict[str, str] = {}
        self._watch: TopicWatch | None = None  # of all topics, while somebody looks
        self._one_browse = asyncio.Lock()  # two at once would throw each other out by their client id

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None:
        """Pump messages of the plan's topics until cancelled. Raises LinkFault when the link is lost."""
        await resolve(self._settings)
        out.state(LinkState.CONNECTING, f"MQTT {'3.1.1' if self._version == MQTT_3 else '5'}")
        session = self._session = await self._open(out)
        self._ends = ends(self._settings, self._context.project, session.peer)
        try:
            out.state(LinkState.SYNCING, self._resumed(session))
            wanted = self._filters(plan)
            self._refused = dict(await session.subscribe(wanted))
            self._learn_refused(plan, dict(wanted))
            await self._initial(session, out)
            self._tell(out, len(wanted), [*self._refused.items()])
            fault = await self._pump(session, plan, out)
        finally:
            self._session = None
            self._receipt = session.receipts.next
            if self._watch is not None:
                await self._watch.close()
            await session.close()
        if len(self._lives) >= STRIKES:
            longest_ns, self._lives = max(self._lives), []
            if await self._stays(longest_ns / NS + STAYS_S):
                raise taken_over(self._settings, session.client_id)
        raise fault

    async def _stays(self, seconds: float) -> bool:
        """Return whether a connection by another id outlives ours: then ours were closed for their id."""
        try:
            async with self._one_browse:
                second = await self._second(Hooks())
        except Fault:
            return False
        try:
            await asyncio.wait({second.lost}, timeout=seconds)
            return not second.lost.done()
        finally:
            await second.close()

    def stored(self, receipt: int) -> None:
        """Acknowledge what is on disk by now."""
        if self._session is not None:
            self._session.stored(receipt)

    def _narrow(self, window: int, out: SourceOut) -> None:
        self._window = window
        out.state(LinkState.DEGRADED, window_words(window))

    def certificates(self) -> Mapping[str, int]:
        """Return until when the certificates of this connection are valid, ns UTC by `server`, `own`."""
        return self._ends if self._session is not None else {}

    def refused(self) -> Mapping[str, str]:
        """Return the topics of routes that no granted filter brings, each with the broker's reason."""
        return self._refused_channels

    def _learn_refused(self, plan: SubscriptionPlan, wanted: Mapping[str, int]) -> None:
        """Find the topics that are refused; a topic that another filter brings as well is not."""
        granted = [unshared(name) for name in wanted if name not in self._refused]
        plain = {name for name in granted if not set("+#") & set(name)}
        wild = [name for name in granted if name not in plain]
        found: dict[str, str] = {}
        for topic in {route.channel: None for route in plan.routes} if self._refused else ():
            if topic in plain or any(topic_matches(name, topic) for name in wild):
                continue
            for name, code in self._refused.items():
                if topic_matches(unshared(name), topic):
                    found[topic] = f"the broker refuses this topic ({codec.reason(code)})"
                    break
        self._refused_channels = found

    async def probe(self, plan: SubscriptionPlan) -> Verdict:
        """Ask the broker for a sign of life, and hear on a second connection whether others get messages.

        Nothing is published. Raises LinkFault when the broker does not answer.
        """
        session = self._session
        if session is None:
            return Verdict.SILENT
        await session.ping()
        heard: list[WireBatch] = []
        async with self._one_browse:
            second = await self._second(Hooks(batch=heard.append))
            try:
                # Not as a member of a group: it would take messages away from us.
                await second.subscribe([(unshared(name), 0) for name, _ in self._filters(plan)])
                async with asyncio.timeout(PROBE_S):
                    while not any(_live(batch) for batch in heard):
                        await asyncio.wait({second.lost}, timeout=PROBE_STEP_S)
                await asyncio.wait({second.lost}, timeout=MEANWHILE_S)
            except TimeoutError:
                return Verdict.SILENT
            finally:
                await second.close()
        return Verdict.DEAF

    async def browse(self, under: str, limit: int) -> Sequence[BrowseItem]:
        """Return the topics below a topic, with what they last brought; those of a document, its fields.

        All topics are listened to on a connection of its own, until nobody has asked for a while.
        Raises LinkFault.
        """
        return await self._topics().level(under, limit)

    async def search(self, words: Sequence[str], token: str, limit: int) -> Found:
        """Return the next topics and fields that hold all words. Raises LinkFault."""
        return await self._topics().search(words, token, limit)

    def _topics(self) -> TopicWatch:
        if self._watch is None:
            filters = [unshared(name) for name, _ in self._settings.subscribe]
            self._watch = TopicWatch(self._looking, filters, self._context.clock, self._settings.where)
        return self._watch

    async def _looking(self, hooks: Hooks) -> Spoken:
        """Return a connection that listens to topics, with an id of its own."""
        return await own(self._settings, self._context, version=self._version, suffix="-topics", hooks=hooks)

    async def _second(self, hooks: Hooks) -> Spoken:
        """Return a connection beside the present one, with an id of its own."""
        return await own(
            self._settings,
            self._context,
            version=self._version,
            suffix="-browse",
            hooks=hooks,
        )

    async def _open(self, out: SourceOut) -> Spoken:
        self._retained = 0
        self._window = 0
        hooks = Hooks(
            narrow=lambda window: self._narrow(window, out),
            receipt=self._receipt,
            batch=lambda batch: self._take(batch, out),
            alive=out.alive,
            dropped=out.dropped,
            has_room=lambda: out.room,
            kept=out.kept if isinstance(out, Keeps) else _at_once,
        )
        settings = self._settings
        if isinstance(out, Keeps):  # all waits for its disk there, and `stored` is never called
            settings = replace(settings, waits_for_disk=False)
        try:
            return await connected(
                settings,
                self._context,
                version=self._version,
                channels=self._channels,
                hooks=hooks,
            )
        except VersionRefused:
            self._other_version()
            raise
        except LinkFault as fault:
            self._lives = []
            # Some old brokers just hang up on a CONNECT of version 5.
            if "closed the connection" in fault.what:
                self._other_version()
            raise

    def _other_version(self) -> None:
        if self._settings.may_fall_back:
            self._version = MQTT_3 if self._version == MQTT_5 else MQTT_5

    def _filters(self, plan: SubscriptionPlan) -> list[tuple[str, int]]:
        """Return the configured filters, else exactly the topics of the routes, and what else is heard."""
        if self._settings.subscribe:
            named = [*self._settings.subscribe]
        else:
            named = [(topic, self._settings.qos) for topic in dict.fromkeys(r.channel for r in plan.routes)]
        return list({**dict.fromkeys(plan.listen, 0), **dict(named)}.items())

    def _tell(self, out: SourceOut, wanted: int, refused: Sequence[tuple[str, int]]) -> None:
        version = "3.1.1" if self._version == MQTT_3 else "5"
        fell_back = self._settings.may_fall_back and self._version == MQTT_3
        said = "The broker speaks MQTT 3.1.1 only." if fell_back else f"MQTT {version}"
        notes = [said, *(["by paho"] if self._settings.client == "paho" else ())]
        notes += [SHARED_NOTE] if self._settings.is_shared else []
        if not refused and self._window:
            out.state(LinkState.DEGRADED, window_words(self._window))
            return
        if not refused:
            out.state(LinkState.UP, " · ".join(notes))
            return
        named = ", ".join(f"{name} ({codec.reason(code)})" for name, code in refused[:SHOWN])
        more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        out.state(
            LinkState.DEGRADED,
            f"{len(refused)} of {wanted} subscriptions refused: {named}{more}. "
            "Give this user the right to read them.",
        )

    async def _initial(self, session: Spoken, out: SourceOut) -> None:
        """Wait until the retained values are in, saying how many; what comes live goes its way meanwhile."""
        before = 0
        for _ in range(int(INITIAL_S / INITIAL_STEP_S)):
            done, _ = await asyncio.wait({session.lost}, timeout=INITIAL_STEP_S)
            if done or self._retained == before:
                return
            before = self._retained
            out.state(LinkState.SYNCING, f"{before:,} values".replace(",", "\u202f"))

    def _take(self, batch: WireBatch, out: SourceOut) -> None:
        self._retained += int(np.count_nonzero(batch.flags & RETAINED))
        out.wire(batch)

    def _resumed(self, session: Spoken) -> str:
        """Return what to say of a session that went on; brokers keep only so many messages for it."""
        return "The session went on; the history may have a gap." if session.session_present else ""

    async def _pump(self, session: Spoken, plan: SubscriptionPlan, out: SourceOut) -> LinkFault:
        """Return why the session ended; follow changes of the plan meanwhile."""
        follower = asyncio.create_task(self._follow(session, plan, out))
        life = asyncio.create_task(session.until_lost())
        try:
            await asyncio.wait({follower, life}, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in (follower, life):
                task.cancel()
            await asyncio.gather(follower, life, return_exceptions=True)
        for task in (follower, life):
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, LinkFault):
                raise error
            if error is not None:
                return self._judged(session, error)
        return session.lost.result()

    def _judged(self, session: Spoken, fault: LinkFault) -> LinkFault:
        """Count hang-ups soon after connecting: 3.1.1 has no other way to say that the id is taken.

        An id that was made up by ourselves cannot be taken.
        """
        now = self._context.clock.now_mono_ns()
        soon = now - session.opened_mono_ns < STRIKE_NS
        is_strike = soon and self._settings.is_id_fixed and "closed the connection" in fault.what
        self._lives = [*self._lives, now - session.opened_mono_ns] if is_strike else []
        return fault

    async def _follow(self, session: Spoken, plan: SubscriptionPlan, out: SourceOut) -> None:
        """Subscribe and unsubscribe what a new plan adds and drops."""
        now = dict(self._filters(plan))
        async for changed in out.changed:
            then = dict(self._filters(changed))
            session.unsubscribe(_missing(now, then))
            added = [(name, then[name]) for name in _missing(then, now)]
            known = {name: code for name, code in self._refused.items() if name in then}
            self._refused = known | dict(await session.subscribe(added))
            self._learn_refused(changed, then)
            self._tell(out, len(then), [*self._refused.items()])
            now = then


def _at_once(then: Callable[[], None]) -> None:
    then()


def _live(batch: WireBatch) -> bool:
    """Return whether a batch holds a message that was published now: a retained one proves nothing."""
    return bool(((batch.flags & RETAINED) == 0).any())


def _missing(names: Iterable[str], others: dict[str, int]) -> list[str]:
    """Return the names that are not among the others."""
    return [name for name in names if name not in others]


def make(context: SourceContext) -> MqttSource:
    """Return a source for one MQTT link. Raises ProjectFault for settings that cannot be used."""
    return MqttSource(context)
