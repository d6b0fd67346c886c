"""The card that lists what differs from another version of the scene; a line selects and frames its part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from armillary.session.versions import ADDED, CHANGED, MOVED
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button

WIDTH_PX, HEIGHT_PX, GAP_PX = 330, 280, 12
MOST_LINES = 2_000
_PRIM = Qt.ItemDataRole.UserRole
_MARK_PX = 10
_ROOM_PX = 4


class VersionsCard(QFrame):
    """At the left of the picture while two versions are compared."""

    def __init__(self, over: QWidget, workspace: Workspace, frame: Callable[[tuple[int, ...]], None]) -> None:
        super().__init__(over)
        self._over, self._at, self._frame = over, workspace, frame
        self.setProperty("role", "card")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = label("", wrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName("What differs between the two versions")
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.list.itemClicked.connect(self._take)
        self.list.itemActivated.connect(self._take)
        self.done = button("Done", "Close the comparison", workspace.versions.clear)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.done)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(10, 8, 10, 8)
        rows.addWidget(self.text)
        rows.addWidget(self.list, 1)
        rows.addLayout(foot)
        over.installEventFilter(self)
        workspace.versions.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what was found, that it is being looked for, or nothing."""
        versions = self._at.versions
        self.list.clear()
        found, scene = versions.found, self._at.scene
        if found is None or scene is None:
            self.text.setText(f"Reading {versions.reading} …" if versions.reading else "")
            self.list.hide()
            self.setVisible(bool(versions.reading))
            self._place()
            return
        name = Path(found.against).name
        self.text.setText(
            f"Against {name}: {len(found.added):,} added, {len(found.removed):,} removed, "
            f"{len(found.moved):,} moved, {len(found.changed):,} changed."
            if len(found)
            else f"Nothing differs from {name}."
        )
        for kind, rows, rgb in (
            ("added", found.added, ADDED),
            ("moved", found.moved, MOVED),
            ("changed", found.changed, CHANGED),
        ):
            for row in rows[:MOST_LINES].tolist():
                self._add(f"{kind}  {scene.prim_path[row]}", rgb, row)
        for path in found.removed[:MOST_LINES]:
            self._add(f"removed  {path}", None, -1)
        self.list.setVisible(bool(len(found)))
        self.show()
        self.raise_()
        self._place()

    def _add(self, text: str, rgb: tuple[int, int, int] | None, prim: int) -> None:
        item = QListWidgetItem(text, self.list)
        item.setToolTip(text)
        item.setData(_PRIM, prim)
        mark = QPixmap(_MARK_PX, _MARK_PX)
        mark.fill(QColor(*rgb) if rgb is not None else Qt.GlobalColor.transparent)
        item.setIcon(mark)

    def _take(self, item: QListWidgetItem) -> None:
        prim = int(item.data(_PRIM))
        if prim >= 0:
            self._at.select((prim,))
            self._frame((prim,))

    def _place(self) -> None:
        lines = self.list.count() * max(self.list.sizeHintForRow(0), 0) + 2 * self.list.frameWidth()
        self.list.setFixedHeight(min(lines + _ROOM_PX, HEIGHT_PX))
        height = self.sizeHint().height()
        room = max(self._over.height() - 2 * GAP_PX, 60)
        self.setGeometry(GAP_PX, GAP_PX, min(WIDTH_PX, self._over.width() - 2 * GAP_PX), min(height, room))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
