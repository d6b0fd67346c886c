"""Schema drift: devices that say other units than their tags expect, as one sentence for a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from armillary.model.tags import TagSpec
from armillary.telemetry.reasons import UNIT_CONFLICT

MOST_NAMED = 2


def drifted(why: Mapping[int, str], specs: Sequence[TagSpec]) -> tuple[tuple[int, str], ...]:
    """Return (slot, what it says) of the tags whose device told another unit, in the order of slots.

    why: words that a world said of tags, by slot.
    """
    found = [(slot, words) for slot, words in why.items() if words.startswith(UNIT_CONFLICT)]
    return tuple(
        (slot, words.removeprefix(UNIT_CONFLICT).lstrip(": "))
        for slot, words in sorted(found)
        if slot < len(specs)
    )


def sentence(found: Sequence[tuple[int, str]], specs: Sequence[TagSpec]) -> str:
    """Return what a card says of them, "" for none."""
    if not found:
        return ""
    named = "; ".join(f"{specs[slot].name}: {words}" for slot, words in found[:MOST_NAMED])
    more = f"; and {len(found) - MOST_NAMED} more tags" if len(found) > MOST_NAMED else ""
    return f"A device has changed. {named}{more}. Values are bad until the device or the tag is corrected."
