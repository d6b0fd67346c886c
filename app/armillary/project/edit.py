"""Changes of a tag in the text of twins.json; what comes out is read again before it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from armillary.model.fault import ProjectFault
from armillary.project.record import TWINS_FILE

EDITABLE = ("unit", "source_unit", "range", "write_range", "title", "expected_interval_s", "stale_after_s")
Value = str | float | tuple[float, float]


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
    try:
        root = json.loads(text)
    except ValueError as error:
        raise ProjectFault(
            f"{TWINS_FILE} cannot be edited: {error}.", where=TWINS_FILE, remedy="Correct the file first."
        ) from error
    twins = root.get("twins", []) if isinstance(root, dict) else []
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
    return json.dumps(root, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _tags(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: parsed JSON
    for key, tag in table.get("tags", {}).items():
        yield f"{prefix}.{key}", tag
    for key, component in table.get("components", {}).items():
        yield from _tags(component, f"{prefix}.{key}")
