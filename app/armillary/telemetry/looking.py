"""Asking a link's source what its server has: levels, values, words. Whatever goes wrong is a LinkFault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from armillary.api.ports import Browsable, Peeks, Searches
from armillary.model.fault import Fault, LinkFault
from armillary.model.link import BrowseItem, Found
from armillary.telemetry.connection import Connection

BROWSE_S = 15.0
_T = TypeVar("_T")


async def browse(connection: Connection, under: str, limit: int) -> Sequence[BrowseItem]:
    """Return what lies under an address. Raises LinkFault."""

    async def ask(source: object) -> Sequence[BrowseItem] | None:
        return await source.browse(under, limit) if isinstance(source, Browsable) else None

    return await _asked(connection, ask, "browsed", "Browsing")


async def search(connection: Connection, words: Sequence[str], token: str, limit: int) -> Found:
    """Look on for words. Raises LinkFault."""

    async def ask(source: object) -> Found | None:
        return await source.search(words, token, limit) if isinstance(source, Searches) else None

    return await _asked(connection, ask, "searched", "Searching")


async def peek(connection: Connection, addresses: Sequence[str]) -> Mapping[str, str]:
    """Return values as they are now, {} where a source has only levels. Raises LinkFault."""

    async def ask(source: object) -> Mapping[str, str]:
        return await source.peek(addresses) if isinstance(source, Peeks) else {}

    return await _asked(connection, ask, "browsed", "Reading")


async def _asked(
    connection: Connection, ask: Callable[[object], Awaitable[_T | None]], done: str, doing: str
) -> _T:
    try:
        async with asyncio.timeout(BROWSE_S):
            answer = await ask(connection.source())
    except Fault:
        raise
    except TimeoutError:
        raise LinkFault(
            f"The server did not answer within {BROWSE_S:g} s.", where=connection.name, remedy="Try again."
        ) from None
    except Exception as error:
        raise LinkFault(
            f"{doing} failed: {type(error).__name__}: {error}", where=connection.name, remedy="See the log."
        ) from error
    if answer is None:
        raise LinkFault(
            f"A link of kind '{connection.plan.link.kind}' cannot be {done}.",
            where=connection.name,
            remedy="Write the address by hand.",
        )
    return answer
