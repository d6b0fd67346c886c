"""What a trainee reads before an exercise, with *Ready*; it leaves once that is said or the exercise runs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from armillary.model.arrays import U4
from armillary.model.frame import RunState
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button


class BriefCard(QFrame):
    """A card right below the bars of a trainee's desk; nothing of it on any other."""

    def __init__(self, workspace: Workspace, run: Callable[[str], None]) -> None:
        super().__init__()
        self._at = workspace
        self.setProperty("role", "card")
        self.setAccessibleName("Brief of the exercise")
        self.title, self.text, self.aims = label("", "title"), label("", wrap=True), label("", wrap=True)
        self.ready = button("Ready", "Tell the instructor that you are ready", self._pressed, primary=True)
        self.ready.setMinimumHeight(40)
        self.ready.setMinimumWidth(120)
        self._run = run
        words = QVBoxLayout()
        for widget in (self.title, self.text, self.aims):
            words.addWidget(widget)
        bar = QHBoxLayout(self)
        bar.setContentsMargins(16, 10, 16, 10)
        bar.addLayout(words, 1)
        bar.addWidget(self.ready)
        workspace.training.changed.connect(self.refresh)
        workspace.frame_arrived.connect(self._arrived)
        self.refresh()

    def _pressed(self) -> None:
        self.ready.setEnabled(False)
        self._run("train.ready")

    def _arrived(self, _slots: U4) -> None:
        if self.isVisible() and self._at.mirror.run is RunState.RUNNING:
            self.refresh()

    def refresh(self) -> None:
        """Show the brief while it is to be read."""
        at, brief = self._at, self._at.training.brief
        waits = brief is not None and not at.training.is_ready and at.mirror.run is RunState.PAUSED
        if brief is not None:
            self.title.setText(f"{brief.title} · {brief.minutes:g} min")
            self.text.setText(brief.text)
            self.aims.setText("\n".join(f"• {aim}" for aim in brief.objectives))
        self.setVisible(at.is_trainee and waits)
