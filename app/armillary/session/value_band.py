"""A value in its span, with the band in which it raises nothing and the limits: the numbers of one bar."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from armillary.model.alarm import AlarmSpec
from armillary.model.quality import RANK_MASK, STALE
from armillary.model.tags import TagSpec

_AROUND = 0.6  # of the distance between what is known, where a tag has no range of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One bar, from `low` to `high` in the tag's unit."""

    title: str  # whose value, and its unit
    low: float
    high: float
    normal_low: float
    normal_high: float
    limits: tuple[tuple[float, int], ...]  # (value, priority), ascending
    value: float  # NaN: there is none to show
    is_sure: bool  # the value is not stale and not bad

    def share(self, value: float) -> float:
        """Return where on the bar a value stands, 0…1."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def band_of(tag: TagSpec, alarms: Iterable[AlarmSpec], value: float, quality: int) -> Band | None:
    """Return the bar of a tag; None where it has no limit that is a number, or is no number."""
    if tag.kind != "number":
        return None
    above: list[tuple[float, int]] = []
    below: list[tuple[float, int]] = []
    for spec in alarms:
        if spec.slot != tag.slot or spec.draft or spec.kind not in ("level", "count"):
            continue
        side = above if spec.direction == "above" else below
        side += [(each.limit, each.priority) for each in spec.levels] or [(spec.limit, spec.priority)]
    limits = tuple(sorted({*above, *below}))
    if not limits:
        return None
    known = [at for at, _ in limits]
    if math.isfinite(value):
        known.append(value)
    reach = (max(known) - min(known)) or abs(known[0]) or 1.0
    low, high = min(known) - _AROUND * reach, max(known) + _AROUND * reach
    low, high = max(low, tag.low), min(high, tag.high)  # an instrument tells nothing outside its range
    return Band(
        title=f"{tag.name}, {tag.unit}" if tag.unit else tag.name,
        low=low,
        high=high,
        normal_low=max((at for at, _ in below), default=low),
        normal_high=min((at for at, _ in above), default=high),
        limits=limits,
        value=value,
        is_sure=bool((quality & RANK_MASK) < STALE) and math.isfinite(value),
    )
