"""What takes the mouse and the keys of the picture for a while; each does nothing unless it says so."""

from __future__ import annotations

from PySide6.QtGui import QKeyEvent, QPainter


class Tool:
    """Base of all tools. Places are pixels of the picture; True means that the event is taken."""

    passes_clicks = False  # a press that was taken and did not move is a click of the picture all the same

    def press(self, x: float, y: float) -> bool:
        """Take a press of the left button; what is dragged then comes here until it is let go."""
        return False

    def drag(self, x: float, y: float) -> None:
        """Follow the mouse with the button held."""

    def release(self) -> None:
        """The button was let go."""

    def click(self, x: float, y: float) -> bool:
        """Take a click of the left button."""
        return False

    def wheel(self, steps: float) -> bool:
        """Take a turn of the wheel."""
        return False

    def key(self, event: QKeyEvent) -> bool:
        """Take a key."""
        return False

    def key_up(self, event: QKeyEvent) -> bool:
        """Take a key that was let go."""
        return False

    def scene_changed(self) -> None:
        """Another scene is shown."""

    def paint(self, painter: QPainter, ratio: float) -> None:
        """Draw over the picture, in points: pixels divided by `ratio`."""
