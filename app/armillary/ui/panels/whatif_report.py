"""What one run of a what-if has to say, in words: how it stands, why it failed, what to do."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QFrame, QVBoxLayout

from armillary.model.control import RunCard
from armillary.ui.pieces import label

_DIGEST = 10  # characters of a digest that are shown
_TROUBLED = ("failed", "diverged")


def state_text(card: RunCard) -> str:
    """Return how a run stands: `running 43 %, 12 s left`."""
    if card.state == "running":
        left = f", {card.remaining_s:.0f} s left" if math.isfinite(card.remaining_s) else ""
        return f"running {card.progress:.0%}{left}"
    if card.state in ("stopped", "failed", "diverged") and 0 < card.progress < 1:
        return f"{card.state} at {card.progress:.0%}"
    return card.state


def says(card: RunCard) -> str:
    """Return what a card says beside its state: why, its note, its speed and its digest."""
    uncertainty = f"{card.members} members" if card.members > 1 else ""
    speed = f"{card.speed:,.0f} × real time".replace(",", " ") if card.speed > 0 else ""
    digest = f"result {card.digest[:_DIGEST]}" if card.digest else ""
    parts = (card.detail, card.reason, card.note, uncertainty, speed, digest)
    return " · ".join(part for part in parts if part)


class RunReport(QFrame):
    """The words of one run below the list; it is hidden where a run has nothing more to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setAccessibleName("What the run has to say")
        self.title = label("", "value", wrap=True, copyable=True)
        self.words = label("", wrap=True, copyable=True)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 4)
        rows.setSpacing(2)
        rows.addWidget(self.title)
        rows.addWidget(self.words)
        self.hide()

    def show_card(self, card: RunCard | None) -> None:
        """Show what a run says; None hides it."""
        words = "" if card is None else says(card)
        self.setVisible(bool(words))
        if card is None or not words:
            return
        is_bad = card.state in _TROUBLED
        self.title.setText(f"{card.title}: {state_text(card)}")
        kept = " The other runs go on; what it had up to there is kept." if is_bad else ""
        self.words.setText(f"{words}{kept}")
