"""The question in the card of a binding: what proves a tag alive that comes irregularly."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from armillary.model.fault import Fault
from armillary.model.tags import TagSpec
from armillary.session import liveness
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label


class Regularity(QFrame):
    """Asked once of a tag: the answer is written down, or not wanted for as long as the desk is open."""

    def __init__(self, workspace: Workspace, say: Callable[[str], None]) -> None:
        super().__init__()
        self._workspace, self._say = workspace, say
        self._spec: TagSpec | None = None
        self._asked: set[str] = set()
        self.words = label("", wrap=True)
        self.device, self.alone = QPushButton("By its device"), QPushButton("It ages alone")
        self.device.clicked.connect(lambda: self._answer(by_device=True))
        self.alone.clicked.connect(lambda: self._answer(by_device=False))
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 4, 0, 4)
        rows.addWidget(self.words)
        buttons = QHBoxLayout()
        buttons.addWidget(self.device)
        buttons.addWidget(self.alone)
        rows.addLayout(buttons)
        self.hide()

    def show_tag(self, spec: TagSpec | None) -> None:
        """Ask of a tag, where there is something to ask."""
        self._spec = spec
        ws = self._workspace
        asks = spec is not None and spec.name not in self._asked and ws.project is not None
        words = liveness.question(spec, ws.mirror) if asks and spec is not None else ""
        self.words.setText(words)
        self.setVisible(bool(words))

    def _answer(self, *, by_device: bool) -> None:
        spec, ws = self._spec, self._workspace
        if spec is None or ws.project is None:
            return
        self._asked.add(spec.name)
        try:
            told = liveness.answer(
                ws.project.folder, ws.undo, spec, ws.mirror, ws.now_ns(), by_device=by_device
            )
        except Fault as fault:
            told = f"Not saved: {fault.what} {fault.remedy}"
        self.hide()
        self._say(told)
