"""The sheet of a list of tags: which column is what, what each row does, and which are not taken, and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import Fault
from armillary.session.tag_list import FIELDS, TagList
from armillary.session.workspace import Workspace
from armillary.ui import ask_file
from armillary.ui.edit_sheet import EditSheet
from armillary.ui.pieces import label
from armillary.ui.row_model import Row, RowModel, dress_table
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 900, 620
MOST = 2_000  # rows that are shown
_ACROSS = 4  # fields beside each other
_WORDS = {
    "tag": "Tag",
    "address": "Address",
    "unit": "Unit",
    "expected_interval_s": "Interval, s",
    "deadband": "Deadband",
    "liveness": "Liveness",
    "model": "Model",
    "title": "Title",
    "kind": "Kind",
    "low": "Low",
    "high": "High",
}
_NONE = "–"


class TagListSheet(EditSheet):
    """Nothing is written before *Take in*."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        say: Callable[[str], None],
        path: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._say = say
        self.list = TagList(workspace)
        self.setWindowTitle(f"Take in {path.name}")
        self.resize(WIDTH, HEIGHT)
        self.fields = {field: QComboBox() for field in FIELDS}
        self.source, self.page = QComboBox(), QComboBox()
        self.source.addItems(self.list.sources)
        self.source.setAccessibleName("Source of addresses that name none")
        self.page.setAccessibleName("Sheet of the file")
        for field, box in self.fields.items():
            box.setAccessibleName(f"Column of {_WORDS[field]}")
        self.model = RowModel(("Line", "Row", "Tag", "What"), colours, parent=self)
        self.table = QTableView()
        self.table.setModel(self.model)
        dress_table(self.table, "What each row does")
        for column, width in ((0, 60), (1, 90), (2, 220)):
            self.table.setColumnWidth(column, width)
        self.counts, self.why = label("", "muted", wrap=True), label("", "bad", wrap=True)
        self.keep_bad = QPushButton("Write what is not taken…")
        self.take, self.shut = QPushButton("Take in"), QPushButton("Close")
        self.take.setProperty("primary", True)
        for pressed in (self.keep_bad, self.take, self.shut):
            pressed.setAutoDefault(False)
        self._lay_out()
        self._filling = False
        self._gone = self.list.changed.connect(self._refresh)
        for field, box in self.fields.items():
            box.activated.connect(partial(self._mapped, field))
        self.source.activated.connect(lambda _i: self.list.use_source(self.source.currentText()))
        self.page.activated.connect(lambda _i: self.list.open(path, self.page.currentText()))
        self.take.clicked.connect(lambda _c=False: self._take_in())
        self.keep_bad.clicked.connect(lambda _c=False: self._ask_bad(path))
        self.shut.clicked.connect(lambda _c=False: self.reject())
        self.list.open(path)
        self._refresh()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        boxes = [*((_WORDS[field], box) for field, box in self.fields.items()), ("Source", self.source)]
        for i, (words, box) in enumerate(boxes):
            row, column = divmod(i, _ACROSS)
            grid.addWidget(label(words, "muted"), 2 * row, column)
            grid.addWidget(box, 2 * row + 1, column)
        foot = QHBoxLayout()
        foot.addWidget(self.page)
        foot.addWidget(self.counts, 1)
        for pressed in (self.keep_bad, self.shut, self.take):
            foot.addWidget(pressed)
        column_ = QVBoxLayout(self)
        column_.addLayout(grid)
        column_.addWidget(self.table, 1)
        column_.addWidget(self.why)
        column_.addLayout(foot)

    def _mapped(self, field: str, _index: int) -> None:
        if not self._filling:
            column = self.fields[field].currentText()
            self.list.map(field, "" if column == _NONE else column)

    def _refresh(self) -> None:
        at = self.list
        self._filling = True
        head = [column for column in (at.cells.head if at.cells is not None else ()) if column]
        for field, box in self.fields.items():
            box.clear()
            box.addItems([_NONE, *head])
            box.setCurrentText(at.columns.get(field, _NONE))
        sheets = at.cells.sheets if at.cells is not None else ()
        if sheets and self.page.count() != len(sheets):
            self.page.clear()
            self.page.addItems(sheets)
        self.page.setVisible(len(sheets) > 1)
        self.source.setCurrentText(at.source)
        self._filling = False
        self.why.setText(at.why)
        self.why.setVisible(bool(at.why))
        self._show_rows()

    def _show_rows(self) -> None:
        found = self.list.found
        rows: list[Row] = []
        if found is not None:
            for wrong in found.bad[:MOST]:
                tag = next((cell for cell in wrong.cells if cell), "")
                rows.append(Row((str(wrong.line), "not taken", tag, wrong.why)))
            for row in found.rows[: MOST - len(rows)]:
                words = "; ".join(f"{key} {_cell(value)}" for key, value in row.keys.items())
                note = f" ({row.note})" if row.note else ""
                rows.append(Row((str(row.line), "new" if row.is_new else "changed", row.tag, words + note)))
        self.model.replace(rows)
        if found is None:
            self.counts.setText(self.list.doing)
        else:
            changed = len(found.rows) - found.new
            words = f"{found.new} new, {changed} changed, {found.same} as they are"
            self.counts.setText(f"{words}, {len(found.bad)} not taken")
        self.take.setEnabled(found is not None and bool(found.rows))
        self.keep_bad.setVisible(found is not None and bool(found.bad))

    def edited(self) -> object:
        """Return nothing: a list that is not taken in stays in its file."""
        return None

    def _take_in(self) -> None:
        if self.save_or_say(self.list.take_in, self._say):
            self.accept()

    def _ask_bad(self, path: Path) -> None:
        def write(chosen: Path) -> None:
            try:
                count = self.list.write_bad(chosen)
            except Fault as fault:
                self._say(f"{fault.what} {fault.remedy}")
            else:
                self._say(f"{chosen.name}: {count} rows that are not taken, with their reasons.")

        ask_file.to_write(
            self, "Rows that are not taken", "Lists (*.csv)", str(path.parent), write, suffix="csv"
        )

    def done(self, result: int) -> None:
        """Close; what was not taken in is given up."""
        self._gone()
        super().done(result)


def _cell(value: object) -> str:
    return " … ".join(f"{v:g}" for v in value) if isinstance(value, list) else str(value)
