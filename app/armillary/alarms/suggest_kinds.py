"""What would quieten alarms of the other kinds, proved on the record: windows, delays, deadbands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from armillary.alarms import suggest as limits
from armillary.alarms import trial
from armillary.alarms.suggest import (
    DEADBANDS,
    LONGEST_ON_S,
    OFF_DELAYS,
    ON_DELAYS,
    SHARE_OF_RESPONSE,
    Candidate,
    Changes,
    Trial,
)
from armillary.alarms.trial import Past
from armillary.alarms.trial_kinds import Record, as_level, signal
from armillary.model.alarm import AlarmSpec
from armillary.model.tags import TagSpec

WINDOWS = (2.0, 3.0, 6.0)  # times the window of a rate as it is
RISES = (1.1, 1.25, 1.5)  # times the limit of a rate
_DEEP = ("rate", "deviation")  # how far they go says how much it mattered
TRAVELS = (1.25, 1.5, 2.0, 3.0)  # times the travel time


def suggest(
    spec: AlarmSpec, records: Mapping[str, Record], tags: Mapping[str, TagSpec], span: float
) -> Trial:
    """Return what would quieten an alarm of any kind, the least change first among those that do as well.

    records: of all the tags that it needs (`trial_kinds.inputs`); span: of its tag's range, 0 = not known.
    Raises ProjectFault for an expression that is refused.
    """
    seen = signal(spec, records, tags)
    if spec.kind in trial.KINDS:
        return limits.suggest(spec, seen, span)
    most_s = min(LONGEST_ON_S, SHARE_OF_RESPONSE * spec.time_to_respond_s or LONGEST_ON_S)
    if spec.kind == "discrepancy":
        most_s = max(most_s, TRAVELS[-1] * spec.on_delay_s)  # a longer travel time is what is asked about
    base = as_level(spec)
    changed = list(_changed(spec, span or _spread(seen), most_s))
    tried = (_tried(spec, base, seen, each, records, tags) for each in changed)
    return limits.judged(base, seen, tried, most_s, by_depth=spec.kind in _DEEP)


def _spread(seen: Past) -> float:
    low, high = np.percentile(seen.value, (1, 99)) if len(seen) else (0.0, 0.0)
    return float(high - low)


def _tried(
    spec: AlarmSpec,
    base: AlarmSpec,
    seen: Past,
    changes: Changes,
    records: Mapping[str, Record],
    tags: Mapping[str, TagSpec],
) -> Candidate:
    of = dict(changes)
    if "travel_time_s" in of:
        of["on_delay_s"] = of.pop("travel_time_s")
    if "window_s" in of:
        other = replace(spec, **of)  # type: ignore[arg-type]  # mypy cannot see the keys
        return as_level(other), signal(other, records, tags), changes
    return replace(base, **of), seen, changes  # type: ignore[arg-type]


def _changed(spec: AlarmSpec, span: float, most_s: float) -> Iterator[Changes]:
    """Yield changes, the least first: what delays no raise before what does, a limit last."""
    offs = [s for s in OFF_DELAYS if s > spec.off_delay_s]
    ons = [s for s in ON_DELAYS if spec.on_delay_s < s <= most_s]
    if spec.kind == "rate":
        for times in WINDOWS:
            yield (("window_s", _round(times * spec.window_s)),)
    bands: list[float] = []
    if spec.kind == "deviation":
        bands = [b for share in DEADBANDS if (b := _round(share * span)) > spec.deadband]
        yield from ((("deadband", band),) for band in bands)
    yield from ((("off_delay_s", off),) for off in offs)
    if bands:
        yield from ((("deadband", band), ("off_delay_s", off)) for off in offs for band in bands)
    if spec.kind == "discrepancy":
        yield from ((("travel_time_s", _round(times * spec.on_delay_s)),) for times in TRAVELS)
        return
    yield from ((("on_delay_s", on),) for on in ons)
    yield from ((("on_delay_s", on), ("off_delay_s", off)) for on in ons for off in offs)
    if spec.kind == "rate" and spec.limit:
        yield from ((("limit", _round(times * spec.limit)),) for times in RISES)


def _round(number: float) -> float:
    """Return a number as a person would choose it: two digits."""
    return float(f"{number:.2g}")
