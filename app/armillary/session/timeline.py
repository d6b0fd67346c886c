"""Trends: the past from the recorder, the last minutes from frames, merged for drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from armillary.model.arrays import F8, I8, U2
from armillary.session.signal import Signal


@dataclass(frozen=True, slots=True)
class Pen:
    """One line of a trend, n points ascending in time; ready to draw."""

    slot: int
    name: str
    unit: str
    t_ns: I8  # (n,) ns UTC
    low: F8  # (n,) NaN where there is a gap
    high: F8  # (n,)
    quality: U2  # (n,) rank
    past: str  # "" = the recorder answered; else why the past is missing


class Timeline:
    """Pens, their range, and what is known of them. Slots are the world's."""

    changed: Signal[()]  # new data or another range: draw again
    slots: tuple[int, ...]
    span_s: float
    following: bool  # the right edge is now
    stale_answers: int  # answers of the recorder that came too late to be drawn

    def add(self, slots: Sequence[int]) -> None:
        """Add pens for tags; those already there stay where they are."""

    def remove(self, slot: int) -> None:
        """Take a pen away."""

    def clear(self) -> None:
        """Take all pens away."""

    def set_range(self, from_ns: int, to_ns: int, width: int) -> None:
        """Show a fixed range, drawn into `width` pixels; ends following."""

    def follow(self, span_s: float, width: int) -> None:
        """Show the last `span_s` seconds and go on with the time."""

    def view_ns(self) -> tuple[int, int]:
        """Return the range shown: ns UTC."""

    def pens(self) -> tuple[Pen, ...]:
        """Return the lines to draw, past and tail merged, in order of `slots`."""

    def value_at(self, slot: int, t_ns: int) -> tuple[float, float, int] | None:
        """Return (low, high, quality rank) of a pen at a time, None in a gap: the cursor's read-out."""
