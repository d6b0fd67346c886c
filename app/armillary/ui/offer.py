"""The bar below the banners that says one thing and offers one button for it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout

from armillary.ui.pieces import label
from armillary.ui.tables import button


class Offer(QFrame):
    """A text that may wrap, and `load`, the button of what is offered."""

    def __init__(self, name: str, word: str, tip: str, run: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setObjectName(name)
        self.text = label("", wrap=True)
        self.load = button(word, tip, run, primary=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.load)

    def say(self, text: str) -> None:
        """Show a text, also to screen readers."""
        self.text.setText(text)
        self.setAccessibleName(text)
