"""A past for a simulated plant: a tape of its model played on, with what goes wrong on a plant. Pure.

A tape is some minutes of the real model, all tags of one moment together, so every moment of the past is a
state that the plant can have. On it lie counters that go on, the waves of a day, and episodes: a few minutes
in which one value leaves its usual place, as often as an operator meets such things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from armillary.api import F8, I8

DAY_MIN = 1_440
_RAMP_MIN = 1.5  # an episode comes and goes over so long


Story = tuple[tuple[int, str, str, float], ...]  # (second, "fail" or "set", to what, value), in order


class Plays(Protocol):
    """A model to which a story can happen."""

    def fail(self, name: str, value: float) -> None: ...

    def set(self, name: str, value: float) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One thing that goes wrong now and then."""

    tag: str
    peak: tuple[float, float]  # the value that it reaches, between these
    minutes: tuple[int, int]
    per_day: float
    is_step: bool = False  # it is there or not: no ramp
    sets: Mapping[str, float] = field(default_factory=dict)  # other tags, for as long
    sets_after: int = 0  # minutes until they are set
    follow: tuple[str, ...] = ()  # tags that stay in proportion to this one
    stands: bool = False  # the plant stands while `sets` hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Moments of a model: k tags, m of them."""

    tags: tuple[str, ...]
    value: F8  # (k, m)

    def row(self, tag: str) -> int:
        return self.tags.index(tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One occurrence of a kind: minutes begin ≤ i < end."""

    kind: Kind
    begin: int
    end: int
    peak: float


def told_of(story: Story, t: int, plant: Plays) -> None:
    """Let happen what a story has for a second."""
    for second, what, name, value in story:
        if second == t:
            plant.fail(name, value) if what == "fail" else plant.set(name, value)


def drawn(rng: np.random.Generator, minutes: int, kinds: Sequence[Kind]) -> tuple[Episode, ...]:
    """Return what goes wrong in a span, in the order of time; of one tag never two things at once."""
    out: list[Episode] = []
    busy: dict[str, list[tuple[int, int]]] = {}
    for kind in kinds:
        for _ in range(int(rng.poisson(kind.per_day * minutes / DAY_MIN))):
            begin = int(rng.integers(30, max(minutes - 60, 31)))
            end = begin + int(rng.integers(kind.minutes[0], kind.minutes[1] + 1))
            touched = (kind.tag, *kind.sets)
            if any(begin - 20 < e and b < end + 20 for tag in touched for b, e in busy.get(tag, ())):
                continue
            for tag in touched:
                busy.setdefault(tag, []).append((begin, end))
            out.append(Episode(kind=kind, begin=begin, end=end, peak=float(rng.uniform(*kind.peak))))
    return tuple(sorted(out, key=lambda each: each.begin))


def standing(episodes: Sequence[Episode], minutes: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return in which minutes the plant stands, (minutes,)."""
    out = np.zeros(minutes, np.bool_)
    for each in episodes:
        if each.kind.stands:
            out[each.begin + each.kind.sets_after : each.end] = True
    return out


def played(tape: Tape, at: I8) -> F8:
    """Return the tape's moments, (k, n)."""
    out: F8 = tape.value[:, at]
    return out


def counted(v0: float, rate: float, running_s: F8, *, is_whole: bool) -> F8:
    """Return a counter that goes on with the plant."""
    out: F8 = v0 + rate * running_s
    return np.floor(out) if is_whole else out


def rate_of(tape: Tape, tag: str, tape_s: float) -> float:
    """Return how fast a counter went on the tape, per second."""
    row = tape.value[tape.row(tag)]
    return max(float(row[-1] - row[0]), 0.0) / tape_s


def add_wave(value: F8, local_s: F8, height: float, peak_h: float = 15.0) -> None:
    """Let a row (n,) swing once a day, highest at `peak_h`."""
    value += height * np.cos((local_s / 3_600.0 - peak_h) / 24.0 * 2.0 * np.pi)


def befall(value: F8, row: Mapping[str, int], episodes: Sequence[Episode], first: int) -> None:
    """Let episodes happen to the minutes `first` … of a month; value (k, n), changed in place."""
    n = value.shape[1]
    for each in episodes:
        a, b = max(each.begin - first, 0), min(each.end - first, n)
        if a >= b:
            continue
        kind, line = each.kind, value[row[each.kind.tag]]
        if kind.is_step:
            line[a:b] = each.peak
        else:
            at = np.arange(a, b) + first
            near = np.minimum(at - each.begin + 0.5, each.end - at - 0.5) / _RAMP_MIN
            share = np.clip(near, 0.0, 1.0)
            before = line[a:b].copy()
            line[a:b] += share * (each.peak - before)
            for other in kind.follow:
                value[row[other], a:b] *= line[a:b] / np.where(before == 0.0, 1.0, before)
        after = max(each.begin + kind.sets_after - first, 0)
        for other, held in kind.sets.items():
            value[row[other], after:b] = held
