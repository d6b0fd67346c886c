"""The menu of a trend: sets of pens, notes, comparison, scale, pictures and tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from PySide6.QtWidgets import QMenu

from armillary.model.clock import NS
from armillary.session.trend_book import Note, PenSet
from armillary.session.trend_units import offered
from armillary.session.trends import Trends
from armillary.ui.when import date_text

OFFSETS = (
    ("1 hour earlier", 3600),
    ("8 hours earlier", 28_800),
    ("1 day earlier", 86_400),
    ("1 week earlier", 604_800),
    ("4 weeks earlier", 2_419_200),
)
_LONGEST_TEXT = 40


class Does(Protocol):
    """What the menu can ask of the panel."""

    def apply_set(self, pens: PenSet) -> None: ...
    def ask_set(self, by_model: bool) -> None: ...
    def ask_note(self, t_ns: int) -> None: ...
    def drop_note(self, note: Note) -> None: ...
    def drop_set(self, name: str) -> None: ...
    def compare(self, offset_ns: int) -> None: ...
    def compare_cursors(self) -> None: ...
    def toggle_strips(self) -> None: ...
    def toggle_numbers(self) -> None: ...
    def choose_view(self, kind: str) -> None: ...
    def read_in(self, unit: str, shown: str) -> None: ...
    def save_picture(self) -> None: ...
    def save_table(self) -> None: ...
    def save_samples(self) -> None: ...
    def copy_picture(self) -> None: ...
    def copy_table(self) -> None: ...
    def show_all(self) -> None: ...
    def back(self) -> None: ...
    def free_scale(self) -> None: ...


def fill(
    menu: QMenu, at: Trends, does: Does, *, strips: bool, numbers: bool, view: str, middle_ns: int
) -> None:
    """Fill the menu anew as things are now."""
    menu.clear()
    has = bool(at.timeline.slots)
    views = menu.addMenu("Show as")
    for kind, title in (
        ("trend", "Trend"),
        ("xy", "XY plot"),
        ("spectrum", "Spectrum"),
        ("histogram", "Histogram"),
    ):
        _tick(views, title, partial(does.choose_view, kind), view == kind)
    _tick(menu, "A strip for each pen", does.toggle_strips, strips)
    _tick(menu, "Statistics", does.toggle_numbers, numbers)
    _one(menu, "Whole record", does.show_all, has)
    _one(menu, "Range before", does.back, has)
    _one(menu, "Fit all scales", does.free_scale, has)
    _units(menu.addMenu("Read in"), at, does)
    menu.addSeparator()
    compare = menu.addMenu("Compare with")
    _tick(compare, "Nothing", partial(does.compare, 0), not at.offset_ns)
    for title, seconds in OFFSETS:
        _tick(compare, title, partial(does.compare, seconds * NS), at.offset_ns == seconds * NS)
    _one(compare, "What lies as far back as A from B", does.compare_cursors, has)
    _sets(menu.addMenu("Sets of pens"), at, does, has)
    _notes(menu.addMenu("Notes"), at, does, middle_ns, has)
    menu.addSeparator()
    _one(menu, "Save picture …", does.save_picture, has)
    _one(menu, "Save table (CSV) …", does.save_table, has)
    _one(menu, "Save samples (CSV, Parquet) …", does.save_samples, has)
    _one(menu, "Copy picture", does.copy_picture, has)
    _one(menu, "Copy table", does.copy_table, has)


def fill_pen(menu: QMenu, at: Trends, does: Does, unit: str, remove: Callable[[], None]) -> None:
    """Fill the menu of one pen."""
    units = offered(unit)
    if units:
        read_in = menu.addMenu("Read in")
        for shown in units:
            chosen = at.book.units.get(unit, unit) == shown
            _tick(read_in, shown, partial(does.read_in, unit, shown), chosen)
    menu.addAction("Remove pen", remove)


def _units(menu: QMenu, at: Trends, does: Does) -> None:
    units = dict.fromkeys(pen.unit for pen in at.timeline.pens())
    for unit in units:
        others = offered(unit)
        if not others:
            continue
        part = menu.addMenu(unit)
        for shown in others:
            _tick(part, shown, partial(does.read_in, unit, shown), at.book.units.get(unit, unit) == shown)
    if menu.isEmpty():
        menu.addAction("No unit of these pens has others").setEnabled(False)


def _sets(menu: QMenu, at: Trends, does: Does, has: bool) -> None:
    for pens in at.book.sets:
        title = f"{pens.name} ({pens.model})" if pens.model else pens.name
        menu.addAction(title, partial(does.apply_set, pens))
    own = {pens.name for pens in at.book.sets}
    offered = [pens for pens in at.book.offered if pens.name not in own]
    if offered:
        part = menu.addMenu("Of the project's templates")
        for pens in offered:
            part.addAction(pens.name, partial(does.apply_set, pens))
    if at.book.sets or offered:
        menu.addSeparator()
    _one(menu, "Keep these pens …", partial(does.ask_set, False), has)
    _one(menu, "Keep for all of this model …", partial(does.ask_set, True), has)
    if at.book.sets:
        forget = menu.addMenu("Forget")
        for pens in at.book.sets:
            forget.addAction(pens.name, partial(does.drop_set, pens.name))


def _notes(menu: QMenu, at: Trends, does: Does, middle_ns: int, has: bool) -> None:
    _one(menu, "Add a note …", partial(does.ask_note, middle_ns), has)
    inside = at.book.notes_in(*at.timeline.view_ns())
    if inside:
        forget = menu.addMenu("Remove")
        for note in inside[:50]:
            text = note.text if len(note.text) <= _LONGEST_TEXT else f"{note.text[:_LONGEST_TEXT]} …"
            forget.addAction(f"{date_text(note.t_ns)}  {text}", partial(does.drop_note, note))


def _tick(menu: QMenu, title: str, run: Callable[[], None], on: bool) -> None:
    action = menu.addAction(title, run)
    action.setCheckable(True)
    action.setChecked(on)


def _one(menu: QMenu, title: str, run: Callable[[], None], enabled: bool) -> None:
    menu.addAction(title, run).setEnabled(enabled)
