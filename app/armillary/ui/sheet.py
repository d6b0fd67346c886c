"""The base of sheets: when one is closed, the keys go back to the window that it stood over."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog


class Sheet(QDialog):
    """A dialog that gives the keyboard back.

    A window manager does that by itself. A desk on a bare screen (a kiosk in a control room) has none, and
    its shortcuts would stay dead until somebody clicks into the window.
    """

    def done(self, result: int) -> None:
        """Close; only one that has the keyboard hands it on, so nothing is taken from other programs."""
        parent, had_keys = self.parentWidget(), self.isActiveWindow()
        super().done(result)
        if had_keys and parent is not None:
            parent.window().activateWindow()
