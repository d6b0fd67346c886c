"""A film of the scene turning once, made picture by picture between what else the desk has to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer

from armillary.model.fault import Fault
from armillary.ui import ask_file
from armillary.ui.canvas import Canvas
from armillary.viewport.camera import orbit
from armillary.viewport.film import FILMS, FPS, Film

SECONDS = 6
PICTURES = SECONDS * FPS
_TURN_DEG = 360.0
_TIMER_MS = 0
_KINDS = f"Films ({' '.join(f'*{suffix}' for suffix in FILMS)})"


class Turntable:
    """Makes one film at a time; the eye is put back where it was, also when it is cancelled."""

    def __init__(self, canvas: Canvas, say: Callable[[str], None], fault: Callable[[Fault], None]) -> None:
        self._canvas, self._say, self._fault = canvas, say, fault
        self._film: Film | None = None
        self._path = Path()
        self._pose = canvas.view.pose
        self._timer = QTimer(canvas)
        self._timer.setInterval(_TIMER_MS)
        self._timer.timeout.connect(self._step)

    @property
    def is_running(self) -> bool:
        """Whether a film is being made."""
        return self._film is not None

    def ask(self, folder: str) -> None:
        """Ask for a file and make the film, or stop the one that is being made."""
        if self.is_running:
            self._end("The film was cancelled.")
            return
        suffix = FILMS[0].removeprefix(".")
        ask_file.to_write(
            self._canvas, "Save a film of the scene turning", _KINDS, folder, self.start, suffix=suffix
        )

    def start(self, path: Path, pictures: int = PICTURES) -> None:
        """Begin to film; `pictures` a turn."""
        if path.suffix.lower() not in FILMS:
            what = f"'{path.name}' is no name of a film."
            self._fault(Fault(what, where=str(path), remedy=f"End it in {', '.join(FILMS)}."))
            return
        self._film, self._path, self._pictures = Film(path), path, pictures
        self._pose = self._canvas.view.pose
        self._timer.start()

    def _step(self) -> None:
        film, view = self._film, self._canvas.view
        if film is None:
            return
        if film.pictures >= self._pictures or self._canvas.view.stage is None:
            self._end(f"Saved {self._path}.", keep=True)
            return
        try:
            view.pose = orbit(self._pose, _TURN_DEG * film.pictures / self._pictures, 0.0)
            film.add(view.render(rest=True))
        except OSError as error:
            self._failed(error)
            return
        self._say(f"Filming: {film.pictures} of {self._pictures}. The same command stops it.")

    def _failed(self, error: OSError) -> None:
        self._end("")
        what = f"The film could not be written ({error.strerror})."
        self._fault(Fault(what, where=str(self._path), remedy="Choose a folder you may write to."))

    def _end(self, words: str, *, keep: bool = False) -> None:
        film, self._film = self._film, None
        self._timer.stop()
        self._canvas.view.pose = self._pose
        self._canvas.touch()
        if film is None:
            return
        try:
            if keep:
                film.close()
        except OSError as error:
            self._failed(error)
            return
        finally:
            film.drop()
        if words:
            self._say(words)
