"""The sheet that takes a model in: what comes, what is there and what is lost, before it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QTableView, QVBoxLayout, QWidget

from armillary.model.fault import FaultRecord
from armillary.session import model_import
from armillary.session.model_import import EXISTING, READERS, TITLES, Preview, lines_of, words_of
from armillary.session.workspace import Workspace
from armillary.ui.edit_sheet import EditSheet
from armillary.ui.pieces import label
from armillary.ui.row_model import Row, RowModel, dress_table
from armillary.ui.tables import button
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 900, 600
MOST = 5_000  # lines that are shown


class ModelImportSheet(EditSheet):
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
        self._at, self._say, self.path = workspace, say, path
        self.setWindowTitle(f"Import model {path.name}")
        self.resize(WIDTH, HEIGHT)
        self._turn, self._is_closed = 0, False
        self.found: Preview | None = None
        self.format, self.existing = QComboBox(), QComboBox()
        self.format.setAccessibleName("Format of the file")
        self.format.addItem("Guess its format", "")
        for form in READERS:
            self.format.addItem(TITLES[form], form)
        self.existing.setAccessibleName("What becomes of twins that are there")
        for words, value in EXISTING:
            self.existing.addItem(words, value)
        self.words, self.why = label("", "muted", wrap=True), label("", "bad", wrap=True)
        self.model = RowModel(("What", "Kind", "Name", "Why"), colours, parent=self)
        self.table = QTableView()
        self.table.setModel(self.model)
        dress_table(self.table, "What would be taken in")
        for column, width in ((0, 80), (1, 150), (2, 320)):
            self.table.setColumnWidth(column, width)
        self.take = button(
            "Take in", "Write the twins to the project, as one step", self._take_in, primary=True
        )
        self.shut = button("Close", "Close without taking anything in", self.reject)
        head, foot, column_ = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        head.addWidget(self.format)
        head.addWidget(self.existing)
        head.addStretch(1)
        foot.addWidget(self.words, 1)
        foot.addWidget(self.shut)
        foot.addWidget(self.take)
        column_.addLayout(head)
        column_.addWidget(self.table, 1)
        column_.addWidget(self.why)
        column_.addLayout(foot)
        self.format.activated.connect(lambda _i: self._ask())
        self.existing.activated.connect(lambda _i: self._ask())
        workspace.visited.connect(self.drop)
        self._ask()

    def edited(self) -> object:
        """Return nothing: a model that is not taken in stays in its file."""
        return None

    def _ask(self) -> None:
        project, self.found = self._at.project, None
        self.take.setEnabled(False)
        if project is None:
            return
        self._turn += 1
        turn, path, folder = self._turn, self.path, project.folder
        form, existing = str(self.format.currentData()), self.existing.currentData()
        now_ns = self._at.now_ns()
        self.words.setText("Reading …")
        self._at.work(
            lambda: model_import.preview(folder, path, form, existing, now_ns),
            lambda answer: self._told(turn, answer),
        )

    def _told(self, turn: int, answer: object) -> None:
        if self._is_closed or turn != self._turn:
            return
        self.found = answer if isinstance(answer, Preview) else None
        why = f"{answer.what} {answer.remedy}" if isinstance(answer, FaultRecord) else ""
        self.why.setText(why)
        self.why.setVisible(bool(why))
        lines = lines_of(self.found) if self.found is not None else ()
        rows = [Row((line.what, line.kind, line.name, line.why)) for line in lines[:MOST]]
        self.model.replace(rows)
        more = f" {len(lines) - MOST:,} more lines." if len(lines) > MOST else ""
        self.words.setText(f"{words_of(self.found)}{more}" if self.found is not None else "")
        self.take.setEnabled(self.found is not None and _has_work(self.found))

    def _take_in(self) -> None:
        found = self.found
        if found is not None and self.save_or_say(lambda: model_import.take_in(self._at, found), self._say):
            self.accept()

    def done(self, result: int) -> None:
        """Close; what is being read is nobody's then."""
        self._is_closed = True
        super().done(result)


def _has_work(found: Preview) -> bool:
    change = found.change
    return bool(change.added or change.merged or change.relationships or change.sources)
