"""Which tags are recorded thinned out, and within what bound: from `[historian]` and the tags' own keys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from armillary.model.link import LinkSpec
from armillary.model.tags import TagSpec, stale_after_ms
from armillary.project.record import Historian

KINDS = ("none", "deadband", "line")
MS = 1_000
_ACKNOWLEDGES = "stored"


def thinned(specs: Sequence[TagSpec], historian: Historian, links: Sequence[LinkSpec]) -> tuple[TagSpec, ...]:
    """Return specs with what may be left out of their record."""
    if historian.compression == "none":
        return tuple(specs)
    exact = {name for name, _ in _exact(specs, links)}
    return tuple(_thinned(spec, historian) if spec.link not in exact else spec for spec in specs)


def exact(
    specs: Sequence[TagSpec], historian: Historian, links: Sequence[LinkSpec]
) -> Iterator[tuple[str, int]]:
    """Yield sources whose samples are all recorded although tags of theirs have a deadband, and how many."""
    if historian.compression != "none":
        yield from _exact(specs, links)


def _exact(specs: Sequence[TagSpec], links: Sequence[LinkSpec]) -> Iterator[tuple[str, int]]:
    """A sample that is held back is on no disk yet, so none may be of a link that acknowledges what is."""
    for link in links:
        if link.settings.get("acknowledge") == _ACKNOWLEDGES:
            count = sum(spec.link == link.name and spec.deadband > 0 for spec in specs)
            if count:
                yield link.name, count


def _thinned(spec: TagSpec, historian: Historian) -> TagSpec:
    bound = spec.deadband
    if not bound and math.isfinite(spec.high - spec.low):
        bound = (spec.high - spec.low) * historian.deadband_percent / 100.0
    if spec.kind != "number" or not bound:
        return spec
    longest_ms = round(historian.max_interval_s * MS)
    stale_ms = stale_after_ms(spec)  # else a replay would take what is left out for silence
    longest_ms = min(longest_ms, stale_ms) if stale_ms else longest_ms
    return replace(spec, bound=bound, thinning=historian.compression, longest_ms=longest_ms)
