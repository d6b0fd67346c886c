"""The sheet that opens a server's own scene: its address, where the project goes, progress."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QWidget

from armillary.model.fault import Fault
from armillary.session import from_server, offers
from armillary.session.from_server import FromServer
from armillary.session.offers import Report, Wanted
from armillary.ui.work_sheet import WorkSheet

WIDTH = 560
_WORDS = (
    "A server that publishes its own scene and bindings (OPC UA – OpenUSD) is shown with nothing to author. "
    "What it delivers is checked like any file, and its commands stay off."
)


class ServerSheet(WorkSheet):
    """Asks for an address and a folder, reads in the background, and hands over the report."""

    def __init__(
        self, above: Path, done: Callable[[Report], None], parent: QWidget | None = None, url: str = ""
    ) -> None:
        super().__init__("Open from a server", WIDTH, "Open", parent)
        self._done = done
        self._running: FromServer | None = None
        self.address = QLineEdit(url or offers.SCHEME)
        self.address.setAccessibleName("Address of the server")
        self.folder = QLineEdit(str(offers.free_folder("server", above)))
        self.folder.setAccessibleName("New folder of the project")
        self.insecure = QCheckBox("I trust the network between here and this server")
        self.insecure.setToolTip("Needed for a server without security that is not on this machine")
        form = QFormLayout()
        form.addRow("Address", self.address)
        form.addRow("Project folder", self.folder)
        form.addRow("", self.insecure)
        self._lay_out(_WORDS, form, self.address, self.folder, self.insecure)

    def start(self) -> None:
        """Begin to read, or say why not."""
        url = self.address.text().strip()
        folder = Path(self.folder.text().strip()).expanduser().absolute()
        try:
            from_server.refuse(url, folder)
        except Fault as fault:
            self._tell(f"{fault.what} {fault.remedy}")
            return
        settings = {"insecure": True} if self.insecure.isChecked() else {}
        self._running = FromServer(Wanted(url=url, settings=settings), folder)
        self._run(self._running)

    def _result(self) -> Callable[[], object] | None:
        report = self._running.report if self._running is not None else None
        return None if report is None else lambda: self._done(report)
