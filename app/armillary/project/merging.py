"""Three versions of a project's text file made one: what two people did to different entries is kept.

Where both changed one field otherwise the merge keeps ours and says so: a file with marks in it could not be
opened any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import tomlkit
from tomlkit.items import AoT

from armillary.model.binding import Binding
from armillary.project import entries
from armillary.project.difference import shown
from armillary.project.record import TWINS_FILE

_GONE = object()  # what is not there
_UNSAID = "not there"


class _Rows(dict[str, Any]):  # Any: parsed
    """A list of rows by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Both versions changed one thing otherwise; ours was kept."""

    what: str  # the entry and its field
    base: str
    ours: str
    theirs: str

    @property
    def text(self) -> str:
        """The conflict in a sentence."""
        return f"{self.what}: was {self.base}; ours {self.ours} (kept), theirs {self.theirs}"


@dataclass(frozen=True, slots=True)
class Merged:
    """The text that has both changes, and what could not be merged."""

    text: str
    conflicts: tuple[Conflict, ...]


def merged(name: str, base: str, ours: str, theirs: str) -> Merged:
    """Merge a TOML or JSON file of a project. `name`: its path in the project; "" as text = not there.

    Raises ProjectFault when one of them cannot be read.
    """
    if theirs in (base, ours):
        return Merged(ours, ())
    if ours == base:
        return Merged(theirs, ())
    trees = [_tree(entries.parsed(name, text)) if text else {} for text in (base, ours, theirs)]
    conflicts: list[Conflict] = []
    result = _merged(name, trees[0], trees[1], trees[2], (), conflicts)
    if name.endswith(".json"):
        document = entries.parsed(name, ours or "{}")
        _apply(document, trees[1], result, entries.parsed(name, theirs or "{}"))
        return Merged(_json_text(name, document), tuple(conflicts))
    toml = tomlkit.parse(ours)
    _apply(toml, trees[1], result, tomlkit.parse(theirs))
    return Merged(tomlkit.dumps(toml), tuple(conflicts))


def _tree(value: Any) -> Any:  # Any: parsed
    if isinstance(value, Mapping):
        return {str(key): _tree(each) for key, each in value.items()}
    names = entries.row_names(value)
    if names is None:
        return value.unwrap() if hasattr(value, "unwrap") else value
    return _Rows((entries.ROW + name, _tree(row)) for name, row in zip(names, value, strict=True))


# Any: nodes of a parsed file
def _merged(
    name: str, base: Any, ours: Any, theirs: Any, path: entries.Path, conflicts: list[Conflict]
) -> Any:
    if theirs is base or ours is theirs or theirs == base or ours == theirs:
        return ours
    if ours == base and ours is not _GONE:
        return theirs
    if base is _GONE and (ours is _GONE or theirs is _GONE):
        return theirs if ours is _GONE else ours
    is_gone = ours is _GONE or theirs is _GONE
    base, ours, theirs = _alike(base, ours, theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict) and isinstance(base, dict):
        out = type(ours)()
        for key in (*ours, *(key for key in theirs if key not in ours)):
            was, mine, other = (each.get(key, _GONE) for each in (base, ours, theirs))
            value = _merged(name, was, mine, other, (*path, key), conflicts)
            if value is not _GONE:
                out[key] = value
        return out if out or not is_gone else _GONE
    conflicts.append(_conflict(name, path, base, ours, theirs))
    return ours


def _alike(base: Any, ours: Any, theirs: Any) -> tuple[Any, Any, Any]:
    """Return three nodes with no rows where one has rows and another no list; likewise for what both made."""
    sides = (base, ours, theirs)
    if any(isinstance(each, _Rows) for each in sides):
        base, ours, theirs = (_Rows() if each is _GONE or each == [] else each for each in sides)
    elif base is _GONE and isinstance(ours, Mapping):
        base = {}
    return base, ours, theirs


def _conflict(name: str, path: entries.Path, base: Any, ours: Any, theirs: Any) -> Conflict:
    entry, field = entries.entry_of(name, path)
    what = f"{name}: {entry.title}" + (f", {field}" if field else "")
    return Conflict(what=what, base=_said(base), ours=_said(ours), theirs=_said(theirs))


def _said(value: Any) -> str:
    if value is _GONE:
        return _UNSAID
    return "changed" if isinstance(value, Mapping) else shown(value)


# ---------------------------------------------------------------- into the text
def _apply(document: Any, was: Any, result: Any, donor: Any) -> None:
    """Make a parsed file what it should be; what is as it was is not touched, so comments and order stay.

    `was`, `result`: trees of what the document says and is to say; `donor`: parsed, has what is new.
    """
    if isinstance(was, _Rows):
        _apply_rows(document, was, result, donor)
        return
    for key in [key for key in was if key not in result]:
        del document[key]
    for key, value in result.items():
        before = was.get(key, _GONE)
        if before == value:
            continue
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            _apply(document[key], before, value, donor.get(key, {}))
        else:
            document[key] = _given(value, donor.get(key, _GONE))


def _given(value: Any, donor: Any) -> Any:
    """Return what is new as its giver wrote it, where that is all of it."""
    if donor is not _GONE and _tree(donor) == value:
        return donor
    if isinstance(value, _Rows) and isinstance(donor, AoT):
        rows = dict(zip(_row_keys(donor), donor, strict=False))
        out = tomlkit.aot()
        for key, row in value.items():
            out.append(_given(row, rows.get(key, _GONE)))
        return out
    return _plain(value)


def _apply_rows(document: Any, was: _Rows, result: Mapping[str, Any], donor: Any) -> None:
    given = dict(zip(_row_keys(donor), donor, strict=False)) if donor else {}
    for key in [key for key in was if key not in result]:
        del document[_row_keys(document).index(key)]
    for key, value in result.items():
        if key not in was:
            document.append(_given(value, given.get(key, _GONE)))
        elif was[key] != value:
            _apply(document[_row_keys(document).index(key)], was[key], value, given.get(key, {}))


def _row_keys(rows: Any) -> tuple[str, ...]:
    plain = [dict(row) for row in rows]
    return tuple(entries.ROW + name for name in entries.row_names(plain) or ())


def _plain(value: Any) -> Any:
    if isinstance(value, _Rows):
        return [_plain(row) for row in value.values()]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _json_text(name: str, document: MutableMapping[str, Any]) -> str:
    held: Any = document
    if name == TWINS_FILE:
        held = {
            **document,
            "twins": sorted(document.get("twins", []), key=lambda twin: str(twin.get("id", ""))),
        }
    elif set(document) == {""}:
        held = document[""]
    return json.dumps(held, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


# ---------------------------------------------------------------- bindings
@dataclass(frozen=True, slots=True)
class MergedBindings:
    """What is to be written into our layer, and what could not be merged."""

    save: tuple[Binding, ...]
    remove: tuple[tuple[str, str], ...]
    conflicts: tuple[Conflict, ...]


def merged_bindings(
    base: Sequence[Binding], ours: Sequence[Binding], theirs: Sequence[Binding]
) -> MergedBindings:
    """Merge three binding layers by (prim, name), field by field."""
    was, mine, other = ({(each.prim, each.name): each for each in side} for side in (base, ours, theirs))
    save: list[Binding] = []
    remove: list[tuple[str, str]] = []
    conflicts: list[Conflict] = []
    for key in sorted({*was, *other}):
        before, have, give = was.get(key), mine.get(key), other.get(key)
        if _same(give, before) or _same(give, have):
            continue
        if _same(have, before):
            if give is None:
                remove.append(key)
            else:
                save.append(give)
        elif have is None or give is None or before is None:
            conflicts.append(_clash(key, "", before, have, give))
        else:
            both, found = _fieldwise(key, before, have, give)
            conflicts += found
            if not _same(both, have):
                save.append(both)
    return MergedBindings(tuple(save), tuple(remove), tuple(conflicts))


def _same(one: Binding | None, other: Binding | None) -> bool:
    if one is None or other is None:
        return one is other
    return replace(one, origin="", part="") == replace(other, origin="", part="")


def _fieldwise(
    key: tuple[str, str], before: Any, have: Any, give: Any, prefix: str = ""
) -> tuple[Any, list[Conflict]]:
    """Return a record with the changes of both, and where they clash. Any: a binding, or a part of one."""
    given: dict[str, Any] = {}
    conflicts: list[Conflict] = []
    for name, was, mine, other in _sides(before, have, give):
        if other in (was, mine):
            continue
        if mine == was:
            given[name] = other
        elif hasattr(mine, "__dataclass_fields__"):
            given[name], found = _fieldwise(key, was, mine, other, f"{name}.")
            conflicts += found
        else:
            conflicts.append(_clash(key, prefix + name, was, mine, other))
    return replace(have, **given), conflicts


def _sides(before: Any, have: Any, give: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    for field in fields(have):
        if field.name not in ("origin", "part"):  # where it was read, and what its prim looked like then
            yield field.name, *(getattr(each, field.name) for each in (before, have, give))


def _clash(key: tuple[str, str], field: str, base: Any, ours: Any, theirs: Any) -> Conflict:
    what = f"binding {key[0]}#{key[1]}" + (f", {field}" if field else "")
    said = [_UNSAID if each is None else shown(each) if field else "another" for each in (base, ours, theirs)]
    return Conflict(what=what, base=said[0], ours=said[1], theirs=said[2])
