"""The loops of the plant: how far each may go by itself, how it stands, what became of its last proposal."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import FaultRecord
from armillary.session.proposals import LoopRow
from armillary.session.workspace import Workspace
from armillary.ui.login import ReasonSheet
from armillary.ui.pieces import EmptyOver
from armillary.ui.tables import choices
from armillary.ui.theme import Colours

_HEADINGS = ("Loop", "Level", "State", "Last proposal")
_NONE = "This project has no loops. They are written in loops.toml: an alarm, a what-if scenario, actions."


class LoopsPanel(QWidget):
    """A list, and what can be done with the chosen loop."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._at = workspace
        self.rows: tuple[LoopRow, ...] = ()
        self.view = choices("Loops", _HEADINGS, 3, {0: 230, 1: 170, 2: 260})
        self.view.itemSelectionChanged.connect(self._buttons)
        self.view.itemDoubleClicked.connect(lambda _item: self._show())
        self.show_card = self._button("Show its card", "Show the card of the last proposal", self._show)
        self.again = self._button("Let it act again…", "Let the chosen loop act again", self._ask_again)
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 4, 8, 4)
        bar.addWidget(self.show_card)
        bar.addStretch(1)
        bar.addWidget(self.again)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(bar)
        around.addWidget(self.view, 1)
        self.empty = EmptyOver(self.view, _NONE)
        for signal in (workspace.proposals.changed, workspace.people.changed, workspace.project_changed):
            signal.connect(self.reload)
        self.reload()

    def _button(self, text: str, name: str, run: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: run())
        return button

    def chosen(self) -> str:
        """Return the id of the chosen loop, "" for none; where there is one only, it is chosen."""
        at = self.view.currentRow()
        if 0 <= at < len(self.rows) and self.view.selectedItems():
            return self.rows[at].id
        return self.rows[0].id if len(self.rows) == 1 else ""

    def reload(self) -> None:
        """Show the loops as they are now; the chosen one stays chosen."""
        rows = self._at.proposals.loop_rows()
        if rows != self.rows:
            self.rows = rows
            self.view.setRowCount(len(rows))
            for i, row in enumerate(rows):
                for column, text in enumerate((row.title, row.level, row.state, row.last)):
                    item = self.view.item(i, column) or QTableWidgetItem()
                    if item.tableWidget() is None:
                        self.view.setItem(i, column, item)
                    item.setText(text)
                    item.setToolTip(text)
        self.empty.set("" if rows else _NONE)
        self._buttons()

    def _last(self) -> str:
        """Return the last proposal of the chosen loop."""
        loop = self.chosen()
        mine = [p.id for p in self._at.proposals.items.values() if p.loop == loop]
        return mine[-1] if mine else ""

    def _buttons(self) -> None:
        for button, why in (
            (self.show_card, "" if self._last() else "Nothing was proposed yet."),
            (self.again, self._at.proposals.why_no_release(self.chosen())),
        ):
            button.setEnabled(not why)
            button.setToolTip(why or button.accessibleName())

    def _show(self) -> None:
        if name := self._last():
            self._at.proposals.recall(name)

    def _ask_again(self) -> None:
        loop = self._at.proposals.loop(self.chosen())
        if loop is None:
            return
        text = f"'{loop.title}' only advises: {loop.why or 'somebody decided so'}. Why may it act again?"

        def done(reason: str) -> None:
            self._at.proposals.release(loop.id, reason, self._told)

        ReasonSheet("Let a loop act again", text, "Let it act", done, self.window()).open()

    def _told(self, fault: FaultRecord | None) -> None:
        if fault is not None:
            self._at.tell(fault)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.view.viewport().update()
