"""The sheet that imports a foreign file: where the USD goes, units and up axis, progress, and the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from armillary.model.fault import Fault
from armillary.session import importing
from armillary.session.importing import FORMATS, Import, Wish
from armillary.ui.work_sheet import WorkSheet

WIDTH = 520
_NAMES = {
    "m": "metres", "dm": "decimetres", "cm": "centimetres", "mm": "millimetres", "um": "micrometres",
    "km": "kilometres", "in": "inches", "ft": "feet", "yd": "yards",
}  # fmt: skip
_OWN = "As the file says"


class ImportSheet(WorkSheet):
    """Asks where and how, imports in the background, and hands over the report."""

    def __init__(
        self, source: Path, done: Callable[[Mapping[str, Any]], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(f"Import {source.name}", WIDTH, "Import", parent)
        self._source, self._done = source, done
        self._running: Import | None = None
        self.format = FORMATS[source.suffix.lower()]
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
        self._lay_out(self._words(), form, self.output, self.units, self.up_axis)

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
        self._running = Import(wish)
        self._run(self._running)

    def _result(self) -> Callable[[], object] | None:
        report = self._running.report if self._running is not None else None
        return None if report is None else lambda: self._done(report)


def source_of(source: Path) -> str:
    """Return the first words about a file: its name and size."""
    size = source.stat().st_size if source.is_file() else 0
    return f"{source.name} ({size / 1e6:,.1f} MB):"
