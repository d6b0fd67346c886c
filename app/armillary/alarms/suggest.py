"""Deadbands and delays that would quieten an alarm, each proved on what was recorded. Pure.

A suggestion is made only where the alarm, run again over the same readings, is raised for every excursion
that a person had to know of: those that lasted, and those that went far.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from armillary.alarms.trial import Past, Raised, Stories, raised, stories
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1
from armillary.model.clock import NS

APART_S = 60.0  # returns that are shorter do not end an excursion
LASTING_S = 60.0  # beyond the limit for so long it mattered, however little it was beyond
FAR = 0.5  # of the farthest excursion: so far it mattered, however short it was
NEWS_S = 1_800.0  # a raise that stands tells of what comes so long after it; later it is no news
LEAST_RAISES = 5  # of the alarm as it is: with fewer there is nothing to quieten
LEAST_CUT = 0.3  # a suggestion takes at least this share of the raises away
NEAR = 0.05  # of the raises: what does nearly as well with less is preferred
LONGEST_ON_S = 60.0
SHARE_OF_RESPONSE = 0.1  # of the time to respond a delay may use up
DEADBANDS = (0.005, 0.01, 0.02, 0.03, 0.05)  # of the tag's range
OFF_DELAYS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
ON_DELAYS = (2.0, 5.0, 10.0, 15.0, 30.0, 60.0)
CLEARS = (2, 3, 5, 10, 20)
MOST = 3  # suggestions for one alarm
Changes = tuple[tuple[str, float], ...]
Candidate = tuple[AlarmSpec, Past, Changes]  # an alarm changed so, and what it would have watched
_DAYS, _HOUR = 1.5, 1 / 24  # days from which days and hours are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Changes of one alarm and what they would have made of the past."""

    alarm: str
    changes: tuple[tuple[str, float], ...]  # (key of rules.toml, value)
    before: int  # raises as it is
    after: int
    kept: int  # excursions that mattered: all of them are still raised
    longest_s: float  # of these
    later_s: float  # how much later such an excursion is told, at most

    @property
    def cut(self) -> float:
        """Share of the raises that it takes away."""
        return 1 - self.after / self.before if self.before else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was found for one alarm; `why_not` says why there is no suggestion."""

    alarm: str
    before: int
    suggestions: tuple[Suggestion, ...] = ()
    why_not: str = ""


def suggest(spec: AlarmSpec, seen: Past, span: float) -> Trial:
    """Return what would quieten an alarm, the least change first among those that do equally well.

    span: of the tag's range, in its unit; 0 = not known, then that of the readings.
    """
    most_s = min(LONGEST_ON_S, SHARE_OF_RESPONSE * spec.time_to_respond_s or LONGEST_ON_S)
    candidates = _candidates(spec, span or _spread(seen), most_s)
    return judged(spec, seen, ((changed, seen, changes) for changed, changes in candidates), most_s)


def judged(
    spec: AlarmSpec, seen: Past, tried: Iterable[Candidate], most_s: float, *, by_depth: bool = True
) -> Trial:
    """Return which of some changes are worth making, each tried on the past.

    tried: the least change first; most_s: so much later an excursion may be told; by_depth: an excursion that
    goes far mattered, however short it was.
    """
    now = raised(spec, seen)
    if len(now) < LEAST_RAISES:
        return Trial(alarm=spec.id, before=len(now), why_not=f"raised {len(now)} times only")
    true, matters = _true(spec, seen, by_depth)
    at_now = _told_at(true, now)
    found: list[Suggestion] = []
    for changed, past_of_it, changes in tried:
        then = raised(changed, past_of_it)
        at = _told_at(true, then)
        # an excursion that the alarm as it is does not tell either is not held against a change
        if bool((matters & (at_now >= 0) & ((at < 0) | (at - at_now > int(most_s * NS)))).any()):
            continue
        both = matters & (at >= 0) & (at_now >= 0)
        later = float((at - at_now)[both].max(initial=0)) / NS
        found.append(
            Suggestion(
                alarm=spec.id,
                changes=changes,
                before=len(now),
                after=len(then),
                kept=int(matters.sum()),
                longest_s=float(true.beyond_s[matters].max(initial=0.0)),
                later_s=max(0.0, later),
            )
        )
    best = _best([each for each in found if each.cut >= LEAST_CUT])
    why = "" if best else "no change of it quietens it without missing an excursion that mattered"
    return Trial(alarm=spec.id, before=len(now), suggestions=best, why_not=why)


def _true(spec: AlarmSpec, seen: Past, by_depth: bool) -> tuple[Stories, B1]:
    """Return all excursions, and which of them a person had to know of."""
    found = stories(replace(spec, deadband=0.0), seen, APART_S)
    far = found.peak >= FAR * found.peak.max(initial=0.0)
    lasting = found.beyond_s >= LASTING_S
    return found, lasting | far if by_depth else lasting


def _told_at(true: Stories, then: Raised) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return when each excursion was told: by a raise in it, or by a young one that stood; -1 = never."""
    out = np.full(len(true.begin_ns), -1, np.int64)
    if not len(then):
        return out
    last = np.searchsorted(then.begin_ns, true.end_ns, side="right") - 1  # the last raise before its end
    first = np.searchsorted(then.begin_ns, true.begin_ns, side="left")  # the first raise in it
    is_in = first <= last
    out[is_in] = then.begin_ns[np.minimum(first, len(then) - 1)][is_in]
    before = np.maximum(first - 1, 0)
    ends = then.end_ns[before]
    stood = (first > 0) & ((ends < 0) | (ends > true.begin_ns))
    stood &= true.begin_ns - then.begin_ns[before] <= int(NEWS_S * NS)
    out[stood] = true.begin_ns[stood]
    return out


