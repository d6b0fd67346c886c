"""The tones of alarms as files, played by a program of this machine; and why nothing is heard."""

from __future__ import annotations

from pathlib import Path

from armillary.model import files, places
from armillary.model.fault import Fault
from armillary.session.sounding import TONES, wave_bytes
from armillary.wire import sound

NO_PLAYER = "neither Qt's multimedia module nor a player (pw-play, paplay, aplay) is on this machine"
FOLDER = "tones"


def can_play() -> bool:
    """Return whether this machine has a player."""
    return bool(sound.player())


class Voice:
    """One desk's. Nothing is started before the first tone."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: where the files of the tones are; None = among our caches."""
        self._folder = folder
        self._player: sound.Player | None = None
        self._files: dict[int, Path] = {}
        self._trouble = ""

    def play(self, priority: int) -> bool:
        """Sound the tones of a priority; return whether that was begun. See `trouble` for why not."""
        if self._player is None:
            command = sound.player()
            if not command:
                self._trouble = NO_PLAYER
                return False
            self._player = sound.Player(command)
        try:
            path = self._file(priority)
        except (OSError, Fault) as error:
            self._trouble = f"the tones cannot be written: {error}"
            return False
        self._trouble = ""
        return self._player.play(path)

    @property
    def trouble(self) -> str:
        """Why the last tone was not heard, "" when it was or may be."""
        if self._trouble or self._player is None:
            return self._trouble
        self._player.look()
        return self._player.trouble

    def stop(self) -> None:
        """End what sounds."""
        if self._player is not None:
            self._player.stop()

    def _file(self, priority: int) -> Path:
        if priority not in self._files:
            if priority not in TONES:
                raise ValueError(f"priority {priority} has no tones")
            folder = self._folder or places.cache() / FOLDER
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"priority-{priority}.wav"
            files.replace(path, wave_bytes(priority), synced=False)
            self._files[priority] = path
        return self._files[priority]
