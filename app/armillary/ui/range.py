"""What a person does with the marked range of time by sheets and dialogs: name it, save a film of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from armillary.model.clock import Clock
from armillary.model.fault import Fault
from armillary.ui import ask_file
from armillary.ui.desk import Desk
from armillary.ui.film import Film
from armillary.ui.login import ReasonSheet
from armillary.ui.when import date_text
from armillary.viewport.film import FILMS, FPS

SECONDS = 20  # that a film lasts
_KINDS = f"Films ({' '.join(f'*{suffix}' for suffix in FILMS)})"


class Range:
    """The marked range of one window."""

    def __init__(self, window: Desk, clock: Clock) -> None:
        self._window, self._clock = window, clock
        self.film: Film | None = None
        self.sheet: ReasonSheet | None = None

    def name(self) -> None:
        """Ask a name and keep the range under it."""
        marked = self._window.workspace.timebar.marked
        if marked is None:
            return
        text = f"{date_text(marked[0])} to {date_text(marked[1])}"
        self.sheet = ReasonSheet("Name the range", text, "Keep", self._named, self._window)
        self.sheet.reason.setAccessibleName("Name")
        self.sheet.reason.setPlaceholderText("What happened there")
        self.sheet.open()

    def _named(self, title: str) -> None:
        self._tried(lambda: self._window.workspace.timebar.keep_range(title))
        self._window.say(f"Kept: {title}")

    def save(self) -> None:
        """Ask for a file and film the range, or stop the film that is being made."""
        if self.film is not None:
            self.film.stop()
            self.film = None
            self._window.say("The film was cancelled.")
            return
        suffix = FILMS[0].removeprefix(".")
        ask_file.to_write(self._window, "Save a film of the range", _KINDS, "", self.begin, suffix=suffix)

    def begin(self, path: Path, pictures: int = SECONDS * FPS) -> None:
        """Film the range; the replay goes from time to time meanwhile."""
        marked = self._window.workspace.timebar.marked
        if path.suffix.lower() not in FILMS or marked is None:
            what = f"'{path.name}' is no name of a film."
            self._window.fault(Fault(what, where=str(path), remedy=f"End it in {', '.join(FILMS)}."))
            return
        step = max((marked[1] - marked[0]) // max(pictures, 1), 1)
        times = range(marked[0], marked[1] + 1, step)
        self.film = Film(self._window, self._clock, path, times, self._filmed, self._window.say)

    def _filmed(self, fault: Fault | None) -> None:
        self.film = None
        if fault is not None:
            self._window.fault(fault)

    def _tried(self, run: Callable[[], object]) -> None:
        try:
            run()
        except Fault as fault:
            self._window.fault(fault)
