"""Over the viewport while a scene is being read: how far it is, and *Cancel*."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button

_WIDTH, _GAP = 380, 16
_STEPS = 1_000


class OpeningCard(QFrame):
    """At the upper edge of the picture; Escape is *Cancel* while it is shown."""

    def __init__(self, workspace: Workspace, over: QWidget, window: QWidget) -> None:
        super().__init__(over)
        self._at, self._over = workspace, over
        self.setProperty("role", "card")
        self.setObjectName("scene-opening")
        self.text = label("", wrap=True)
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.cancel = button(
            "Cancel", "Stop reading the scene; what was shown before stays (Escape)", workspace.cancel_opening
        )
        row = QHBoxLayout()
        row.addWidget(self.text, 1)
        row.addWidget(self.cancel)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(12, 8, 12, 10)
        rows.addLayout(row)
        rows.addWidget(self.bar)
        self.setFixedWidth(_WIDTH)
        self._window = window
        window.installEventFilter(self)  # Escape comes here when nothing else took it: a search, a tool
        over.installEventFilter(self)
        workspace.opening_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how far it is; nothing when nothing is being read."""
        text, share = self._at.progress
        if text:
            self.text.setText(text)
            self.setAccessibleName(text)
            self.bar.setValue(round(_STEPS * min(max(share, 0.0), 1.0)))
            self._place()
        self.setVisible(bool(text))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        """Keep the place when the picture gets another size; cancel by Escape."""
        if (
            watched is self._window
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Escape
            and self._at.progress[0]
        ):
            self._at.cancel_opening()
            return True
        if watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _place(self) -> None:
        self.adjustSize()
        x = (self._over.width() - self.width()) // 2
        self.move(max(x, 0), _GAP)
