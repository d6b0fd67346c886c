"""Where tests keep history: servers as children of their own, on loopback, ended by their pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from armillary.api import HistoryStore, StoreContext, WallClock

PASSWORD = "a-test's own: %x"  # noqa: S105 - of a server that lives for one test
NOBODY = 65_534
LIMIT_S = 60.0


@dataclass
class Place:
    """Where one test keeps its history. What it opens is closed at its end."""

    kind: str
    make: Callable[[bool], HistoryStore]
    kill: Callable[[], None] | None = None  # ends the server by force and starts it again
    opened: list[HistoryStore] = field(default_factory=list)

    def open(self, *, read_only: bool = False) -> HistoryStore:
        store = self.make(read_only)
        self.opened.append(store)
        return store

    def again(self) -> HistoryStore:
        """Close what is open, and open the same place again."""
        self.close()
        return self.open()

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


def wait_for(true: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for a condition with a limit."""
    clock, pause = WallClock(), threading.Event()
    end = clock.now_mono_ns() + int(LIMIT_S * 1e9)
    while not true():
        assert process is None or process.poll() is None, f"{what}: the server ended"
        assert clock.now_mono_ns() < end, f"not within {LIMIT_S} s: {what}"
        pause.wait(0.05)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Server:
    """A server process with a folder of its own; ended by its pid."""

    def __init__(
        self, command: list[str], folder: Path, answers: Callable[[], bool], user: int | None
    ) -> None:
        self._command, self._answers, self._user = command, answers, user
        self._log = (folder / "server.log").open("ab")
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command, stdout=self._log, stderr=self._log, user=self._user, start_new_session=True
        )
        wait_for(self._answers, self._command[0], self.process)

    def kill(self) -> None:
        """End it by force, with all its children, and start it again."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT_S)
        self.start()

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        try:
            self.process.wait(LIMIT_S)
        finally:
            self._log.close()


def folder_of(user: int | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="armillary-store-"))
    if user is not None:
        os.chown(folder, user, user)
    return folder


def postgres_binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs: Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def context(url: str, space: str, *, read_only: bool = False, secret: str = "") -> StoreContext:
    return StoreContext(url=url, space=space, secret=lambda: secret, clock=WallClock(), read_only=read_only)
