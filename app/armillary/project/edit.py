"""Changes of a tag in the text of twins.json; what comes out is read again before it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from armillary.model.fault import ProjectFault
from armillary.project.record import TWINS_FILE

EDITABLE = (
    "address",
    "kind",
    "states",
    "unit",
    "source_unit",
    "range",
    "write_range",
    "writable",
    "title",
    "expected_interval_s",
    "stale_after_s",
    "liveness",
    "bad_after_s",
    "frozen_after_s",
)
EMPTY = '{"schema": 1, "twins": [], "relationships": []}'
Value = str | float | tuple[float, float] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NewTag:
    """A tag to be added: its twin (made where it is not there), its key in it, what the file says of it."""

    twin: str
    prim: str  # of a new twin
    key: str
    address: str  # `<source>!<address>`
    kind: str = "number"
    unit: str = ""
    title: str = ""
    span: tuple[float, float] | None = None
    states: tuple[tuple[float, str], ...] = ()
    liveness: str = "tag"

    @property
    def name(self) -> str:
        """The full name of the tag."""
        return f"{self.twin}.{self.key}"

    def facts(self) -> dict[str, Any]:
        """Return the tag as twins.json has it. Any: JSON."""
        out: dict[str, Any] = {"address": self.address}
        if self.title:
            out["title"] = self.title
        if self.kind != ("enum" if self.states else "number"):
            out["kind"] = self.kind
        if self.unit:
            out["unit"] = self.unit
        if self.span is not None:
            out["range"] = list(self.span)
        if self.states:
            out["states"] = {f"{value:g}": name for value, name in self.states}
        out["liveness"] = self.liveness
        return out


def with_new_tags(text: str, tags: Sequence[NewTag]) -> str:
    """Return twins.json with tags added, all else as it was; twins stay sorted by id.

    Raises ProjectFault for a text that cannot be read and for a name that is taken.
    """
    root = _parsed(text or EMPTY)
    twins = root.setdefault("twins", [])
    taken = {name for twin in twins for name, _ in _tags(twin, str(twin.get("id")))}
    for new in tags:
        if new.name in taken:
            raise ProjectFault(
                f"There is a tag '{new.name}' already.", where=TWINS_FILE, remedy="Give another name."
            )
        taken.add(new.name)
        twin = next((twin for twin in twins if twin.get("id") == new.twin), None)
        if twin is None:
            twin = {"id": new.twin, "prim": new.prim} if new.prim else {"id": new.twin}
            twins.append(twin)
        twin.setdefault("tags", {})[new.key] = new.facts()
    twins.sort(key=lambda twin: str(twin.get("id", "")))
    return _text(root)


def with_tag(text: str, name: str, changes: Mapping[str, Value | None]) -> str:
    """Return twins.json with some keys of one tag changed; None removes a key, all else stays.

    Raises ProjectFault for a text that cannot be read, a tag that is not there and a key that is not ours.
    """
    if unknown := sorted(set(changes) - set(EDITABLE)):
        raise ProjectFault(
            f"'{unknown[0]}' cannot be changed here.",
            where=TWINS_FILE,
            remedy=f"Change one of {', '.join(EDITABLE)}.",
        )
    root = _parsed(text)
    twins = root.get("twins", [])
    tag = next(
        (tag for twin in twins for found, tag in _tags(twin, str(twin.get("id"))) if found == name), None
    )
    if tag is None:
        raise ProjectFault(
            f"There is no tag '{name}' in this file.", where=TWINS_FILE, remedy="Reload the project."
        )
    for key, value in changes.items():
        if value is None:
            tag.pop(key, None)
        else:
            tag[key] = list(value) if isinstance(value, tuple) else value
    return _text(root)


def with_prims(text: str, to: Mapping[str, str]) -> str:
    """Return twins.json with the prims of twins replaced, old path → new path; all else stays."""
    root = _parsed(text)
    for twin in root.get("twins", []):
        if twin.get("prim") in to:
            twin["prim"] = to[twin["prim"]]
    return _text(root)


def tag_facts(text: str, name: str) -> dict[str, Any]:  # Any: JSON
    """Return what twins.json says of a tag, {} when it does not have it. Raises ProjectFault."""
    twins = _parsed(text or EMPTY).get("twins", [])
    found = (tag for twin in twins for n, tag in _tags(twin, str(twin.get("id"))) if n == name)
    return dict(next(found, {}))


def _parsed(text: str) -> dict[str, Any]:  # Any: parsed JSON
    try:
        root = json.loads(text)
    except ValueError as error:
        raise ProjectFault(
            f"{TWINS_FILE} cannot be edited: {error}.", where=TWINS_FILE, remedy="Correct the file first."
        ) from error
    return root if isinstance(root, dict) else {}


def _text(root: dict[str, Any]) -> str:
    return json.dumps(root, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _tags(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: parsed JSON
    for key, tag in table.get("tags", {}).items():
        yield f"{prefix}.{key}", tag
    for key, component in table.get("components", {}).items():
        yield from _tags(component, f"{prefix}.{key}")
