"""The pens of a trend beside the plot: colour, name, value now or at the cursors, what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from armillary.model.quality import WORDS
from armillary.session.timeline import Pen
from armillary.ui.pieces import IconButton, label
from armillary.ui.theme import Colours

_SWATCH = (14, 4)
_RATES = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "d"))
_RATE_SPANS = 120  # a rate is per what the cursors are at most so many of apart


class PenRow(QFrame):
    """One pen in the list beside the plot: colour, name, value at the cursor or now, remove."""

    asked = Signal(int, QPoint)  # slot, where: a menu of the pen is wanted

    def __init__(self, slot: int, name: str, remove: IconButton) -> None:
        super().__init__()
        self.slot = slot
        self.swatch, self.name, self.value, self.cursors, self.note = (
            label(),
            label(name),
            label(),
            label("", "muted", wrap=True),
            label("", "muted", wrap=True),
        )
        self.name.setToolTip(name)
        self.name.setMinimumWidth(1)  # a long name is cut, the row stays as narrow as its dock
        self.remove = remove
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Pen {name}")
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 2, 2, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.swatch, 0, 0)
        grid.addWidget(self.name, 0, 1)
        grid.addWidget(remove, 0, 2, 2, 1)
        grid.addWidget(self.value, 1, 1)
        grid.addWidget(self.cursors, 2, 1, 1, 2)
        grid.addWidget(self.note, 3, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self.cursors.hide()

    def paint(self, colour: str) -> None:
        """Show the pen's colour."""
        swatch = QPixmap(*_SWATCH)
        swatch.fill(colour)
        self.swatch.setPixmap(swatch)

    def say(self, text: str) -> None:
        """Show what stands at the cursors, "" for nothing."""
        self.cursors.setText(text)
        self.cursors.setVisible(bool(text))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  Qt's name
        self.asked.emit(self.slot, event.globalPos())


class Legend(QScrollArea):
    """The rows of all pens, in their order."""

    def __init__(self, remove: Callable[[int], object], menu: Callable[[int, QPoint], object]) -> None:
        super().__init__()
        self.rows: dict[int, PenRow] = {}
        self._remove, self._menu = remove, menu
        sheet = QWidget()
        sheet.setObjectName("sheet")
        self._pens = QVBoxLayout(sheet)
        self._pens.setContentsMargins(0, 0, 0, 0)
        self._pens.setSpacing(0)
        self._pens.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Pens")
        self.setWidget(sheet)

    def list(self, pens: Sequence[Pen], colour_of: Callable[[int], str], colours: Colours) -> None:
        """Show these pens."""
        for slot in set(self.rows).difference(pen.slot for pen in pens):
            row = self.rows.pop(slot)
            self._pens.removeWidget(row)
            row.hide()
            row.deleteLater()
        for i, pen in enumerate(pens):
            row = self.rows.get(pen.slot) or self._new(pen, colours)
            if self._pens.indexOf(row) != i:
                self._pens.insertWidget(i, row)
            row.paint(colour_of(i))
            row.name.setToolTip(f"{pen.name}\n{bound_text(pen)}".strip())
            note = "" if len(pen.low) and (pen.low == pen.low).any() else "no data in this range"
            note = pen.past or ("reading …" if pen.unknown and note else note or short_bound(pen))
            row.note.setText(note)
            row.note.setVisible(bool(row.note.text()))
        if list(self.rows) != [pen.slot for pen in pens]:
            self.rows = {pen.slot: self.rows[pen.slot] for pen in pens}

    def _new(self, pen: Pen, colours: Colours) -> PenRow:
        button = IconButton("close", f"Remove pen {pen.name}", partial(self._remove, pen.slot))
        row = PenRow(pen.slot, pen.name, button)
        row.remove.set_colours(colours)
        row.asked.connect(self._menu)
        self.rows[pen.slot] = row
        return row

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        for row in self.rows.values():
            row.remove.set_colours(colours)


def short_bound(pen: Pen) -> str:
    """Return within what a pen's record is true, "" where every sample is recorded."""
    return f"recorded within ± {pen.bound:.4g} {pen.unit}".rstrip() if pen.bound else ""


def bound_text(pen: Pen) -> str:
    """Return the same as a sentence for whoever points at its name."""
    if not pen.bound:
        return ""
    unit = f" {pen.unit}" if pen.unit else ""
    return (
        f"Its record is thinned out: every sample was within {pen.bound:.4g}{unit} of what is drawn.\n"
        "Least and greatest values are exact."
    )


def value_text(found: tuple[float, float, int] | None, unit: str) -> str:
    """Return the read-out at the cursor: a value, a range where a pixel holds many, or no data."""
    if found is None:
        return "no data here"
    low, high, rank = found
    text = f"{low:.4g}" if low == high else f"{low:.4g} … {high:.4g}"
    doubt = "" if rank == 0 else f" ({WORDS[rank].lower()})"
    return f"{text} {unit}{doubt}".replace("  ", " ")


def cursors_text(
    a: tuple[float, float, int] | None, b: tuple[float, float, int] | None, unit: str, seconds: float | None
) -> str:
    """Return what stands at two cursors and what differs: of the middle where a pixel holds many.

    seconds: from A to B, None where only one cursor is there.
    """
    lines = [f"{name} {value_text(found, unit)}" for name, found in (("A", a), ("B", b)) if found is not None]
    if a is not None and b is not None and seconds is not None:
        difference = (b[0] + b[1]) / 2 - (a[0] + a[1]) / 2
        line = f"Δ {difference:+.4g} {unit}".rstrip()
        if seconds:
            length, per = next((r for r in _RATES if abs(seconds) <= r[0] * _RATE_SPANS), _RATES[-1])
            line += f"   {difference / seconds * length:+.3g} {unit or '1'}/{per}"
        lines.append(line)
    return "\n".join(lines)
