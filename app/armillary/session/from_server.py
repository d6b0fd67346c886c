"""Making a project of a server's own scene in the background: what the sheet *Open from a server* runs."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from armillary.model.fault import Fault, FaultRecord, record
from armillary.session import offers
from armillary.session.offers import Report, Wanted

log = logging.getLogger(__name__)


class FromServer:
    """One reading in a thread of its own; the owner looks at `progress` and `ended` from time to time."""

    def __init__(self, wanted: Wanted, folder: Path) -> None:
        self.progress: tuple[str, float] = (f"Reading {wanted.url}", 0.2)
        self.report: Report | None = None
        self.fault: FaultRecord | None = None
        self._wanted, self._folder = wanted, folder
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="from-server", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether there is a report or a fault."""
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """End it soon; what is not written yet is not."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            with offers.read(self._wanted, self._cancelled.is_set) as (offer, delivered):
                self.progress = (f"Writing {self._folder.name}", 0.6)
                self.report = offers.make_project(self._folder, offer, delivered, self._wanted)
        except Fault as fault:
            self.fault = record(fault)
        except Exception as error:  # a border: a defect must be shown, not lost with its thread
            log.exception("a server could not be opened")
            self.fault = FaultRecord(
                kind="Fault",
                what=f"An inner step failed: {error}.",
                where=self._wanted.url,
                remedy="See the log file of the desk.",
            )


def refuse(url: str, folder: Path) -> None:
    """Raise Fault for what can be seen before anything is asked."""
    if not offers.is_server(url) or len(url) <= len(offers.SCHEME):
        raise Fault("That is no address of a server.", where=url, remedy="Write it as opc.tcp://host:4840.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Fault("The folder is not empty.", where=str(folder), remedy="Choose a new one.")
    if not folder.parent.is_dir():
        raise Fault("There is no such folder.", where=str(folder.parent), remedy="Make it first.")
