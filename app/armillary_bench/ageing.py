"""Figures of staleness: one look of the watch at 100,000 tags, beside one comparison of as many numbers."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.quality import GOOD, RANK_MASK, STALE
from armillary.model.tags import Liveness, TagSpec, TagTable
from armillary.telemetry.inbox import Signs
from armillary.telemetry.watch import Watch
from armillary_bench.figure import figure, plain

TAGS, PER_DEVICE = 100_000, 10
REPEATS = 25
BAR = 3.0  # × one subtraction and comparison of as many numbers
NOW = 1_000 * NS
_LINK = LinkSpec(name="m", kind="mqtt", url="")


def benches() -> list[dict[str, object]]:
    """Return the milliseconds of a look in which nothing turns stale, best of 25, by what proves life."""
    now, limit = np.full(TAGS, NOW), np.full(TAGS, 3 * NS)
    floor = _best_ms(lambda: NOW + NS - now > limit)
    work = "of 100,000 tags none turns stale before its limit, and all do right after it; best of 25"
    tag, device, link = (_look_ms(liveness) for liveness in ("tag", "device", "link"))
    against = "one numpy subtraction and comparison of 100,000 numbers"
    return [
        figure("age_100k_tags", tag, "ms", against=against, against_value=floor, bar=BAR, work=work),
        plain("age_100k_tags_of_10k_devices", device, "ms", work),
        plain("age_100k_tags_by_their_link", link, "ms", work),
    ]


def _look_ms(liveness: Liveness) -> float:
    specs = [
        TagSpec(
            slot=i, name=f"t{i}", link="m", twin=f"d{i // PER_DEVICE}", expected_ms=1000, liveness=liveness
        )
        for i in range(TAGS)
    ]
    watch, table = Watch(specs, [_LINK]), TagTable(TAGS)
    table.quality[:] = GOOD
    table.arrival_mono_ns[:] = table.alive_mono_ns[:] = NOW
    fresh = {"m": Signs(arrival_mono_ns=NOW, alive_mono_ns=NOW, up_mono_ns=NOW)}
    spent = _best_ms(lambda: watch.look(table, fresh, NOW + NS))
    if (table.quality != GOOD).any():
        raise AssertionError("The work was not done: a tag turned stale before its limit.")
    watch.look(table, fresh, NOW + 11 * NS)
    if not ((table.quality & RANK_MASK) == STALE).all():
        raise AssertionError("The work was not done: a tag did not turn stale.")
    return spent


def _best_ms(work: Callable[[], object]) -> float:
    spans = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        spans.append(time.perf_counter() - started)
    return min(spans) * 1e3
