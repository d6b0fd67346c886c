"""A second desk on the exercise that is shown: a process of its own, which ends with this window."""

from __future__ import annotations

import shlex
import sys

from PySide6.QtCore import QObject, QProcess

from armillary.model.fault import WorldFault

_START_MS = 3000


def command_line(address: str) -> tuple[str, ...]:
    """Return what starts a trainee's desk on a world."""
    return (sys.executable, "-m", "armillary", "open", "--connect", address, "--trainee")


def words_of(address: str) -> str:
    """Return the same for a person to type."""
    return shlex.join(("armillary", *command_line(address)[3:]))


class SecondDesk(QObject):
    """Starts the trainee's desk, and ends it with its owner."""

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner)
        self._process: QProcess | None = None

    @property
    def is_open(self) -> bool:
        return self._process is not None and self._process.state() != QProcess.ProcessState.NotRunning

    def open(self, address: str) -> None:
        """Start it. Raises WorldFault when it cannot be started, or is open already."""
        if self.is_open:
            raise WorldFault("The trainee's desk is open.", where=address, remedy="Look for its window.")
        program, *rest = command_line(address)
        process = self._process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedErrorChannel)
        process.setStandardOutputFile(QProcess.nullDevice())
        process.start(program, rest)
        if not process.waitForStarted(_START_MS):
            raise WorldFault(
                f"The trainee's desk did not start: {process.errorString()}.",
                where=program,
                remedy=f"Type: {words_of(address)}",
            )

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None and process.state() != QProcess.ProcessState.NotRunning:
            process.terminate()
            if not process.waitForFinished(_START_MS):
                process.kill()
                process.waitForFinished(_START_MS)
