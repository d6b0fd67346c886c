"""One fuzzy list of commands, prims and tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found: `key` is an action id, a prim path or a tag name."""

    kind: Literal["action", "prim", "tag"]
    key: str
    text: str  # searched and shown
    note: str = ""  # shown beside: shortcut, type, unit


def search(query: str, entries: Sequence[Entry], limit: int = 50) -> list[Entry]:
    """Return the best matches, best first; all words of the query must be in the text, small slips allowed."""
    raise NotImplementedError
