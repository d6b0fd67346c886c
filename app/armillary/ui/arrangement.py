"""How the window stood: kept every few seconds and at its end, put back at the next start."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from armillary.session.settings import Settings
from armillary.ui import timers
from armillary.ui.bars import Bars
from armillary.ui.docks import Docks

SIZE = (1600, 1000)
KEEP_MS = 5000


class Arrangement:
    """Size and docks of one window. A desk that is killed comes back as it was."""

    def __init__(self, window: QMainWindow, settings: Settings, docks: Docks, bars: Bars) -> None:
        """Put the window as it stood; its docks must all have been added."""
        self._window, self._settings, self._docks, self._bars = window, settings, docks, bars
        self._normal_state = Qt.WindowState.WindowNoState
        self.layout_before = settings.get("layout")  # of the desk before, "" for none
        window.resize(*SIZE)
        docks.settle(*SIZE)
        geometry = settings.window("geometry")
        if geometry and not _is_offscreen():
            window.restoreGeometry(QByteArray(geometry))
        if not docks.restore(settings.window("docks")):
            bars.first(bars.layout)
        self._keeping = timers.every(window, KEEP_MS, self.keep)
        self._keeping.start()

    def keep(self) -> None:
        """Write the arrangement down where it changed."""
        self._bars.save()
        self._settings.set("layout", self._bars.layout)

    def reset(self) -> None:
        """Arrange all docks as on the first start."""
        self._docks.reset()
        self._bars.first(self._bars.layout)
        self._bars.save()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        if self._window.isFullScreen():
            self._window.setWindowState(self._normal_state)
        else:
            self._normal_state = self._window.windowState()
            self._window.showFullScreen()

    def end(self) -> None:
        """Write all down a last time: the window closes."""
        if not _is_offscreen():
            self._settings.save_window("geometry", bytes(self._window.saveGeometry().data()))
        self._keeping.stop()
        self.keep()


def _is_offscreen() -> bool:
    """Return whether there is no screen: its made-up size must not shrink the window, nor be remembered."""
    return QGuiApplication.platformName() == "offscreen"
