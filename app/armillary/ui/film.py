"""Pictures of a record, one for each of some times: the desk goes there, is drawn, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from armillary.model.clock import NS, Clock, iso
from armillary.model.fault import Fault
from armillary.session.workspace import Workspace
from armillary.ui.window import DeskWindow

LOOK_MS = 50
FIRST_S, NEXT_S = 120.0, 30.0  # at most, for the scene and the first picture; for each other one


def name_of(t_ns: int) -> str:
    """Return the file name of a picture: names in order of time, e.g. 20260312T140311.000Z.png."""
    return iso(t_ns).replace("-", "").replace(":", "") + ".png"


class Film(QObject):
    """Saves a picture of each time into a folder; `done` is called once, with what went wrong if anything."""

    def __init__(
        self,
        window: DeskWindow,
        clock: Clock,
        folder: Path,
        times: Sequence[int],
        done: Callable[[Fault | None], None],
    ) -> None:
        super().__init__(window)
        self._window, self._clock, self._folder, self._done = window, clock, folder, done
        self._left = list(times)
        self._asked = self._is_there = False
        self._until_ns = clock.now_mono_ns() + int(FIRST_S * NS)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)

    def _look(self) -> None:
        try:
            self._step(self._window.workspace)
        except Fault as fault:
            self._end(fault)

    def _step(self, at: Workspace) -> None:
        """Ask for the next time; when it is shown, let the docks take it, then save."""
        if not self._left:
            self._end(None)
            return
        wanted = self._left[0]
        if at.scene is not None and at.specs and not self._asked:
            self._asked = True
            at.seek(wanted)
        elif self._asked and at.mirror.t_ns == wanted and not self._is_there:
            self._is_there = True
        elif self._is_there:
            self._window.files.save_picture(self._folder / name_of(wanted))
            self._left.pop(0)
            self._asked = self._is_there = False
            self._until_ns = self._clock.now_mono_ns() + int(NEXT_S * NS)
        elif self._clock.now_mono_ns() > self._until_ns:
            raise Fault(
                "The replay did not come to this time.",
                where=iso(wanted),
                remedy="Try a span that is recorded; the log of the replay says more.",
            )

    def _end(self, fault: Fault | None) -> None:
        self._timer.stop()
        self._done(fault)
