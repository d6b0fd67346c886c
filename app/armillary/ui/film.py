"""Pictures of a record, one for each of some times, as files or as a film of the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from armillary.model.arrays import U1
from armillary.model.clock import MS_NS, NS, Clock, iso
from armillary.model.fault import Fault
from armillary.session.settled import is_settled
from armillary.session.workspace import Workspace
from armillary.ui.desk import Desk
from armillary.viewport import film

LOOK_MS = 20
FIRST_S, NEXT_S = 120.0, 30.0  # at most, for the scene and the first picture; for each other one
DOCKS_MS = 400  # that docks take at most to show what came
PENS_NS = NS // 2  # that the trends get to read what belongs to a time
SAY_NS = 2 * NS  # between two words of how far it is


def name_of(t_ns: int) -> str:
    """Return the file name of a picture: names in order of time, e.g. 20260312T140311.000Z.png."""
    return iso(t_ns).replace("-", "").replace(":", "") + ".png"


class Target(Protocol):
    """What takes the pictures of a window."""

    def add(self, window: Desk, t_ns: int) -> None:
        """Take the picture of a time. Raises Fault or OSError."""

    def close(self) -> None:
        """Finish: all pictures are there. Raises OSError."""

    def drop(self) -> None:
        """Leave nothing half done."""


class _Folder:
    """A PNG for each time; what was made stays, whatever comes after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, window: Desk, t_ns: int) -> None:
        window.files.save_picture(self._folder / name_of(t_ns))

    def close(self) -> None:
        """Do nothing: each file is whole."""

    def drop(self) -> None:
        """Do nothing: each file is whole."""


class _File:
    """One film; it appears when it is whole."""

    def __init__(self, path: Path) -> None:
        self._film = film.Film(path)

    def add(self, window: Desk, t_ns: int) -> None:
        window.canvas.draw_now()
        self._film.add(pixels(window.grab().toImage()))

    def close(self) -> None:
        self._film.close()

    def drop(self) -> None:
        self._film.drop()


def pixels(image: QImage) -> U1:
    """Return a picture as (h, w, 4), the top row first."""
    plain = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    out: U1 = rows[:, : 4 * plain.width()].reshape(plain.height(), plain.width(), 4).copy()
    return out


class Film(QObject):
    """Takes a picture of each time; `done` is called once, with what went wrong if anything."""

    def __init__(
        self,
        window: Desk,
        clock: Clock,
        path: Path,
        times: Sequence[int],
        done: Callable[[Fault | None], None],
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """`path`: a folder, or a film by its ending (`viewport.film.FILMS`); `say`: hears how far it is."""
        super().__init__(window)
        self._window, self._clock, self._path = window, clock, path
        self._done, self._say = done, say
        is_film = path.suffix.lower() in film.FILMS and not path.is_dir()
        self._target: Target = _File(path) if is_film else _Folder(path)
        self._times, self._next = times, 0
        self._asked = False
        self._there_mono_ns: int | None = None
        self._until_ns = clock.now_mono_ns() + int(FIRST_S * NS)
        self._said_ns = self._begun_ns = clock.now_mono_ns()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)

    def stop(self) -> None:
        """Give it up; nothing of a film is left."""
        self._timer.stop()
        self._target.drop()
        self.deleteLater()

    def _look(self) -> None:
        try:
            self._step(self._window.workspace)
        except Fault as fault:
            self._end(fault)
        except OSError as error:
            what = f"The pictures could not be written: {error.strerror or error}."
            self._end(Fault(what, where=str(self._path), remedy="Choose a folder that has room."))

    def _step(self, at: Workspace) -> None:
        """Ask for the next time; when it is shown, let the docks take it, then take the picture."""
        if self._next == len(self._times):
            self._target.close()
            self._end(None)
            return
        wanted, now = self._times[self._next], self._clock.now_mono_ns()
        if not self._asked and at.specs and is_settled(at):
            self._asked = True
            at.seek(wanted)
        elif self._asked and self._there_mono_ns is None and at.mirror.t_ns == wanted:
            self._there_mono_ns = now
        elif self._there_mono_ns is not None:
            has_pens = bool(at.timeline.slots)
            if (
                is_settled(at)
                and self._is_quiet(now)
                and (not has_pens or now - self._there_mono_ns > PENS_NS)
            ):
                self._take(wanted, now)
        elif now > self._until_ns:
            raise Fault(
                "The replay did not come to this time.",
                where=iso(wanted),
                remedy="Try a span that is recorded; the log of the replay says more.",
            )

    def _is_quiet(self, now_mono_ns: int) -> bool:
        """Return whether the docks have shown what came; what goes on and on is not waited for long."""
        waits = (timer for timer in self._window.findChildren(QTimer) if timer.isSingleShot())
        is_busy = any(timer.isActive() and timer.interval() <= DOCKS_MS for timer in waits)
        return not is_busy or now_mono_ns - (self._there_mono_ns or 0) > DOCKS_MS * MS_NS

    def _take(self, wanted: int, now_mono_ns: int) -> None:
        self._target.add(self._window, wanted)
        self._next += 1
        self._asked, self._there_mono_ns = False, None
        self._until_ns = now_mono_ns + int(NEXT_S * NS)
        if now_mono_ns - self._said_ns >= SAY_NS:
            self._said_ns = now_mono_ns
            left = (now_mono_ns - self._begun_ns) / self._next * (len(self._times) - self._next) / NS
            self._say(f"picture {self._next} of {len(self._times)}, about {left:.0f} s more")

    def _end(self, fault: Fault | None) -> None:
        self._timer.stop()
        self._target.drop()
        if fault is None:
            self._say(f"{len(self._times)} pictures: {self._path}")
        self._done(fault)
