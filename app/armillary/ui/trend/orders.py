"""What the menu, keys and buttons of a trend ask for: ranges, views, sets, notes, comparison, files."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QStackedWidget, QWidget

from armillary.session.timeline import Timeline
from armillary.session.trend_book import Note, PenSet
from armillary.session.trends import Trends
from armillary.session.workspace import Workspace
from armillary.ui.plot import Plot
from armillary.ui.trend.analysis import Analysis
from armillary.ui.trend.bar import TrendBar
from armillary.ui.trend.does import Doer
from armillary.ui.trend.numbers import NumbersTable

MOST_PENS = 24
MOST_BACK = 50  # ranges that one can go back to


class Orders(QWidget):
    """The part of the trends panel that carries out what is asked for; the panel itself draws."""

    plot: Plot
    analysis: Analysis
    table: NumbersTable
    doer: Doer
    bar: TrendBar
    pictures: QStackedWidget
    _workspace: Workspace
    _timeline: Timeline
    _trends: Trends

    def __init__(self) -> None:
        super().__init__()
        self._back: list[tuple[int, int]] = []
        self._then: Callable[[], None] | None = None  # to be done when what was asked for is read

    def _changed(self) -> None:
        raise NotImplementedError

    def _rested(self) -> None:
        raise NotImplementedError

    def _moved(self, from_ns: int, to_ns: int) -> None:
        raise NotImplementedError

    @property
    def range_ns(self) -> tuple[int, int] | None:
        """The range between the cursors, None: what is shown."""
        a, b = self.plot.hand.cursors
        return (min(a, b), max(a, b)) if a is not None and b is not None and a != b else None

    def back(self) -> None:
        """Show the range before."""
        self._rested()
        if self._back:
            self._timeline.set_range(*self._back.pop(), self.plot.width_px)
            self._changed()

    def show_all(self) -> None:
        """Show all that is recorded."""
        density = self._workspace.timebar.density
        if density is not None and density.last_ns > density.first_ns:
            self._moved(density.first_ns, density.last_ns)
        else:
            self.doer.say("Nothing is recorded yet.")

    def choose_view(self, kind: str) -> None:
        """Show `trend`, `xy`, `spectrum` or `histogram`."""
        if kind != "trend":
            self.analysis.choose(kind)
        self.pictures.setCurrentWidget(self.plot if kind == "trend" else self.analysis)
        self.bar.view.setCurrentIndex(max(self.bar.view.findData(kind), 0))
        self._changed()

    def toggle_strips(self) -> None:
        """A strip for each pen, or all in one."""
        self.plot.strips = not self.plot.strips
        self.bar.strips.setChecked(self.plot.strips)
        self._changed()

    def toggle_numbers(self) -> None:
        """Show statistics, or not."""
        self.table.setVisible(self.table.isHidden())
        self.bar.numbers.setChecked(not self.table.isHidden())
        self._changed()

    def free_scale(self) -> None:
        """Let all axes fit their pens again."""
        self.plot.scale_all()

    def compare(self, offset_ns: int) -> None:
        """Draw the same pens as they were so much earlier."""
        self._trends.compare(offset_ns)

    def compare_cursors(self) -> None:
        """Compare with what lies as far back as one cursor from the other."""
        a, b = self.plot.hand.cursors
        if a is None or b is None or a == b:
            self.doer.say("Put both cursors first: click, then Shift and click.")
        else:
            self._trends.compare(abs(b - a))

    def read_in(self, unit: str, shown: str) -> None:
        """Read pens of a unit in another one."""
        self.doer.tried(lambda: self._trends.book.read_in(unit, shown))

    def apply_set(self, pens: PenSet) -> None:
        """Show the pens of a set instead of those that are there."""
        slots = self.doer.apply_set(pens)
        if not slots:
            return
        self._timeline.clear()
        self.plot.strips = pens.strips
        self.bar.strips.setChecked(pens.strips)
        self._timeline.add(slots[:MOST_PENS])
        if pens.span_s:
            self._timeline.follow(pens.span_s, self.plot.width_px)

    def ask_set(self, by_model: bool) -> None:
        """Ask for a name and keep the pens under it."""
        self.doer.ask_set(by_model, self.plot.strips)

    def drop_set(self, name: str) -> None:
        """Forget a set."""
        self.doer.tried(lambda: self._trends.book.drop_set(name))

    def ask_note(self, t_ns: int) -> None:
        """Ask for a note at a time, or on the span between the cursors."""
        begin, end = self.range_ns or (t_ns, 0)
        self.doer.ask_note(begin, end)

    def drop_note(self, note: Note) -> None:
        """Forget a note."""
        self.doer.tried(lambda: self._trends.book.drop_note(note))

    def save_picture(self) -> None:
        """Ask for a file and write what is shown."""
        self.doer.tried(self.doer.save_picture)

    def copy_picture(self) -> None:
        """Copy what is shown."""
        self.doer.tried(self.doer.copy_picture)

    def save_table(self) -> None:
        """Ask for a file and write the range as a table, once it is read."""
        self._when_read(self.doer.save_table)

    def copy_table(self) -> None:
        """Copy the range as a table, once it is read."""
        self._when_read(self.doer.copy_table)

    def save_samples(self) -> None:
        """Ask for a file and write all samples of the range."""
        self.doer.tried(lambda: self.doer.save_samples(self.range_ns or self._timeline.view_ns()))

    def _when_read(self, work: Callable[[tuple[int, int]], None]) -> None:
        range_ns = self._trends.look_at(self.range_ns)
        if self._trends.stretches.is_reading:
            self._then = lambda: work(range_ns)
        else:
            self.doer.tried(lambda: work(range_ns))
