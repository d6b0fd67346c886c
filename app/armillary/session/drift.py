"""Schema drift: devices that say other units, or have other nodes, than their tags; a sentence for a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from armillary.model.link import NODE_MOVED
from armillary.model.tags import TagSpec
from armillary.telemetry.reasons import UNIT_CONFLICT

MOST_NAMED = 2


def drifted(why: Mapping[int, str], specs: Sequence[TagSpec]) -> tuple[tuple[int, str], ...]:
    """Return (slot, what it says) of the tags whose device told another unit, or whose node has moved.

    In the order of slots. why: words that a world said of tags, by slot.
    """
    found = [(slot, words) for slot, words in why.items() if words.startswith((UNIT_CONFLICT, NODE_MOVED))]
    return tuple(
        (slot, words.removeprefix(UNIT_CONFLICT).lstrip(": "))
        for slot, words in sorted(found)
        if slot < len(specs)
    )


def moved_to(words: str) -> str:
    """Return the address of the node that is where a tag's node was, "" when the words say no such thing."""
    return words.removeprefix(NODE_MOVED) if words.startswith(NODE_MOVED) else ""


def sentence(found: Sequence[tuple[int, str]], specs: Sequence[TagSpec]) -> str:
    """Return what a card says of them, "" for none."""
    if not found:
        return ""
    named = "; ".join(f"{specs[slot].name}: {_said(words)}" for slot, words in found[:MOST_NAMED])
    more = f"; and {len(found) - MOST_NAMED} more tags" if len(found) > MOST_NAMED else ""
    if all(moved_to(words) for _, words in found):
        return f"Node moved: use the new id? {named}{more}. Nothing is changed until you accept."
    return f"A device has changed. {named}{more}. Values are bad until the device or the tag is corrected."


def _said(words: str) -> str:
    there = moved_to(words)
    return f"its node is now {there}" if there else words
