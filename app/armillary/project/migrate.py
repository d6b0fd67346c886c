"""Older project files → the schema of today, one pure step a version; nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

Doc = dict[str, Any]  # Any: a parsed TOML or JSON file
Steps = Mapping[int, Callable[[Doc], Doc]]  # from version n to n + 1

# Version 1 is the first. A step is added with the change that needs it, and a sample in tests/projects/.
PROJECT_STEPS: Steps = {}
TWINS_STEPS: Steps = {}
PROCEDURE_STEPS: Steps = {}


def within(doc: Doc, version: int, target: int, steps: Steps) -> None:
    """Bring a document of an editor (tomlkit) to version `target` in its place, comments and all.

    Each step works on plain values; what it leaves as it was is not touched, so its comments stay.
    """
    before = _plain(doc)
    after = migrated(_plain(doc), version, target, steps)
    for key in before:
        if key not in after:
            doc.pop(key, None)
    for key, value in after.items():
        if key not in before or before[key] != value:
            doc[key] = value
    if "schema" in after:
        doc["schema"] = target


def _plain(doc: Doc) -> Doc:
    out: Doc = deepcopy(doc.unwrap()) if hasattr(doc, "unwrap") else deepcopy(doc)
    return out


def migrated(doc: Doc, version: int, target: int, steps: Steps) -> Doc:
    """Return the document at version `target`; one at or above it comes back as it is.

    Raises KeyError when a step is missing, which is a mistake of ours.
    """
    for step in range(version, target):
        doc = steps[step](doc)
    return doc
