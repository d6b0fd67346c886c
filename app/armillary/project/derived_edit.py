"""Editing of one derived tag in twins.json: its expression, unit, title and range; the rest stays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from armillary.model.fault import ProjectFault
from armillary.project.record import TWINS_FILE
from armillary.project.twins import NAME

KEYS = ("expression", "unit", "title", "range")
_EMPTY = '{"schema": 1, "twins": [], "relationships": []}'
Value = str | tuple[float, float]


def with_derived(text: str, name: str, changes: Mapping[str, Value | None]) -> str:
    """Return twins.json with a derived tag changed, or added to its twin (made where it is not there).

    name: `<twin>.<key>`. None takes a key out. Raises ProjectFault for a text that cannot be read, a name
    that is none and a tag that has a source: a tag is either read or worked out.
    """
    if unknown := sorted(set(changes) - set(KEYS)):
        raise ProjectFault(
            f"'{unknown[0]}' is no key of a derived tag.",
            where=TWINS_FILE,
            remedy=f"Give {', '.join(KEYS)}.",
        )
    root = _parsed(text)
    twins = root.setdefault("twins", [])
    found = next(
        (tag for twin in twins for full, tag in _tags(twin, str(twin.get("id"))) if full == name), None
    )
    if found is None:
        found = _made(twins, name)
    elif "address" in found:
        raise ProjectFault(
            f"'{name}' has a source: it is read, not worked out.",
            where=TWINS_FILE,
            remedy="Give the derived tag another name.",
        )
    for key, value in changes.items():
        if value is None or value == "":
            found.pop(key, None)
        else:
            found[key] = list(value) if isinstance(value, tuple) else value
    if not str(found.get("expression", "")).strip():
        raise ProjectFault(
            "A derived tag needs an expression.", where=TWINS_FILE, remedy="Write what it is worked out from."
        )
    return json.dumps(root, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def without_derived(text: str, name: str) -> str:
    """Return twins.json without a derived tag. Raises ProjectFault where there is none of that name."""
    root = _parsed(text)
    for twin in root.get("twins", []):
        for holder, key, full in _holders(twin, str(twin.get("id"))):
            if full == name and "expression" in holder[key]:
                del holder[key]
                return json.dumps(root, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    raise ProjectFault(
        f"There is no derived tag '{name}' in this file.", where=TWINS_FILE, remedy="Reload the project."
    )


def _made(twins: list[dict[str, Any]], name: str) -> dict[str, Any]:  # Any: parsed JSON
    """Return a new tag's table, in the twin with the longest id that its name begins with, else a new one."""
    ids = sorted((str(t.get("id")) for t in twins if name.startswith(f"{t.get('id')}.")), key=len)
    head, dot, key = name.partition(".")
    if ids:
        head, key = ids[-1], name[len(ids[-1]) + 1 :]
    if not (dot or ids) or not NAME.fullmatch(head) or not NAME.fullmatch(key):
        raise ProjectFault(
            f"'{name}' cannot be a tag's name.",
            where=TWINS_FILE,
            remedy="Write <twin>.<tag>, e.g. P-101.specific_energy, without spaces.",
        )
    twin = next((t for t in twins if t.get("id") == head), None)
    if twin is None:
        twin = {"id": head}
        twins.append(twin)
        twins.sort(key=lambda t: str(t.get("id", "")))
    tag: dict[str, Any] = twin.setdefault("tags", {}).setdefault(key, {})
    return tag


def _parsed(text: str) -> dict[str, Any]:  # Any: parsed JSON
    try:
        root = json.loads(text or _EMPTY)
    except ValueError as error:
        raise ProjectFault(
            f"{TWINS_FILE} cannot be edited: {error}.", where=TWINS_FILE, remedy="Correct the file first."
        ) from error
    return root if isinstance(root, dict) else {}


def _tags(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: parsed JSON
    for holder, key, full in _holders(table, prefix):
        yield full, holder[key]


def _holders(table: dict[str, Any], prefix: str) -> Iterator[tuple[dict[str, Any], str, str]]:  # Any: JSON
    tags = table.get("tags", {})
    for key in list(tags):
        yield tags, key, f"{prefix}.{key}"
    for key, component in table.get("components", {}).items():
        yield from _holders(component, f"{prefix}.{key}")
