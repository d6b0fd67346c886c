"""The sheet that imports a foreign file: where the USD goes, units and up axis, progress, and the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import Fault
from armillary.session import importing
from armillary.session.importing import FORMATS, Import, Wish
from armillary.ui.pieces import label

WIDTH = 520
LOOK_MS = 100
_STEPS = 100
_NAMES = {
    "m": "metres", "dm": "decimetres", "cm": "centimetres", "mm": "millimetres", "um": "micrometres",
    "km": "kilometres", "in": "inches", "ft": "feet", "yd": "yards",
}  # fmt: skip
_OWN = "As the file says"


class ImportSheet(QDialog):
    """Asks where and how, imports in the background, and hands over the report; nothing else stands still."""

    def __init__(
        self, source: Path, done: Callable[[Mapping[str, Any]], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._source, self._done = source, done
        self._running: Import | None = None
        self.format = FORMATS[source.suffix.lower()]
        self.setWindowTitle(f"Import {source.name}")
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.output = QLineEdit(str(importing.proposal(source)))
        self.output.setAccessibleName("Where the USD is written")
        browse = QPushButton("Choose…")
        browse.setAutoDefault(False)
        browse.clicked.connect(lambda _checked=False: self._browse())
        where = QHBoxLayout()
        where.addWidget(self.output, 1)
        where.addWidget(browse)
        self.units = self._choice("Unit of the file's numbers", _NAMES, self.format.units)
        self.up_axis = self._choice("Up axis", {"Y": "Y", "Z": "Z"}, self.format.up_axis)
        form = QFormLayout()
        form.addRow("Write to", where)
        form.addRow("Unit of its numbers", self.units)
        form.addRow("Up axis", self.up_axis)
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.doing = label("", "muted", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.go = QPushButton("Import")
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        self.go.clicked.connect(lambda _checked=False: self.start())
        self.cancel = QPushButton("Cancel")
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(lambda _checked=False: self.reject())
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.go)
        rows = QVBoxLayout(self)
        rows.addWidget(label(self._words(), "muted", wrap=True))
        rows.addLayout(form)
        for widget in (self.doing, self.bar, self.why):
            rows.addWidget(widget)
            widget.hide()
        rows.addLayout(buttons)
        self._tick = QTimer(self)
        self._tick.setInterval(LOOK_MS)
        self._tick.timeout.connect(self._look)

    def _words(self) -> str:
        name = self.format.name
        text = f"{source_of(self._source)} {name} is turned into OpenUSD; the file itself stays as it is."
        if self.format.units:
            text += f" {name} says neither unit nor up axis: choose what it was exported with."
        return text

    def _choice(self, name: str, texts: Mapping[str, str], usual: str) -> QComboBox:
        """Return a list of choices; what the file says comes first where it says something."""
        box = QComboBox()
        box.setAccessibleName(name)
        if not usual:
            box.addItem(_OWN, "")
        for key, text in texts.items():
            box.addItem(text, key)
        box.setCurrentIndex(max(box.findData(usual), 0))
        return box

    def _browse(self) -> None:
        dialog = QFileDialog(self, "Write the USD to", self.output.text(), "OpenUSD (*.usdc *.usda)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("usdc")
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # a file that is there is refused
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.output.setText)
        dialog.open()

    def start(self) -> None:
        """Begin to import, or say why not."""
        wish = Wish(
            source=self._source,
            output=Path(self.output.text().strip()).expanduser(),
            units=str(self.units.currentData()),
            up_axis=str(self.up_axis.currentData()),
        )
        try:
            importing.refuse(wish)
            if wish.output.suffix not in (".usdc", ".usda"):
                raise Fault(
                    "That is no name of a USD file.", where=str(wish.output), remedy="End it in .usdc."
                )
        except Fault as fault:
            self._tell(f"{fault.what} {fault.remedy.replace(' (-o), or use --force', '')}")
            return
        self._tell("")
        self._running = Import(wish)
        self._enable(is_idle=False)
        self._tick.start()
        self._look()

    def _look(self) -> None:
        running = self._running
        if running is None:
            return
        text, share = running.progress
        self.doing.setText(f"{text} …")
        self.bar.setValue(round(share * _STEPS))
        if not running.ended:
            return
        self._tick.stop()
        self._running = None
        self._enable(is_idle=True)
        if running.report is not None:
            self.accept()
            self._done(running.report)
        elif running.fault is not None:
            self._tell(f"{running.fault.what} {running.fault.remedy}")

    def _enable(self, *, is_idle: bool) -> None:
        for widget in (self.output, self.units, self.up_axis, self.go):
            widget.setEnabled(is_idle)
        self.doing.setVisible(not is_idle)
        self.bar.setVisible(not is_idle)

    def _tell(self, text: str) -> None:
        self.why.setText(text)
        self.why.setVisible(bool(text))

    def reject(self) -> None:
        """Stop what runs, else close."""
        if self._running is not None:
            self._running.cancel()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  Qt's name
        """Stop what runs; the thread ends by itself within a look at its process."""
        if self._running is not None:
            self._running.cancel()
        super().closeEvent(event)


def source_of(source: Path) -> str:
    """Return the first words about a file: its name and size."""
    size = source.stat().st_size if source.is_file() else 0
    return f"{source.name} ({size / 1e6:,.1f} MB):"
