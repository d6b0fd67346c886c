"""The button that writes the lines of a journal, as they are searched for, into a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QPushButton

from armillary.model.fault import Fault, FaultRecord
from armillary.session.journal import Journal
from armillary.session.journal_file import Export
from armillary.ui import ask_file

KINDS = "CSV (*.csv);;Parquet (*.parquet);;JSON lines (*.jsonl)"


class ExportButton(QPushButton):
    """Asks for a file; its ending says the form."""

    def __init__(self, journal: Journal, export: Export, say: Callable[[str], None]) -> None:
        super().__init__("Export…")
        self._journal, self._export, self._say = journal, export, say
        self.setAccessibleName("Write the lines of the journal that fit into a file")
        self.clicked.connect(lambda _on=False: self._ask())
        self.tell()

    def tell(self) -> None:
        """Offer it where there is something to write."""
        n = len(self._journal)
        self.setEnabled(bool(n))
        self.setToolTip(
            f"Write the {n} lines that fit as CSV, Parquet or JSON lines"
            if n
            else "There is no line to write."
        )

    def _ask(self) -> None:
        name = f"{self._journal.of}.csv"
        ask_file.to_write(
            self, "Export the journal", KINDS, str(Path.home() / name), self.write, suffix="csv"
        )

    def write(self, path: Path) -> None:
        """Write the lines that fit now."""
        try:
            self._export.begin(path, self._journal.times(), lambda got: self._done(path, got))
        except Fault as fault:
            self._say(f"{fault.what} {fault.remedy}")

    def _done(self, path: Path, got: int | FaultRecord) -> None:
        if isinstance(got, FaultRecord):
            self._say(f"{got.what} {got.remedy}")
        else:
            self._say(f"{got} lines of the journal are in {path}.")
