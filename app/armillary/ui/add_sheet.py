"""The sheet that adds another scene to the one that is shown: what it is, where it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from armillary.session import placing
from armillary.session.placing import Looked
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet

SCENES = "OpenUSD scenes (*.usd *.usda *.usdc *.usdz)"
WIDTH = 520
_PARTS = 3


class AddSheet(Sheet):
    """Nothing is written before *Add*; the customer's files are never written at all."""

    def __init__(
        self,
        workspace: Workspace,
        path: Path,
        under: str,
        say: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._at, self._say = workspace, say
        self.looked: Looked | None = None
        self.setWindowTitle(f"Add {path.name}")
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.facts = label(f"Reading {path.name} …", "muted", wrap=True)
        self.place = QLineEdit(placing.proposed(path, under or _top(workspace)))
        self.place.setAccessibleName("Path of the new prim")
        self.where = QLineEdit("0, 0, 0")
        self.where.setAccessibleName("Position, in units of the scene")
        self.why = label("", "bad", wrap=True)
        self.go = QPushButton("Add")
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        self.go.setEnabled(False)
        self.go.clicked.connect(lambda _checked=False: self._add())
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(lambda _checked=False: self.reject())
        form = QFormLayout()
        form.addRow("As", self.place)
        form.addRow("At", self.where)
        buttons = QHBoxLayout()
        buttons.addWidget(self.why, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.go)
        rows = QVBoxLayout(self)
        rows.addWidget(self.facts)
        rows.addLayout(form)
        rows.addLayout(buttons)
        for line in (self.place, self.where):
            line.textChanged.connect(lambda _text: self._refresh())
        workspace.placing.look(path, self._found)

    def _found(self, answer: Looked | str) -> None:
        if isinstance(answer, str):
            self.facts.setText("")
            self.why.setText(answer)
            return
        self.looked = answer
        self.facts.setText(answer.text + "".join(f"\n{each}" for each in answer.problems[:5]))
        self._refresh()

    @property
    def position(self) -> tuple[float, float, float] | None:
        """Where it goes; None for what cannot be read."""
        try:
            parts = [float(part) for part in self.where.text().replace(";", ",").split(",")]
        except ValueError:
            return None
        return (parts[0], parts[1], parts[2]) if len(parts) == _PARTS else None

    def _refresh(self) -> None:
        why = placing.why_not(self._at, self.place.text().strip())
        if not why and self.position is None:
            why = "Give the position as three numbers: 1.5, 0, 2"
        self.why.setText(why)
        self.go.setEnabled(not why and self.looked is not None)

    def _add(self) -> None:
        looked, at = self.looked, self.position
        if looked is None or at is None:
            return
        self.go.setEnabled(False)
        self._at.placing.add(looked, self.place.text().strip(), at, self._ended)

    def _ended(self, why: str) -> None:
        if why:
            self.why.setText(why)
            self.go.setEnabled(True)
            return
        self._say(f"{self.place.text().strip()} is added.")
        self.accept()


def _top(workspace: Workspace) -> str:
    """Return the first prim of the scene: where most plants begin."""
    scene = workspace.scene
    return scene.prim_path[0] if scene is not None and scene.prim_path else ""
