"""A bell that is seen: a bar that flashes once for each tone that nobody can hear."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from armillary.ui import timers
from armillary.ui.pieces import restyle

HALF_MS = 300  # on, and as long off: slower than the two flashes a second that nobody may exceed


class Bell(QObject):
    """Gives a widget the property `rings` and takes it away, so many times."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget, self._left = widget, 0
        self._timer = timers.every(self, HALF_MS, self._turn)

    @property
    def is_on(self) -> bool:
        """Whether it is lit just now."""
        return bool(self._widget.property("rings"))

    def ring(self, times: int) -> None:
        """Flash; while it does, it is not begun anew."""
        if not self._timer.isActive():
            self._left = 2 * times
            self._turn()
            self._timer.start()

    def _turn(self) -> None:
        if self._left <= 0:
            self._timer.stop()
            return
        self._left -= 1
        self._widget.setProperty("rings", not self.is_on)
        restyle(self._widget)
