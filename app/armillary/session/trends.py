"""What a desk's trends know beside the lines: figures of a range, another range to compare, sets, notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from armillary.model.clock import NS
from armillary.model.frame import WorldKind
from armillary.model.tags import TagSpec
from armillary.session.signal import Signal
from armillary.session.timeline import Pen, Timeline
from armillary.session.trend_book import TrendBook
from armillary.session.trend_late import LateData
from armillary.session.trend_maths import Numbers, Stretch, numbers, scaled
from armillary.session.trend_read import Stretches, followed, settled
from armillary.session.trend_table import Column
from armillary.session.trend_units import converted, factors

SLIDE = 0.02  # of the span: a live range is read anew for figures when it has moved so far
LEAST_SLIDE_S = 2.0
Ask = Callable[[object, Callable[[object], None], float], None]


class Trends:
    """Trends of one desk around its timeline. Times are ns UTC."""

    def __init__(
        self,
        ask: Ask,
        specs: Callable[[], Sequence[TagSpec]],
        now_ns: Callable[[], int],
        timeline: Timeline,
    ) -> None:
        self.changed: Signal[()] = Signal()
        self.timeline, self.ask = timeline, ask
        self.book = TrendBook()
        self.stretches = Stretches(ask, specs, timeline.id_of)
        self.late = LateData(ask, lambda: [timeline.id_of(slot) for slot in timeline.slots])
        self.earlier = Timeline(ask, specs, now_ns)  # the same pens in the range to compare with
        self.offset_ns = 0  # how much earlier that is; 0 = nothing is compared
        self._specs, self._now_ns = specs, now_ns
        self._folder: Path | None = None
        self._figures: dict[int, tuple[Stretch, tuple[object, ...], Numbers]] = {}
        timeline.forgotten.connect(self._forget)
        self.book.changed.connect(self.changed.emit)
        self.stretches.changed.connect(self.changed.emit)
        self.earlier.changed.connect(self.changed.emit)
        self.late.changed.connect(self.changed.emit)

    def begin(self, folder: Path | None) -> None:
        """Take up another project, None: nothing with a folder."""
        if folder != self._folder:
            self._folder, self.offset_ns = folder, 0
            self.stretches.forget()
            self.late.forget()
            self.earlier.reset()
            self.book.begin(folder)

    def _forget(self) -> None:
        """Forget what was read: another recorder answers, or another world's time is shown."""
        self.stretches.forget()
        self.late.forget()
        if self.earlier.slots:
            self.earlier.visit(self.timeline.kind)

    # ------------------------------------------------------------ lines
    def pens(self) -> tuple[Pen, ...]:
        """Return the lines in the units that a person reads them in."""
        return tuple(converted(pen, self.book.units) for pen in self.timeline.pens())

    def unit_of(self, slot: int) -> tuple[str, float, float]:
        """Return (unit shown, factor, offset) of a tag."""
        return factors(self._specs()[slot].unit, self.book.units)

    def compare(self, offset_ns: int) -> None:
        """Draw the same pens as they were so much earlier, too; 0 ends it."""
        self.offset_ns = max(int(offset_ns), 0)
        if not self.offset_ns:
            self.earlier.clear()
        self.changed.emit()

    def ghosts(self, width: int) -> tuple[Pen, ...]:
        """Return the lines to compare with, moved onto the range shown."""
        if not self.offset_ns:
            return ()
        start, end = (t - self.offset_ns for t in self.timeline.view_ns())
        if self.earlier.slots != self.timeline.slots:
            self.earlier.clear()
            self.earlier.add(self.timeline.slots)
        at = self.earlier.view_ns()
        if (
            self.earlier.following
            or abs(at[0] - start) > SLIDE * (end - start)
            or at[1] - at[0] != end - start
        ):
            self.earlier.set_range(start, end, width)
        return tuple(
            replace(
                converted(pen, self.book.units),
                t_ns=pen.t_ns + self.offset_ns,
                unknown=tuple((a + self.offset_ns, b + self.offset_ns) for a, b in pen.unknown),
            )
            for pen in self.earlier.pens()
        )

    # ------------------------------------------------------------ figures
    def look_at(self, range_ns: tuple[int, int] | None) -> tuple[int, int]:
        """Ask for the samples of a range, None: of the one that is shown; return the range that is meant."""
        if range_ns is None:
            range_ns = self.timeline.view_ns()
            if self.timeline.following:
                span_s = (range_ns[1] - range_ns[0]) / NS
                range_ns = settled(range_ns, max(span_s * SLIDE, LEAST_SLIDE_S))
        self.stretches.want(self.timeline.slots, *range_ns)
        return range_ns

    def stretch(self, slot: int) -> Stretch | None:
        """Return what was read of a pen, with the live tail behind it, in the unit that it is read in."""
        found = self.stretches.have.get(slot)
        if found is None or slot not in self.timeline.slots:
            return None
        if self.timeline.kind is WorldKind.LIVE:
            found = followed(found, *self.timeline.newest(slot), self.stretches.range_ns[1])
        unit, factor, offset = self.unit_of(slot)
        return found if unit == self._specs()[slot].unit else scaled(found, factor, offset)

    def numbers(self, slot: int) -> Numbers | None:
        """Return the statistics of a pen in the range that was looked at, None while they are not known."""
        found = self.stretches.have.get(slot)
        if found is None:
            return None
        newest = len(self.timeline.newest(slot)[0]) if slot in self.timeline.slots else 0
        key = (self.stretches.range_ns, newest, self.unit_of(slot))
        made = self._figures.get(slot)
        if made is None or made[0] is not found or made[1] != key:
            stretch = self.stretch(slot)
            if stretch is None:
                return None
            made = self._figures[slot] = (found, key, numbers(stretch, *self.stretches.range_ns))
        return made[2]

    def columns(self) -> tuple[Column, ...]:
        """Return what was read, a column a pen, for a table."""
        out = []
        for slot in self.timeline.slots:
            stretch = self.stretch(slot)
            if stretch is not None:
                out.append(Column(name=self._specs()[slot].name, unit=self.unit_of(slot)[0], stretch=stretch))
        return tuple(out)
