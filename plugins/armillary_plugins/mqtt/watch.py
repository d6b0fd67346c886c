"""Listening to all topics of a broker while somebody looks at them: a second connection, held for a while.

One subscription, `#`. It ends by itself a while after the last look, and reading rests while the broker sends
more than is looked at; what a link brings for its tags is another connection and never waits for this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from armillary.api import BrowseItem, Clock, Fault, Found, LinkFault, WireBatch
from armillary_plugins.mqtt import codec
from armillary_plugins.mqtt.link import NS, Hooks, Spoken
from armillary_plugins.mqtt.topics import TopicStore

LEASE_NS = 15 * NS  # after the last look
QUIET_S, FIRST_S, STEP_S = 0.2, 1.0, 0.05  # the first answer: when the retained ones have come
MOST_PER_S, MOST_BYTES_PER_S = 20_000, 8 * 1024 * 1024
MIND_S = 0.5
SEARCH_S = 5.0  # a broker that has just been asked for all is given so long before a search is at its end
Open = Callable[[Hooks], Awaitable[Spoken]]


class TopicWatch:
    """Of one link; belongs to the loop. `filters` are asked for where the broker refuses `#`."""

    def __init__(self, open_: Open, filters: Sequence[str], clock: Clock, where: str) -> None:
        self._open, self._filters, self._clock, self._where = open_, tuple(filters), clock, where
        self._lock = asyncio.Lock()
        self._session: Spoken | None = None
        self._store = TopicStore()
        self._asked: tuple[str, ...] = ()
        self._until_ns = self._since_ns = 0
        self._second = (0, 0, 0)  # begin of the present second, messages and bytes in it
        self._minding: asyncio.Task[None] | None = None
        self._searches: dict[str, int] = {}  # token → the topic to go on with

    async def level(self, under: str, limit: int) -> list[BrowseItem]:
        """Return what is below an address. Raises LinkFault where the broker lets nobody listen."""
        await self._listen()
        return self._store.level(under, limit, self._clock.now_mono_ns())

    async def search(self, words: Sequence[str], token: str, limit: int) -> Found:
        """Look through some thousand topics more; at the end, those that still come are waited for."""
        await self._listen()
        now = self._clock.now_mono_ns()
        begin = self._searches.pop(token, 0)
        items, end = self._store.find([word.lower() for word in words], begin, limit, now)
        self._searches[token] = end
        for old in list(self._searches)[:-8]:
            del self._searches[old]
        known = len(self._store.names)
        done = end >= known and now - self._since_ns > SEARCH_S * NS
        left = "more topics than are kept" if self._store.left_out else ""
        return Found(items=tuple(items), seen=end, waiting=known - end, done=done, left_out=left)

    async def close(self) -> None:
        """Stop listening."""
        async with self._lock:
            await self._end()

    async def _listen(self) -> None:
        self._until_ns = self._clock.now_mono_ns() + LEASE_NS
        async with self._lock:
            if self._session is not None and not self._session.lost.done():
                return
            await self._end()
            self._store = TopicStore()
            session = await self._open(
                Hooks(batch=self._take, dropped=self._dropped, has_room=self._has_room)
            )
            try:
                self._asked = await self._subscribed(session)
                await self._first(session)
            except BaseException:
                await session.close()
                raise
            self._session, self._since_ns = session, self._clock.now_mono_ns()
            self._until_ns = self._since_ns + LEASE_NS
            self._minding = asyncio.create_task(self._mind(session))

    async def _subscribed(self, session: Spoken) -> tuple[str, ...]:
        refused = await session.subscribe([("#", 0)])
        if not refused:
            return ("#",)
        refused = await session.subscribe([(name, 0) for name in self._filters]) if self._filters else refused
        left = tuple(name for name in self._filters if name not in dict(refused))
        if not left:
            raise LinkFault(
                f"The broker does not let this user listen to topics ({codec.reason(refused[0][1])}).",
                where=self._where,
                remedy="Give it the right to read '#', or name filters under subscribe.",
            )
        return left

    async def _first(self, session: Spoken) -> None:
        """Wait until nothing new has come for a moment, a second at most."""
        quiet, before = 0.0, -1
        for _ in range(int(FIRST_S / STEP_S)):
            await asyncio.wait({session.lost}, timeout=STEP_S)
            quiet = quiet + STEP_S if len(self._store.names) == before else 0.0
            before = len(self._store.names)
            if quiet >= QUIET_S or session.lost.done():
                return

    async def _mind(self, session: Spoken) -> None:
        """End the watch when nobody has looked for a while, or the connection is gone."""
        while not session.lost.done() and self._clock.now_mono_ns() < self._until_ns:
            await asyncio.wait({session.lost}, timeout=MIND_S)
        async with self._lock:
            if self._session is session:
                self._minding = None
                await self._end()

    async def _end(self) -> None:
        session, self._session = self._session, None
        if (task := self._minding) is not None:
            self._minding = None
            task.cancel()
        if session is None:
            return
        try:
            if not session.lost.done():
                session.unsubscribe(self._asked)
            await session.close()
        except (Fault, OSError):
            return

    # ------------------------------------------------------------ hooks

    def _take(self, batch: WireBatch) -> None:
        begin, messages, size = self._second
        now = self._clock.now_mono_ns()
        if now - begin >= NS:
            begin, messages, size = now, 0, 0
        self._second = (begin, messages + len(batch), size + len(batch.payload))
        self._store.take(batch)

    def _has_room(self) -> bool:
        begin, messages, size = self._second
        if messages <= MOST_PER_S and size <= MOST_BYTES_PER_S:
            return True
        if self._clock.now_mono_ns() - begin < NS:
            self._store.throttled = True
            return False
        self._second = (self._clock.now_mono_ns(), 0, 0)
        return True

    def _dropped(self, reason: str, count: int) -> None:
        if reason in ("filtered", "too_big"):
            self._store.left_out += count