def _spread(seen: Past) -> float:
    low, high = np.percentile(seen.value, (1, 99)) if len(seen) else (0.0, 0.0)
    return float(high - low)


def _candidates(
    spec: AlarmSpec, span: float, most_s: float
) -> Iterator[tuple[AlarmSpec, tuple[tuple[str, float], ...]]]:
    """Yield changed alarms, the least change first: what does not delay a raise before what does."""
    bands = [b for share in DEADBANDS if (b := _round(share * span)) > spec.deadband]
    for band in bands:
        yield replace(spec, deadband=band), (("deadband", band),)
    if spec.kind == "count":
        for n in (n for n in CLEARS if n > (spec.count_clear or spec.count)):
            yield replace(spec, count_clear=n), (("count_clear", n),)
        return
    offs = [s for s in OFF_DELAYS if s > spec.off_delay_s]
    for off in offs:
        yield replace(spec, off_delay_s=off), (("off_delay_s", off),)
    for off in offs:
        for band in bands:
            both = (("deadband", band), ("off_delay_s", off))
            yield replace(spec, deadband=band, off_delay_s=off), both
    for on in (s for s in ON_DELAYS if spec.on_delay_s < s <= most_s):
        yield replace(spec, on_delay_s=on), (("on_delay_s", on),)


def _round(number: float) -> float:
    """Return a number as a person would choose it: two digits."""
    return float(f"{number:.2g}")


def _best(found: list[Suggestion]) -> tuple[Suggestion, ...]:
    """Return at most MOST: the least change that is nearly as good as the best, then one of each other way.

    found: the least change first.
    """
    if not found:
        return ()
    fewest = min(each.after for each in found)
    room = fewest + max(1, int(NEAR * found[0].before))
    out = [next(each for each in found if each.after <= room)]
    for each in sorted(found, key=lambda s: s.after):
        ways = {tuple(key for key, _ in other.changes) for other in out}
        if tuple(key for key, _ in each.changes) not in ways and len(out) < MOST:
            out.append(each)
    return tuple(out)


def told(made: Suggestion, days: float, unit: str) -> str:
    """Return a suggestion and its proof in one sentence."""
    units = {
        "deadband": unit,
        "on_delay_s": "s",
        "off_delay_s": "s",
        "count_clear": "readings",
        "window_s": "s",
        "travel_time_s": "s",
        "limit": f"{unit}/s" if unit else "per s",
    }
    names = {
        "window_s": "window",
        "travel_time_s": "travel time",
        "limit": "limit",
        "deadband": "deadband",
        "on_delay_s": "delay on",
        "off_delay_s": "delay off",
        "count_clear": "readings to clear",
    }
    what = ", ".join(f"{names[key]} {value:g} {units[key]}".rstrip() for key, value in made.changes)
    kept = (
        f"all {made.kept} excursions that mattered are kept, the longest of {made.longest_s:.0f} s"
        if made.kept
        else "no excursion mattered"
    )
    later = f", told at most {made.later_s:.0f} s later" if made.later_s >= 1 else ""
    times = "time" if made.after == 1 else "times"
    span = (
        f"{days:.0f} days" if days >= _DAYS else f"{days * 24:.0f} h" if days >= _HOUR else "what is recorded"
    )
    return f"{what}: {made.after} {times} instead of {made.before} in {span}; {kept}{later}"
