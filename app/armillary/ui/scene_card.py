"""The bar that tells that files of the shown scene were changed on disk, and offers to read them again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout

from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button

_MOST_NAMES = 3


class SceneCard(QFrame):
    """Below the banners while the picture is of older files; nothing is read again by itself."""

    def __init__(self, workspace: Workspace, run: Callable[[str], None]) -> None:
        super().__init__()
        self._at = workspace
        self.setProperty("role", "card")
        self.setObjectName("scene-changed")
        self.text = label("", wrap=True)
        self.load = button(
            "Reload",
            "Read the scene again; view, selection and bindings stay",
            lambda: run("scene.reload"),
            primary=True,
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.load)
        workspace.scene_files.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show which files differ from those that the picture was made of."""
        names = self._at.scene_files.names
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            self.text.setText(f"Changed on disk: {', '.join(names[:_MOST_NAMES])}{more}.")
            self.setAccessibleName(self.text.text())
        self.setVisible(bool(names))
