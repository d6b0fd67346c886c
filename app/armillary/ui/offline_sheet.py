"""The sheet that opens files of samples without a project: their time zone, progress, what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from armillary.model.fault import FaultRecord
from armillary.session.offline import Opening, Replaying, how_of, zones
from armillary.ui.work_sheet import WorkSheet

WIDTH = 480
_NONE = "They say it themselves"


class OfflineSheet(WorkSheet):
    """Prepares a replay of files in the background and hands it over."""

    def __init__(self, path: Path, done: Callable[[Replaying], None], parent: QWidget | None = None) -> None:
        super().__init__(f"Open {path.name}", WIDTH, "Open", parent)
        self._path, self._done = path, done
        self._running: Opening | None = None
        self.zone = QComboBox()
        self.zone.setAccessibleName("Time zone of times without one")
        self.zone.setEditable(True)
        self.zone.addItems([_NONE, "UTC", *zones()])
        form = QFormLayout()
        form.addRow("Time zone", self.zone)
        words = "What was recorded in these files is shown as a replay, without a plant. They are only read."
        self._lay_out(words, form, self.zone)

    def start(self) -> None:
        """Begin to read the files."""
        zone = self.zone.currentText().strip()
        self._running = Opening(self._path, how_of("" if zone == _NONE else zone))
        self._run(self._running)

    def _result(self) -> Callable[[], object] | None:
        replaying = self._running.replaying if self._running is not None else None
        return None if replaying is None else lambda: self._done(replaying)

    def _told(self, fault: FaultRecord) -> str:
        return f"{fault.what} {fault.remedy.partition(': --zone')[0]}"

    def reject(self) -> None:
        """Close; what is being read is given up."""
        if self._work is not None:
            self._work.cancel()
            self._work = None
        super().reject()
