"""The sheet for a comment on alarms: said alone, or with the acknowledge of those that wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from armillary.session.alarm_row import AlarmRow
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet

WIDTH = 420
NAMED = 3  # alarms in a sheet


class CommentSheet(Sheet):
    """`done` gets the words and whether to acknowledge, too; meant is what was shown when it opened."""

    def __init__(
        self, rows: Sequence[AlarmRow], done: Callable[[str, bool], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._done = done
        self.setWindowTitle("Comment on alarms")
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        names = ", ".join(row.text for row in rows[:NAMED]) + more
        self.words = QLineEdit()
        self.words.setAccessibleName("Comment")
        self.words.setPlaceholderText("Comment")
        self.only = QPushButton("Comment")
        self.only.setProperty("primary", True)
        self.only.setToolTip("Say it; nothing is acknowledged")
        self.both = QPushButton("Acknowledge with it")
        self.both.setAutoDefault(False)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        self._waits = any(row.unacknowledged for row in rows)
        self.both.setToolTip("" if self._waits else "None of them waits.")
        self.words.textChanged.connect(lambda _typed: self._offer())
        self.only.clicked.connect(lambda _checked=False: self._go(acknowledges=False))
        self.both.clicked.connect(lambda _checked=False: self._go(acknowledges=True))
        cancel.clicked.connect(lambda _checked=False: self.reject())
        lines = QVBoxLayout(self)
        lines.addWidget(label(f"{names}: the comment stands in the list and in the journal.", wrap=True))
        lines.addWidget(self.words)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (cancel, self.both, self.only):
            buttons.addWidget(button)
        lines.addLayout(buttons)
        self._offer()
        self.words.setFocus()

    def _offer(self) -> None:
        is_said = bool(self.words.text().strip())
        self.only.setEnabled(is_said)
        self.both.setEnabled(is_said and self._waits)

    def _go(self, *, acknowledges: bool) -> None:
        self._done(self.words.text().strip(), acknowledges)
        self.accept()
