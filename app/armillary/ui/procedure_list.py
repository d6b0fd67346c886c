"""The sheet that lists the procedures of the project: begin one, or walk through it on this desk alone."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QTableWidgetItem, QVBoxLayout, QWidget

from armillary.model.procedure import Procedure
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import button, choices

WIDTH, HEIGHT = 620, 420
EMPTY = "This project has no procedures. An engineer writes them in Edit ▸ Procedures…"


class ProcedureList(Sheet):
    """What is begun here is begun in the world that is shown, for all desks."""

    def __init__(
        self, workspace: Workspace, say: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._at, self._say = workspace, say
        self.setWindowTitle("Procedures")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.table = choices("Procedures", ("Procedure", "Steps", "Who"), 0, {1: 60, 2: 90})
        self.text = label("", "muted", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.begin = button("Begin", "Carry the procedure out", self._begin, primary=True)
        self.dry = button("Walk through", "Show its steps on this desk; nothing is written", self._walk)
        foot = QHBoxLayout()
        foot.addWidget(self.dry)
        foot.addStretch(1)
        foot.addWidget(button("Close", "Close the list", self.reject))
        foot.addWidget(self.begin)
        rows = QVBoxLayout(self)
        rows.addWidget(self.table, 1)
        rows.addWidget(self.text)
        rows.addWidget(self.why)
        rows.addLayout(foot)
        self.table.itemSelectionChanged.connect(self._chosen)
        guide = workspace.guide
        self._shown: tuple[Procedure, ...] = ()
        self._is_closed = False
        self.finished.connect(self._closed)
        guide.look_up(self.refresh)
        self.refresh()

    def _closed(self, _code: int) -> None:
        self._is_closed = True  # an answer may come later

    @property
    def chosen(self) -> Procedure | None:
        """The procedure whose row is selected."""
        row = self.table.currentRow()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def refresh(self) -> None:
        """List what there is."""
        if self._is_closed:
            return
        listed = self._at.guide.listed
        if listed.items != self._shown:
            self._shown = listed.items
            self.table.setRowCount(len(self._shown))
            for row, each in enumerate(self._shown):
                for column, text in enumerate((each.title, str(len(each.steps)), each.role)):
                    self.table.setItem(row, column, QTableWidgetItem(text))
            if self._shown and self.chosen is None:
                self.table.selectRow(0)
        self.why.setText("\n".join(listed.wrong[:5]))
        self.why.setVisible(bool(listed.wrong))
        self._chosen()

    def _chosen(self) -> None:
        chosen, why = self.chosen, self._at.guide.why_not_act()
        self.text.setText(chosen.text or chosen.title if chosen is not None else EMPTY)
        self.begin.setEnabled(chosen is not None and not why)
        self.begin.setToolTip(why)
        self.dry.setEnabled(chosen is not None)

    def _begin(self) -> None:
        chosen = self.chosen
        if chosen is not None:
            self._at.guide.start(chosen.id, self._begun)

    def _begun(self, why: str) -> None:
        if self._is_closed:
            self._say(why)
        elif why:
            self.why.setText(why)
            self.why.show()
        else:
            self.accept()

    def _walk(self) -> None:
        if self.chosen is not None:
            self._at.guide.try_out(self.chosen)
            self.accept()
