"""Compare dock: the figures of several runs side by side, their trends, and the difference in the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.control import Measure, RunCard
from armillary.session.whatif import MOST_COMPARED
from armillary.session.whatif_difference import units_of
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.panels.compare_plot import ComparePlot, Style, styles
from armillary.ui.panels.fold import Fold, Line
from armillary.ui.pieces import EmptyOver
from armillary.ui.theme import Colours

_NONE = "Nothing to compare yet: run a what-if, then tick runs in the What-if dock."
_SWATCH = (30, 10)
_DRAW_MS = 250
_BOTH_PX = 900  # from here on figures and trends stand side by side
_OFFERED = 24  # tags offered beside those of the trends


def figure(measure: Measure) -> str:
    """Return a measure in words: `▲ 12.4 kWh [11.9 … 13.1]`, with a mark for the best and the worst run."""
    mark = "▲ " if measure.is_best else "▼ " if measure.is_worst else ""
    unit = f" {measure.unit}" if measure.unit else ""
    band = ""
    if math.isfinite(measure.low) and math.isfinite(measure.high):
        band = f"  [{measure.low:.4g} … {measure.high:.4g}]"
    return f"{mark}{measure.value:.4g}{unit}{band}"


def rows_of(cards: Sequence[RunCard]) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    """Return (heading, cells, tone of each: best, worst, bad or "") of the table."""
    names = list(dict.fromkeys(m.name for card in cards for m in card.measures))
    out = []
    for name in names:
        found = [next((m for m in card.measures if m.name == name), None) for card in cards]
        tones = tuple("best" if m and m.is_best else "worst" if m and m.is_worst else "" for m in found)
        out.append((name.replace("_", " "), tuple(figure(m) if m else "–" for m in found), tones))
    if any(card.violations for card in cards):
        cells = tuple("; ".join(card.violations) or "none" for card in cards)
        out.append(("breaks", cells, tuple("bad" if card.violations else "" for card in cards)))
    if any(card.rank for card in cards):
        ranks = tuple(str(card.rank) if card.rank else "–" for card in cards)
        out.append(("rank", ranks, tuple("best" if card.rank == 1 else "" for card in cards)))
        out.append(("why", tuple(card.reason or "–" for card in cards), ("",) * len(cards)))
    lasting = [card.request.horizon_s for card in cards if card.request is not None]
    if len(set(lasting)) > 1:  # more time is more energy: such figures are no comparison
        cells = tuple(f"{c.request.horizon_s / 60:g} min" if c.request else "–" for c in cards)
        out.append(("lasts", cells, ("bad",) * len(cards)))
    sure = tuple(f"{c.members} members, 5–95 %" if c.members > 1 else c.note or "–" for c in cards)
    out.append(("uncertainty", sure, ("",) * len(cards)))
    return tuple(out)


def swatch(style: Style) -> QPixmap:
    """Return a short piece of a run's line, with its dashes."""
    out = QPixmap(*_SWATCH)
    out.fill(Qt.GlobalColor.transparent)
    painter = QPainter(out)
    pen = QPen(QColor(style.colour), style.width + 0.5)
    if style.dash:
        pen.setDashPattern(list(style.dash))
    painter.setPen(pen)
    painter.drawLine(0, _SWATCH[1] // 2, _SWATCH[0], _SWATCH[1] // 2)
    painter.end()
    return out


class Key(QWidget):
    """Which line is which run: a piece of each line with its title, for at most as many as are compared."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Key of the lines")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        self.pieces: list[tuple[QLabel, Line]] = []
        for _ in range(MOST_COMPARED):
            piece, title = QLabel(), Line()
            row.addWidget(piece)
            row.addWidget(title, 1)
            self.pieces.append((piece, title))

    def show_runs(self, runs: Sequence[tuple[QPixmap, str]]) -> None:
        """Show these runs, and no others."""
        for i, (piece, title) in enumerate(self.pieces):
            is_there = i < len(runs)
            piece.setVisible(is_there)
            title.setVisible(is_there)
            if is_there:
                piece.setPixmap(runs[i][0])
                title.say(runs[i][1])


class ComparePanel(QWidget):
    """The runs that are ticked in the What-if dock."""

    def __init__(self, workspace: Workspace, colours: Colours, report: Callable[[str], None]) -> None:
        super().__init__()
        self._at, self._futures, self._colours, self._say = workspace, workspace.futures, colours, report
        self.table = QTableWidget()
        self.table.setAccessibleName("Figures of the runs")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(True)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.tag = QComboBox()
        self.tag.setAccessibleName("Tag that is compared over time")
        self.plot = ComparePlot(colours, workspace.seek)
        self.key = Key()
        self.unit = QComboBox()
        self.unit.setAccessibleName("Unit of the difference in the picture")
        self.difference = QPushButton("Difference")
        self.difference.setCheckable(True)
        self.difference.setAccessibleName("Colour the picture by the difference to the baseline")
        self.beside = QPushButton("Side by side")
        self.beside.setCheckable(True)
        self.beside.setAccessibleName("Show the baseline in a second picture, at the same time")
        self.note = Line("muted")
        self._lay_out()
        self.empty = EmptyOver(self.table, _NONE)
        self.tag.activated.connect(lambda _index: self._watch())
        self.unit.activated.connect(lambda _index: self._unit_chosen())
        self.difference.clicked.connect(self._toggle)
        self.beside.clicked.connect(self._toggle_beside)
        workspace.beside.changed.connect(self._beside_changed)
        self._late = timers.once(self, _DRAW_MS, self.draw)
        self._futures.changed.connect(self.refresh)
        self._futures.series_changed.connect(self._soon)
        workspace.timeline.changed.connect(self._soon)
        workspace.difference.changed.connect(self._difference_changed)
        workspace.frame_arrived.connect(lambda _slots: self._moved())
        workspace.scene_changed.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 4, 6, 2)
        bar.addWidget(self.tag)
        bar.addWidget(self.note, 1)
        bar.addWidget(self.beside)
        bar.addWidget(self.difference)
        bar.addWidget(self.unit)
        right = QWidget()
        rows = QVBoxLayout(right)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(bar)
        rows.addWidget(self.key)
        rows.addWidget(self.plot, 1)
        self.fold = Fold((self.table, right), ("Figures", "Trends"), _BOTH_PX)
        self.fold.split.setSizes([640, 640])
        top = QHBoxLayout()
        top.setContentsMargins(6, 2, 6, 0)
        top.addWidget(self.fold.switch)
        top.addStretch(1)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(top)
        around.addWidget(self.fold, 1)

    # ------------------------------------------------------------ showing

    @property
    def cards(self) -> tuple[RunCard, ...]:
        """The runs that are compared, the baseline first."""
        return tuple(card for card in self._futures.cards if card.id in self._futures.compared)

    def _styles(self) -> dict[str, Style]:
        ids = [card.id for card in self.cards]
        base = next((name for name in ids if self._futures.baseline_of(name) == name), "")
        return styles(ids, self._colours, base)

    def refresh(self) -> None:
        """Show the figures of the runs that are compared."""
        cards = self.cards
        self.empty.set("" if cards else _NONE)
        how = self._styles()
        rows = rows_of(cards) if cards else ()
        if self.table.columnCount() != len(cards) or self.table.rowCount() != len(rows):
            self.table.clear()
            self.table.setColumnCount(len(cards))
            self.table.setRowCount(len(rows))
        for column, card in enumerate(cards):
            head = QTableWidgetItem(card.title)
            head.setToolTip(card.title)
            head.setIcon(swatch(how[card.id]))
            self.table.setHorizontalHeaderItem(column, head)
            self.table.setColumnWidth(column, 175)
        self.table.setIconSize(swatch(Style("#000000", (), 1)).size())
        for i, (heading, cells, tones) in enumerate(rows):
            self.table.setVerticalHeaderItem(i, QTableWidgetItem(heading))
            for column, (text, tone) in enumerate(zip(cells, tones, strict=True)):
                self._cell(i, column, text, tone)
        self.table.resizeRowsToContents()
        self._offer_tags()
        self._offer_units()
        why = self._at.difference.why_not()
        self.difference.setEnabled(not why or self._at.difference.is_on)
        self.difference.setToolTip(why or self.difference.accessibleName())
        self._beside_changed()
        self._soon()

    def _cell(self, row: int, column: int, text: str, tone: str) -> None:
        item = self.table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(row, column, item)
        if item.text() != text:
            item.setText(text)
            item.setToolTip(text)
        font = item.font()
        font.setBold(tone == "best")
        font.setItalic(tone == "worst")
        item.setFont(font)
        colour = self._colours.bad_text if tone == "bad" else self._colours.text
        item.setForeground(QColor(colour))

    def _offer_tags(self) -> None:
        """Offer what the scenario looks at, the tags of the trends and of the selection, then common ones."""
        specs = self._at.specs
        names = [specs[s].name for s in self._at.timeline.slots if s < len(specs)]
        selected = [specs[s].name for s in self._at.tags_of_selection()]
        commonly = [s.name for s in specs if s.name.endswith((".level", ".flow", ".power"))]
        offer = self._futures.offer
        watched = offer.watched if offer is not None else ()
        wanted = list(dict.fromkeys((*watched, *names, *selected, *commonly)))[:_OFFERED]
        if not self.cards or wanted == [self.tag.itemText(i) for i in range(self.tag.count())]:
            return
        before = self.tag.currentText()
        self.tag.clear()
        self.tag.addItems(wanted)
        at = self.tag.findText(before)
        self.tag.setCurrentIndex(max(at, 0))
        self._watch()

    def show_tag(self, name: str) -> None:
        """Compare this tag over time."""
        if self.tag.findText(name) < 0:
            self.tag.insertItem(0, name)
        self.tag.setCurrentText(name)
        self._watch()

    def _watch(self) -> None:
        self._futures.watch([self.tag.currentText()] if self.tag.currentText() else [])
        self._soon()

    def _soon(self) -> None:
        if not self._late.isActive() and self.isVisible():
            self._late.start()

    def draw(self) -> None:
        """Draw the trends of the runs that are compared."""
        runs, name = self._futures.runs, self.tag.currentText()
        how = self._styles()
        spec = next((s for s in self._at.specs if s.name == name), None)
        series = self._futures.series.get(name)
        self.key.show_runs([(swatch(how[card.id]), card.title) for card in self.cards])
        self.plot.draw(series, how, spec.unit if spec is not None else "", runs.forked_ns if runs else 0)
        has_band = any(card.members > 1 for card in self.cards)
        self.note.say("median and 5–95 % of members" if has_band else "single runs, no uncertainty")
        self.note.setVisible(bool(self.cards))
        self._moved()

    def _moved(self) -> None:
        if self.isVisible() and self._futures.is_open:
            self.plot.show_time(self._at.mirror.t_ns)

    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self.refresh()

    # ------------------------------------------------------------ the difference

    def _offer_units(self) -> None:
        scenery = self._at.scenery
        found = units_of(scenery, self._at.specs) if scenery is not None else ()
        if found != tuple(self.unit.itemText(i) for i in range(self.unit.count())):
            before = self.unit.currentText()
            self.unit.clear()
            self.unit.addItems(list(found))
            self.unit.setCurrentIndex(max(self.unit.findText(before), 0))

    def _toggle(self, is_on: bool) -> None:
        difference = self._at.difference
        if not is_on:
            difference.off()
        elif why := difference.why_not():
            self._say(why)
        elif self.unit.currentText():
            difference.on(self.unit.currentText())
        self._difference_changed()

    def _toggle_beside(self, is_on: bool) -> None:
        beside = self._at.beside
        if not is_on:
            beside.off()
        elif why := beside.why_not():
            self._say(why)
        else:
            beside.show(beside.other())
        self._beside_changed()

    def _beside_changed(self) -> None:
        beside = self._at.beside
        why = beside.why_not()
        self.beside.setChecked(beside.is_on)
        self.beside.setEnabled(beside.is_on or not why)
        self.beside.setToolTip(why or self.beside.accessibleName())

    def _unit_chosen(self) -> None:
        if self._at.difference.is_on:
            self._at.difference.on(self.unit.currentText())

    def _difference_changed(self) -> None:
        self.difference.setChecked(self._at.difference.is_on)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.plot.set_colours(colours)
        self.refresh()
