"""The files that the shown scene was made of: whether somebody has changed them since.

Files are asked, not watched (decision 23). Nothing is read again by itself: the desk offers it, or, where
a person has chosen that, reads it in Author while nothing stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from armillary.model.clock import NS
from armillary.session.signal import Signal

LOOK_NS = NS  # between two looks
LOOK_S = 1.0
MOST = 500  # files asked at a time, the layers first: each costs a `stat`
Signature = tuple[tuple[int, int, int], ...]


class SceneFiles:
    """`changed` tells that files differ from those read; `names` says which."""

    def __init__(self) -> None:
        self.changed: Signal[()] = Signal()
        self.names: tuple[str, ...] = ()
        self._files: tuple[Path, ...] = ()
        self._read: Signature = ()
        self._told: Signature = ()
        self._looked_ns = 0

    @property
    def watches(self) -> bool:
        """Whether there are files to look at from time to time."""
        return bool(self._files)

    def forget(self) -> None:
        """No scene is open."""
        self.opened(())

    def opened(self, files: tuple[str, ...]) -> None:
        """Begin with the files as they are now: the scene was made of them."""
        had = bool(self.names)
        self._files, self.names = tuple(map(Path, files[:MOST])), ()
        self._read = self._told = signature(self._files)
        if had:
            self.changed.emit()

    def reloading(self) -> None:
        """The scene is being read again: what changes from now on is told anew."""
        self._told = self._read = signature(self._files)
        self.names = ()
        self.changed.emit()

    def look(self, now_mono_ns: int, stat: Callable[[tuple[Path, ...]], Signature] | None = None) -> bool:
        """Ask the disk, at most once a second; return whether there is news to tell."""
        if not self._files or now_mono_ns - self._looked_ns < LOOK_NS:
            return False
        self._looked_ns = now_mono_ns
        now = (stat or signature)(self._files)
        if now == self._told or any(entry[1] < 0 for entry in now):
            return False  # nothing new, or a file is being replaced: the next look sees it
        self._told = now
        pairs = zip(self._files, self._read, now, strict=True)
        self.names = tuple(file.name for file, before, after in pairs if before != after)
        self.changed.emit()
        return bool(self.names)


def signature(files: tuple[Path, ...]) -> Signature:
    """Return what tells whether files were written: inode, size and time; size -1 where there is none."""
    out = []
    for file in files:
        try:
            stat = file.stat()
            out.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
        except OSError:
            out.append((0, -1, 0))
    return tuple(out)
