"""Labels and variant choices: the few bindings that make texts."""

from __future__ import annotations

from bisect import bisect_right

from armillary.encoding import texts
from armillary.encoding.program import CLEAR, KEEP, LITERAL, Program, Words
from armillary.model.arrays import F8, U2
from armillary.model.clock import NS
from armillary.model.look import Label
from armillary.model.quality import BAD, STALE
from armillary.model.tags import TagTable


def labels(
    program: Program, table: TagTable, value: F8, quality: U2, now_mono_ns: int = 0
) -> tuple[Label, ...]:
    """Return the labels, in order of the bindings; the quality stands in the text and beside it.

    now_mono_ns: the world's clock, for the age of what is stale, in whole units; 0: no age is told.
    """
    out: list[Label] = []
    for words in program.labels:
        word = int(quality[words.source])
        rank = word & 0xFF
        y = _y(words, value)
        code = _policy(words, rank)
        if code == CLEAR:
            continue
        if code == LITERAL:
            text = words.fallback
        else:
            age_s, why = (
                (_age_s(words, table, now_mono_ns) if rank == STALE else -1),
                table.why.get(words.tag, ""),
            )
            text = texts.value(y, words.unit, word, text=_named(words, table, y), age_s=age_s, why=why)
        head = words.property_name
        out.append(Label(prim=words.prim, text=f"{head} {text}" if head else text, quality=rank))
    return tuple(out)


def variants(program: Program, table: TagTable, value: F8, rank: U2) -> tuple[tuple[int, str, str], ...]:
    """Return (prim, set, choice) of the variants asked for; a bad value asks for nothing."""
    out: list[tuple[int, str, str]] = []
    for words in program.variants:
        at = int(rank[words.source])
        code = _policy(words, at)
        y = _y(words, value)
        choice = words.fallback if code == LITERAL else _named(words, table, y)
        if choice is None and y == y:  # not NaN
            choice = f"{y:.10g}"
        if code != CLEAR and choice:
            out.append((words.prim, words.property_name, choice))
    return tuple(out)


def _age_s(words: Words, table: TagTable, now_mono_ns: int) -> int:
    """Return how many whole seconds ago a tag came, -1 where that is not known."""
    if not now_mono_ns or not 0 <= words.tag < len(table):
        return -1
    return int(max(now_mono_ns - int(table.arrival_mono_ns[words.tag]), 0) // NS)


def _y(words: Words, value: F8) -> float:
    y = words.a * float(value[words.source]) + words.b
    return min(max(y, words.low), words.high) if y == y else y  # not NaN


def _policy(words: Words, rank: int) -> int:
    if rank >= BAD:
        return words.on_bad
    return words.on_stale if rank == STALE else KEEP


def _named(words: Words, table: TagTable, y: float) -> str | None:
    """Return the text that the map gives, None when the number itself is to be shown."""
    text = table.text.get(words.tag)
    if text is not None:
        return words.text_keys.get(text, words.otherwise if words.otherwise is not None else text)
    if words.exact:
        if y in words.keys:
            return words.texts[words.keys.index(y)]
    else:
        row = bisect_right(words.keys, y) - 1 if y == y else -1  # not NaN
        if row >= 0:
            return words.texts[row]
    return words.otherwise
