"""Search for parts by what they are: `type:Mesh`, `tag:T-101`, `name:pump`, `attr:radius>0.5`, all together.

The desk knows names, types and tags of all parts; attributes are asked of the scene child.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8
from armillary.model.message import AskMatches
from armillary.model.twin import TwinInstance
from armillary.session.scenery import Scenery

KEYS = ("type", "tag", "name", "attr")
_WORD = re.compile(r"""(?:(type|tag|name|attr):)?("[^"]*"|\S+)""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"^([^<>=]+)(<=|>=|=|<|>)?(.*)$")
HINT = "type:Mesh  tag:T-101  name:pump  attr:radius>0.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What parts must fit: each word of each kind, small letters."""

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str, str], ...] = ()  # (name, comparison or "", value)


def query_of(text: str) -> Query | None:
    """Return the query of a text that has at least one `key:`, None for plain words."""
    found: dict[str, list[str]] = {key: [] for key in KEYS}
    is_query = False
    for key, word in _WORD.findall(text):
        is_query |= bool(key)
        found[key.lower() or "name"].append(word.strip('"'))
    if not is_query:
        return None
    words = {key: tuple(w.casefold() for w in found[key] if w) for key in ("type", "tag", "name")}
    attributes = tuple(
        (match[1].strip(), match[2] or "", match[3].strip())
        for word in found["attr"]
        if (match := _ATTRIBUTE.match(word))
    )
    return Query(types=words["type"], tags=words["tag"], names=words["name"], attributes=attributes)


def fits(query: Query, scenery: Scenery, twins: Sequence[TwinInstance]) -> I8:
    """Return the parts that fit all of a query but its attributes, ascending."""
    scene = scenery.scene
    keep: B1 = np.ones(len(scene), np.bool_)
    for word in query.types:
        type_fits = np.array([word in name.casefold() for name in scene.type_names] or [False])
        keep &= type_fits[scene.prim_type]
    for word in query.tags:
        keep &= _driven(word, scenery, twins)
    if query.names:
        rows = np.flatnonzero(keep).tolist()
        texts = [scene.prim_path[i].casefold() for i in rows]
        keep[:] = False
        keep[[i for i, text in zip(rows, texts, strict=True) if all(w in text for w in query.names)]] = True
    return np.flatnonzero(keep)


def _driven(word: str, scenery: Scenery, twins: Sequence[TwinInstance]) -> B1:
    """Tell which parts (M,) show a tag that has a word in its name, by bindings or as its twin's part."""
    out = np.zeros(len(scenery.scene), np.bool_)
    named = np.array([word in spec.name.casefold() for spec in scenery.specs], np.bool_)
    slot = np.asarray(scenery.program.binding_slot, np.int64)[scenery.pair_binding]
    known = slot < len(named)  # one on trial is no world's
    out[scenery.pair_prim[known][named[slot[known]]]] = True
    owners = {spec.twin for spec in scenery.specs if spec.twin and word in spec.name.casefold()}
    places = {twin.prim for twin in twins if twin.id in owners and twin.prim}
    if places:
        out[[i for i, path in enumerate(scenery.scene.prim_path) if path in places]] = True
    return out


def question(query: Query, most: int) -> AskMatches | None:
    """Return what to ask the scene child, None for a query without attributes."""
    if not query.attributes:
        return None
    return AskMatches(attributes=query.attributes, most=most)
