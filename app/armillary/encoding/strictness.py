"""How old a value may be for one look, which may be stricter than its tag."""

from __future__ import annotations

from collections.abc import Sequence

from armillary.model.binding import Binding
from armillary.model.clock import MS_NS, NS
from armillary.model.tags import STALE_FACTOR, STALE_FLOOR_MS, TagSpec


def limit_ns(binding: Binding, specs: Sequence[TagSpec]) -> int:
    """Return the age in ns past which a binding shows its tags stale; 0 = when they are.

    `staleAfter` says it; else `interval` does, by the same rule as for tags. A tag that is told by exception
    lives by its link or device, and an interval says nothing of it.
    """
    if binding.stale_after_s > 0:
        return int(binding.stale_after_s * NS)
    if binding.interval_s > 0 and all(spec.liveness == "tag" and not spec.expression for spec in specs):
        return max(int(STALE_FACTOR * binding.interval_s * NS), STALE_FLOOR_MS * MS_NS)
    return 0
