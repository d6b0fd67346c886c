"""What a running source is given to hand over what it brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from armillary.api.ports import Keeps
from armillary.model.condition import Condition, Conditions
from armillary.model.link import LinkState, SubscriptionPlan
from armillary.model.sample import SampleBatch, WireBatch
from armillary.telemetry.inbox import Inbox


class Out:
    """What a source is given (api.SourceOut); every method may be called from any thread."""

    def __init__(
        self, name: str, said: Callable[[LinkState, str], None], inbox: Inbox, loop: asyncio.AbstractEventLoop
    ) -> None:
        """`said`: takes the states that the source says, on the loop's thread."""
        self.plans: asyncio.Queue[SubscriptionPlan] = asyncio.Queue()
        self.is_over = False  # the run is over; a plugin's late thread changes no state any more
        self._name, self._said, self._inbox, self._loop = name, said, inbox, loop

    def wire(self, batch: WireBatch) -> None:
        """Hand over messages."""
        self._inbox.put(self._name, batch)

    def samples(self, batch: SampleBatch) -> None:
        """Hand over samples of a typed protocol."""
        self._inbox.put(self._name, batch)

    def conditions(self, found: Sequence[Condition], *, is_all: bool) -> None:
        """Hand over what the server says of its own alarms."""
        self._inbox.heard.put(Conditions(link=self._name, conditions=tuple(found), is_all=is_all))

    def alive(self, mono_ns: int) -> None:
        """Note a proof of the carrier's life."""
        self._inbox.alive(self._name, mono_ns)

    def dropped(self, reason: str, count: int) -> None:
        """Count messages given up by the source."""
        self._inbox.drop(self._name, reason, count)

    def state(self, state: LinkState, detail: str = "") -> None:
        """Say how far the connection is."""
        try:
            is_here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            is_here = False
        if is_here:
            self._say(state, detail)
        else:
            self._loop.call_soon_threadsafe(self._say, state, detail)

    def _say(self, state: LinkState, detail: str) -> None:
        if not self.is_over:
            self._said(state, detail)

    @property
    def room(self) -> bool:
        """False: stop reading."""
        return self._inbox.room(self._name)

    @property
    def changed(self) -> AsyncIterator[SubscriptionPlan]:
        """New plans, as they come."""
        return self._changes()

    async def _changes(self) -> AsyncIterator[SubscriptionPlan]:
        while True:
            yield await self.plans.get()


class KeepingOut(Out):
    """What a source of an edge is given (api.Keeps): it can tell when what it was given is on disk."""

    def __init__(
        self,
        name: str,
        said: Callable[[LinkState, str], None],
        inbox: Inbox,
        loop: asyncio.AbstractEventLoop,
        keeps: Keeps,
    ) -> None:
        super().__init__(name, said, inbox, loop)
        self._keeps = keeps

    def kept(self, then: Callable[[], None]) -> None:
        """Call something once what was handed over so far is on disk."""
        self._keeps.kept(then)


def out_of(
    name: str, said: Callable[[LinkState, str], None], inbox: Inbox, loop: asyncio.AbstractEventLoop
) -> Out:
    """Return what the source of a link is given; it tells of the disk where its inbox does."""
    if isinstance(inbox, Keeps):
        return KeepingOut(name, said, inbox, loop, inbox)
    return Out(name, said, inbox, loop)
