"""Older project files → the schema of today, one pure step a version; nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Doc = dict[str, Any]  # Any: a parsed TOML or JSON file
Steps = Mapping[int, Callable[[Doc], Doc]]  # from version n to n + 1

# Version 1 is the first. A step is added with the change that needs it, and a sample in tests/projects/.
PROJECT_STEPS: Steps = {}
TWINS_STEPS: Steps = {}


def migrated(doc: Doc, version: int, target: int, steps: Steps) -> Doc:
    """Return the document at version `target`; one at or above it comes back as it is.

    Raises KeyError when a step is missing, which is a mistake of ours.
    """
    for step in range(version, target):
        doc = steps[step](doc)
    return doc
