"""The sheet that makes a project of a person's own scene and broker, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from armillary.model.clock import WallClock
from armillary.model.fault import Fault
from armillary.session.beginning import TEMPLATES, Beginning, folder_for
from armillary.ui import ask_file
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import button

WIDTH, STEPS_WIDTH = 560, 460
_SCENES = "OpenUSD scenes (*.usd *.usda *.usdc *.usdz)"
GAP_PX = 12


class NewSheet(Sheet):
    """Says what is missing while it is filled in; the scene itself is never written."""

    def __init__(
        self, made: Callable[[Path, Beginning], None], scene: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._made = made
        self.setWindowTitle("New project")
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.template = QComboBox()
        self.template.setAccessibleName("Template")
        self.template.addItems(list(TEMPLATES))
        self.scene = _line("Scene", "An OpenUSD scene; empty: a new, empty one", scene)
        self.folder = _line("Folder of the project", "A new folder", folder_for(scene))
        self.name = _line("Title", "The folder's name")
        self.broker = _line("Address of an MQTT broker", "mqtt://host:1883")
        self.topics = _line("Topics", "plant/#", "#")
        self.server = _line("Address of an OPC UA server", "opc.tcp://host:4840")
        self.why = label("", "muted", wrap=True)
        self.go = QPushButton("Make it")
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        self.go.clicked.connect(lambda _checked=False: self._make())
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(lambda _checked=False: self.reject())
        form = QFormLayout()
        form.addRow("Scene", self._with_choice(self.scene, self._ask_scene))
        form.addRow("Folder", self._with_choice(self.folder, self._ask_folder))
        form.addRow("Title", self.name)
        form.addRow("MQTT broker", self.broker)
        form.addRow("Topics", self.topics)
        form.addRow("OPC UA server", self.server)
        form.addRow("Template", self.template)
        buttons = QHBoxLayout()
        buttons.addWidget(self.why, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.go)
        rows = QVBoxLayout(self)
        rows.addWidget(
            label(
                "Your scene stays where it is and is never changed. A password is asked for later.",
                "muted",
                wrap=True,
            )
        )
        rows.addLayout(form)
        rows.addLayout(buttons)
        for line in (self.scene, self.folder, self.name, self.broker, self.topics, self.server):
            line.textChanged.connect(lambda _text: self._refresh())
        self.template.currentTextChanged.connect(lambda _text: self._refresh())
        self._refresh()

    def _with_choice(self, line: QLineEdit, ask: Callable[[], None]) -> QWidget:
        out = QWidget()
        row = QHBoxLayout(out)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line, 1)
        row.addWidget(button("Choose…", f"Choose: {line.accessibleName()}", ask))
        return out

    def _ask_scene(self) -> None:
        ask_file.to_read(
            self, "Choose a scene", _SCENES, str(Path(self.scene.text()).parent), self._take_scene
        )

    def _take_scene(self, path: Path) -> None:
        proposed = folder_for(self.scene.text())
        self.scene.setText(str(path))
        if self.folder.text() in ("", proposed):
            self.folder.setText(folder_for(str(path)))

    def _ask_folder(self) -> None:
        chosen = QFileDialog(self, "Choose a folder", str(Path(self.folder.text()).parent))
        chosen.setFileMode(QFileDialog.FileMode.Directory)
        chosen.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen.fileSelected.connect(self.folder.setText)
        chosen.open()  # not exec: nothing stands still while it is open

    @property
    def filled(self) -> Beginning:
        """What is filled in now."""
        return Beginning(
            template=self.template.currentText(),
            scene=self.scene.text().strip(),
            folder=self.folder.text().strip(),
            name=self.name.text(),
            broker=self.broker.text(),
            topics=self.topics.text(),
            server=self.server.text(),
        )

    def _refresh(self) -> None:
        why = self.filled.why_not()
        self.why.setText(why)
        self.go.setEnabled(not why)

    def _make(self) -> None:
        filled = self.filled
        try:
            folder = filled.make(WallClock())
        except Fault as fault:
            self.why.setText(f"{fault.what} {fault.remedy}")
            return
        self.accept()
        self._made(folder, filled)


class NextSteps(QFrame):
    """The card beside a new project's scene: what to do, in order, until it is put away."""

    def __init__(self, over: QWidget, steps: tuple[str, ...]) -> None:
        super().__init__(over)
        self.setProperty("role", "card")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rows = QVBoxLayout(self)
        rows.addWidget(label("From here to a living twin", "heading"))
        for number, step in enumerate(steps, 1):
            rows.addWidget(label(f"{number}.  {step}", wrap=True))
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(button("Done", "Put this card away", self.close))
        rows.addLayout(foot)
        self.setFixedWidth(STEPS_WIDTH)
        self.adjustSize()
        self.move(GAP_PX, GAP_PX)
        self.setAccessibleName(" ".join(steps))


def _line(name: str, hint: str, text: str = "") -> QLineEdit:
    out = QLineEdit(text)
    out.setAccessibleName(name)
    out.setPlaceholderText(hint)
    return out
