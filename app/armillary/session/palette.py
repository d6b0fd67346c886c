"""One fuzzy list of commands, prims and tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz, process

_SHORTEST_FUZZY = 3  # letters; shorter queries only match as they are written
_SCORE = 72.0  # percent: about one slip in four letters
_RANKED = 2_000  # matches that are ranked; a query with more is too short to mean one thing
_BONUS = {"action": 8.0, "view": 6.0, "tag": 2.0, "prim": 0.0}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found: `key` is an action id, a path, a tag, a view or what parts must fit."""

    kind: Literal["action", "prim", "tag", "parts", "query", "view"]
    key: str
    text: str  # searched and shown
    note: str = ""  # shown beside: shortcut, type, unit


def search(query: str, entries: Sequence[Entry], limit: int = 50) -> list[Entry]:
    """Return the best matches, best first: all words are in the text; slips only where that finds nothing.

    Without a query the commands come first, then the rest in order. Folding the texts is done once for one
    and the same sequence of entries, so pass the same one again.
    """
    words = query.casefold().split()
    if not words:
        return sorted(entries[: 10 * limit], key=lambda e: e.kind != "action")[:limit]
    folded = _folded(_Same(entries))
    rows = list(range(len(folded)))
    for word in sorted(words, key=len, reverse=True):  # the longest word leaves the fewest
        rows = [i for i in rows if word in folded[i]]
    scored = [(_score(entries[i], folded[i], words), i) for i in rows[:_RANKED]]
    if not scored and len(query.strip()) >= _SHORTEST_FUZZY:
        near = process.extract(
            " ".join(words), folded, scorer=fuzz.partial_ratio, score_cutoff=_SCORE, limit=limit
        )
        scored = [(score, i) for _, score, i in near]
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return [entries[i] for _, i in scored[:limit]]


def fitting(query: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return all parts whose path or type has all words of a query, in order; none without a query."""
    words = query.casefold().split()
    if not words:
        return []
    texts = _folded(_Same(entries))
    return [
        e
        for e, text in zip(entries, texts, strict=True)
        if e.kind == "prim" and all(w in text for w in words)
    ]


def _score(entry: Entry, folded: str, words: list[str]) -> float:
    """Return how well an entry that holds all words meets them: at the start of its parts, and short."""
    score = _BONUS[entry.kind] - 0.05 * len(folded)
    last = folded.rpartition("/")[2]  # of a path the name counts, not where it is
    for word in words:
        if last.startswith(word):
            score += 12.0
        elif word in last:
            score += 6.0
        at = folded.find(word)
        if at == 0 or (at > 0 and not folded[at - 1].isalnum()):
            score += 4.0
    return score


class _Same:
    """A sequence as a key of a cache: by identity and length, so that no text is compared."""

    __slots__ = ("entries",)

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries

    def __hash__(self) -> int:
        return hash((id(self.entries), len(self.entries)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Same)
            and self.entries is other.entries
            and len(self.entries) == len(other.entries)
        )


@lru_cache(maxsize=2)
def _folded(same: _Same) -> list[str]:
    return [f"{e.text} {e.note}".casefold() for e in same.entries]
