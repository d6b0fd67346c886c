"""Plays a short sound file with a player of this machine, where Qt brings none; one at a time, bounded."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

PLAYERS: tuple[tuple[str, ...], ...] = (("pw-play",), ("paplay",), ("aplay", "-q"))
"""Programs and their options, the first that is there is taken: PipeWire's, PulseAudio's, ALSA's."""
INSTALL = "As root: apt-get install --no-install-recommends alsa-utils (or pulseaudio-utils, pipewire-bin)"
LONGEST_S = 5.0  # a tone lasts less than one: a player that takes longer waits for a device
_SAID = 200  # letters of what it says


def player() -> tuple[str, ...]:
    """Return the command that plays a file, () where this machine has none."""
    for name, *options in PLAYERS:
        if found := shutil.which(name):
            return (found, *options)
    return ()


class Player:
    """Runs one player at a time. `trouble` says why the last one made no sound, "" while none failed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._end: threading.Timer | None = None
        self.trouble = ""

    def play(self, path: Path) -> bool:
        """Begin to play a file; while one still plays, that is left to end. False where it cannot begin."""
        self.look()
        if self._process is not None:
            return True
        try:
            self._process = subprocess.Popen(  # noqa: S603  a player of the system, by its own path
                [*self._command, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            self.trouble = f"{Path(self._command[0]).name}: {error.strerror or error}"
            return False
        self._end = threading.Timer(LONGEST_S, self._process.kill)
        self._end.daemon = True
        self._end.start()
        return True

    def look(self) -> bool:
        """Note how the player ended; return whether one still plays."""
        process = self._process
        if process is None:
            return False
        status = process.poll()
        if status is None:
            return True
        self._forget()
        said = b""
        if process.stderr is not None:
            with contextlib.suppress(OSError), process.stderr as stream:
                said = stream.read(_SAID)
        name, words = Path(self._command[0]).name, said.decode("utf-8", "replace").strip().partition("\n")[0]
        if status == 0:
            self.trouble = ""
        elif status < 0:
            self.trouble = f"{name}: it did not end within {LONGEST_S:g} s"
        else:
            self.trouble = f"{name}: {words or f'it ended with {status}'}"
        return False

    def stop(self) -> None:
        """End what plays."""
        process = self._process
        self._forget()
        if process is not None:
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    def _forget(self) -> None:
        self._process = None
        if self._end is not None:
            self._end.cancel()
            self._end = None
