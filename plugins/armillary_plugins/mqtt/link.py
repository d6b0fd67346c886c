"""What speaks to a broker, whoever speaks it: our own loop (`session`) or paho (`fallback`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from armillary.api import LinkFault, WireBatch
from armillary_plugins.mqtt.receipts import Receipts

NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What a session calls while it reads."""

    batch: Callable[[WireBatch], None] = lambda _batch: None
    alive: Callable[[int], None] = lambda _mono_ns: None
    dropped: Callable[[str, int], None] = lambda _reason, _count: None
    has_room: Callable[[], bool] = lambda: True
    narrow: Callable[[int], None] = lambda _window: None  # too few messages at a time to wait for the disk
    receipt: int = 1  # number of the first receipt: beyond those of earlier connections
    kept: Callable[[Callable[[], None]], None] = lambda then: then()  # calls it once all batches are safe


class Spoken(Protocol):
    """One open connection; both clients are held to the same tests."""

    version: int
    client_id: str
    opened_mono_ns: int
    session_present: bool
    peer: dict[str, object]
    lost: asyncio.Future[LinkFault]
    receipts: Receipts

    def stored(self, receipt: int) -> None: ...
    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> list[tuple[str, int]]: ...
    def unsubscribe(self, filters: Sequence[str]) -> None: ...
    async def ping(self) -> None: ...
    async def until_lost(self) -> NoReturn: ...
    async def close(self) -> None: ...
