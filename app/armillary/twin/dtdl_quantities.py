"""Quantities and units of DTDL, read from our table of them: which unit fits which quantity, since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache

from armillary.model import places

# an edition is 2 for the language of version 2, then 3, 4 and 5 for the extension's releases 1, 2 and 3; the
# table counts what is new, and release 2 of the extension added nothing
_NEWEST = {2: 2, 3: 3, 4: 3, 5: 4}


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, dict[str, tuple[str, int]]], dict[str, tuple[str, int]], tuple[str, ...]]:
    document = json.loads(places.data("assets/dtdl/quantities.json").read_text(encoding="utf-8"))
    families = {f: {u: (row[0], row[1]) for u, row in us.items()} for f, us in document["families"].items()}
    kinds = {name: (row[0], row[1]) for name, row in document["types"].items()}
    return families, kinds, tuple(document["prefixes"])


@cache
def types(edition: int) -> Mapping[str, str]:
    """Return the quantities of an edition, each with the family of its units."""
    return {name: family for name, (family, since) in _table()[1].items() if since <= _NEWEST[edition]}


@cache
def families(edition: int) -> Mapping[str, tuple[str, ...]]:
    """Return the families of units of an edition, each with its units."""
    newest = _NEWEST[edition]
    found = {f: tuple(u for u, (_, since) in us.items() if since <= newest) for f, us in _table()[0].items()}
    return {f: us for f, us in found.items() if us}


def prefixes(edition: int) -> tuple[str, ...]:
    """Return the names of the unit prefixes; language 2 writes deka what the extension calls deca."""
    gone = "deca" if edition == 2 else "deka"  # noqa: PLR2004 - the language's version
    return tuple(p for p in _table()[2] if p != gone)


@lru_cache(maxsize=1)
def symbols() -> Mapping[str, str]:
    """Return the symbol of each unit, `degreeCelsius` → `°C`; "" for the unit of a pure number."""
    return {u: symbol for us in _table()[0].values() for u, (symbol, _) in us.items()}
