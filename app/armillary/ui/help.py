"""A sheet over the window with all commands and keys, or with what this is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QTableView, QVBoxLayout, QWidget

from armillary._version import __version__
from armillary.session.actions import Action
from armillary.ui.pieces import label
from armillary.ui.row_model import Row, RowModel, dress_table
from armillary.ui.theme import DARK

WIDTH, HEIGHT = 640, 560
MOUSE = (
    ("Drag with the left button", "Turn the view"),
    ("Drag with the middle button, or Shift and left", "Move the view"),
    ("Wheel", "Zoom towards the pointer"),
    ("Click, Ctrl and click", "Select, add to the selection"),
    ("Double click", "Frame a part"),
)


class HelpSheet(QFrame):
    """Closed by Escape or its button; the desk goes on beneath."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setObjectName("commands")
        self.setAccessibleName("Help")
        self.title = label("", "title")
        self.text = label("", wrap=True, copyable=True)
        self.model = RowModel(("Command", "Key"), DARK, parent=self)
        self.table = QTableView()
        self.table.setModel(self.model)
        dress_table(self.table, "Commands and keys")
        self.table.setColumnWidth(0, 380)
        self.close_button = QPushButton("Close")
        self.close_button.setAccessibleName("Close the help")
        self.close_button.clicked.connect(self.hide)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(16, 14, 16, 12)
        rows.addWidget(self.title)
        rows.addWidget(self.text)
        rows.addWidget(self.table, 1)
        rows.addLayout(foot)
        self.hide()

    def show_keys(self, actions: Sequence[Action]) -> None:
        """Show every command with its key, then what the mouse does."""
        rows = [
            Row((f"{a.menu.split('/')[0]}: {a.title}" if a.menu else a.title, a.shortcut), a.tip)
            for a in actions
        ]
        rows += [Row((f"Mouse: {does}", how)) for how, does in MOUSE]
        self._open("Commands and keys", "Ctrl+K finds every command, part and tag by name.")
        self.model.replace(rows)
        self.table.show()

    def show_about(self) -> None:
        """Show name, version and licence."""
        self._open(
            f"Armillary {__version__}",
            "The living 3D twin on your desk: OpenUSD scenes bound to live telemetry.\nApache License 2.0.",
        )
        self.table.hide()

    def _open(self, title: str, text: str) -> None:
        self.title.setText(title)
        self.text.setText(text)
        width = min(WIDTH, max(self._over.width() - 32, 200))
        height = min(HEIGHT, max(self._over.height() - 64, 160))
        self.setGeometry((self._over.width() - width) // 2, 48, width, height)
        self.show()
        self.raise_()
        self.close_button.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
            return
        super().keyPressEvent(event)
