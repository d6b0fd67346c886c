"""The worlds of the project that run on this machine: which, since when; visit, close, fork, snapshot."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import Fault
from armillary.session.actions import action
from armillary.session.workspace import Workspace
from armillary.session.worlds import WorldRow
from armillary.ui.pieces import EmptyOver
from armillary.ui.tables import choices
from armillary.ui.theme import Colours
from armillary.ui.when import time_text

_HEADINGS = ("Kind", "World", "State", "Since", "Memory", "Process")
_MB = 1024 * 1024
_REFRESH_MS = 2000
_NONE = "No world runs. Open a project: its live world is started with it."


def texts(row: WorldRow) -> tuple[str, ...]:
    """Return the cells of one world."""
    state = row.state + (" · home" if row.is_home else "") + (" · ends with this desk" if row.is_ours else "")
    memory = f"{row.memory / _MB:.0f} MB" if row.memory else ""
    return (row.kind.value, row.title, state, time_text(row.since_ns), memory, str(row.pid))


class WorldsPanel(QWidget):
    """A list and what can be done with the chosen one."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        run: Callable[[str], None],
        report: Callable[[Fault], None],
    ) -> None:
        super().__init__()
        self._at, self._report = workspace, report
        self.rows: tuple[WorldRow, ...] = ()
        self.view = choices("Running worlds", _HEADINGS, 1, {0: 90, 2: 230, 3: 90, 4: 80, 5: 80})
        self.view.itemSelectionChanged.connect(self._buttons)
        self.view.itemDoubleClicked.connect(lambda _item: self._visit())
        self.visit = self._button("Visit", "Show the chosen world", self._visit)
        self.close_world = self._button("Close", "End the chosen world", self._close)
        self.fork = self._button("Fork", "Fork a what-if from what is shown", lambda: run("world.fork"))
        self.shot = self._button("Snapshot", "Snapshot of the world shown", lambda: run("world.snapshot"))
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 4, 8, 4)
        for button in (self.visit, self.close_world):
            bar.addWidget(button)
        bar.addStretch(1)
        for button in (self.fork, self.shot):
            bar.addWidget(button)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(bar)
        around.addWidget(self.view, 1)
        self.empty = EmptyOver(self.view, _NONE)
        self._tick = QTimer(self)
        self._tick.setInterval(_REFRESH_MS)
        self._tick.timeout.connect(self._ticked)
        self._tick.start()
        for signal in (workspace.world_changed, workspace.visited, workspace.project_changed):
            signal.connect(self._ticked)
        self.reload()

    def _button(self, text: str, name: str, run: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: run())
        return button

    def _ticked(self) -> None:
        if self.isVisible():
            self.reload()

    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self.reload()

    def chosen(self) -> WorldRow | None:
        """Return the chosen world."""
        at = self.view.currentRow()
        return self.rows[at] if 0 <= at < len(self.rows) and self.view.selectedItems() else None

    def reload(self) -> None:
        """Show the worlds as they are now; the chosen one stays chosen."""
        before = self.chosen()
        rows = self._at.worlds
        if rows != self.rows:
            self.rows = rows
            self.view.setRowCount(len(rows))
            for i, row in enumerate(rows):
                for column, text in enumerate(texts(row)):
                    item = self.view.item(i, column)
                    if item is None:
                        self.view.setItem(i, column, QTableWidgetItem(text))
                    elif item.text() != text:
                        item.setText(text)
            found = next((i for i, r in enumerate(rows) if before is not None and r.id == before.id), None)
            if found is None:
                self.view.clearSelection()
            else:
                self.view.selectRow(found)
        self.empty.set("" if rows else _NONE)
        self._buttons()

    def _buttons(self) -> None:
        row = self.chosen()
        nothing = "Choose a world." if row is None else ""
        shown = "It is shown." if row is not None and row.is_shown else ""
        why_close = nothing or (row.why_not_close if row is not None else "")
        for button, why in (
            (self.visit, nothing or shown),
            (self.close_world, why_close),
            (self.fork, action("world.fork").why_not(self._at)),
            (self.shot, action("world.snapshot").why_not(self._at)),
        ):
            button.setEnabled(not why)
            button.setToolTip(why or button.accessibleName())

    def _visit(self) -> None:
        row = self.chosen()
        if row is not None and not row.is_shown:
            self._at.visit(row.address)

    def _close(self) -> None:
        row = self.chosen()
        if row is None:
            return
        try:
            self._at.close_world(row.id)
        except Fault as fault:
            self._report(fault)
        self.reload()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.view.viewport().update()
