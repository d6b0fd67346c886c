"""Choices that a scene offers at a part: its variants, and whether its payload is loaded."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QComboBox, QFormLayout, QPushButton, QWidget

from armillary.model.scene import SceneArrays
from armillary.session.workspace import Workspace

_TIP = "Shown until the scene is closed; the file is not changed"


class SceneChoices(QWidget):
    """A row for each variant set of the part, and a button for its payload; hidden where it has neither."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._path = ""
        self.sets: dict[str, QComboBox] = {}
        self.payload = QPushButton()
        self.payload.setToolTip(_TIP)
        self.payload.setAccessibleName("Payload of the part")
        self.payload.clicked.connect(self._turn_payload)
        self._is_loaded = False
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.addRow(self.payload)
        self.payload.hide()
        self.hide()

    def show_prim(self, scene: SceneArrays, prim: int) -> None:
        """Show what can be chosen at a prim; its payload is told later."""
        self._path = scene.prim_path[prim]
        while self.sets:
            self._form.removeRow(self.sets.popitem()[1])
        for found in scene.variants:
            if found.prim != prim or not found.choices:
                continue
            box = QComboBox()
            box.addItems(list(found.choices))
            box.setCurrentText(found.selection)
            box.setToolTip(_TIP)
            box.setAccessibleName(f"Variant {found.name}")
            box.textActivated.connect(partial(self._workspace.choose_variant, self._path, found.name))
            self._form.insertRow(len(self.sets), f"Variant {found.name}", box)
            self.sets[found.name] = box
        self.payload.hide()
        self.setVisible(bool(self.sets))

    def show_payload(self, state: str) -> None:
        """Offer to load or leave out a payload that is `loaded` or `left out`; "" = there is none."""
        self._is_loaded = state == "loaded"
        self.payload.setText("Leave the payload out" if self._is_loaded else "Load the payload")
        self.payload.setVisible(bool(state))
        self.setVisible(bool(self.sets) or bool(state))

    def _turn_payload(self) -> None:
        self._workspace.load_payload(self._path, not self._is_loaded)
