"""Statistics of the range shown, or between the cursors: a row a pen, copied as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableWidget, QTableWidgetItem

from armillary.session.trend_maths import Numbers
from armillary.session.trend_table import guarded
from armillary.ui.plot_axis import tick_text

HEADS = ("Pen", "Unit", "Min", "Max", "Mean", "Std", "P5", "P50", "P95", "Good", "Samples")
TIPS = (
    "",
    "",
    "Least value, and when",
    "Greatest value, and when",
    "Mean over time: a value counts as long as it held",
    "Standard deviation over time",
    "Below this value 5 % of the time",
    "Median over time",
    "Below this value 95 % of the time",
    "Share of the range with good values; silence lowers it",
    "Samples in the range",
)


class NumbersTable(QTableWidget):
    """The table. Ctrl+C copies what is chosen, or all of it, with its heads."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADS))
        self.setAccessibleName("Statistics of the range")
        self.setHorizontalHeaderLabels(HEADS)
        for i, tip in enumerate(TIPS):
            head_item = self.horizontalHeaderItem(i)
            if head_item is not None:
                head_item.setToolTip(tip)
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setWordWrap(False)
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        head.setMinimumSectionSize(40)
        self.setColumnWidth(0, 170)

    def show_rows(self, rows: Sequence[tuple[str, str, str, Numbers | None]]) -> None:
        """Show (name, unit, colour, numbers) of each pen; None: they are being read."""
        self.setRowCount(len(rows))
        for i, (name, unit, _colour, got) in enumerate(rows):
            texts = [name, unit, *(texts_of(got) if got is not None else ["…"] * (len(HEADS) - 2))]
            tips = _tips(got)
            for j, text in enumerate(texts):
                item = self.item(i, j)
                if item is None:
                    item = QTableWidgetItem()
                    if j > 1:
                        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    self.setItem(i, j, item)
                if item.text() != text:
                    item.setText(text)
                item.setToolTip(tips.get(j, ""))

    def text(self) -> str:
        """Return what is chosen, or everything, with its heads, parted by tabs; no cell is a formula."""
        chosen = sorted({index.row() for index in self.selectedIndexes()}) or range(self.rowCount())
        lines = ["\t".join(HEADS)]
        for i in chosen:
            items = [self.item(i, j) for j in range(len(HEADS))]
            cells = [item.text() if item is not None else "" for item in items]
            lines.append("\t".join([guarded(cells[0]), guarded(cells[1]), *cells[2:]]))
        return "\n".join(lines) + "\n"

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self.text())
            return
        super().keyPressEvent(event)


def texts_of(got: Numbers) -> list[str]:
    """Return the cells of a pen after its name and unit; ≈ where they are of buckets, not of samples."""
    about = "" if got.exact else "≈ "
    values = [_value(got.low), _value(got.high)]
    values += [
        f"{about}{_value(v)}" if math.isfinite(v) else "–" for v in (got.mean, got.std, *got.percentiles)
    ]
    share = 100 * got.good_share
    values.append("100 %" if share == 100 else f"{min(share, 99.99):.3g} %")  # noqa: PLR2004  per cent
    values.append("–" if got.count < 0 else f"{got.count:,}".replace(",", " "))
    return values


def _value(value: float) -> str:
    return f"{value:.5g}" if math.isfinite(value) else "–"


def _tips(got: Numbers | None) -> dict[int, str]:
    if got is None or not got.low_ns:
        return {}
    tips = {2: f"at {tick_text(got.low_ns, 0.001)}", 3: f"at {tick_text(got.high_ns, 0.001)}"}
    if not got.exact:
        why = "The range holds too many samples: these are of its buckets. Min, max and count are exact."
        tips |= dict.fromkeys(range(4, 9), why)
    return tips
