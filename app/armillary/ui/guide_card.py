"""The card over the picture while a procedure is carried out: the step, its condition now, what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QFrame, QHBoxLayout, QInputDialog, QProgressBar, QVBoxLayout, QWidget

from armillary.model.procedure import ActionOf
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label, restyle
from armillary.ui.tables import button

WIDTH_PX, GAP_PX = 350, 12
_SHARE = 1_000
_SHOWN = 4  # lines of what is over
_ROLES = {"bad": "bad"}


class GuideCardView(QFrame):
    """At the lower left of the picture."""

    def __init__(
        self, over: QWidget, workspace: Workspace, look: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        """`look`: goes where the step is done."""
        super().__init__(over)
        self._over, self._at, self._say = over, workspace, say
        self.setProperty("role", "card")
        self.setObjectName("guide")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.title = label("", "muted", wrap=True)
        self.step = label("", "value", wrap=True)
        self.text = label("", wrap=True)
        self.until = label("", "muted", wrap=True)
        self.now = label("", wrap=True)
        self.held = QProgressBar()
        self.held.setRange(0, _SHARE)
        self.held.setTextVisible(False)
        self.held.setFixedHeight(6)
        self.held.setAccessibleName("How long the condition has held")
        self.state = label("", wrap=True)
        self.done_lines = label("", "muted", wrap=True)
        guide = workspace.guide
        self.back = button("Back", "Go one step back in the dry run", guide.back)
        self.show_me = button("Show me", "Fly to where the step is done (P)", look)
        self.skip = button("Skip…", "Skip this step, with a reason", lambda: self.ask("skip"))
        self.abort = button("Give up…", "Give the procedure up, with a reason", lambda: self.ask("abort"))
        self.confirm = button(
            "Done", "Confirm that the step is done", lambda: self._act("confirm"), primary=True
        )
        self.close_it = button("Close", "Put the card away", guide.put_away)
        for each in (self.back, self.show_me, self.skip, self.abort, self.confirm, self.close_it):
            each.setMinimumHeight(32)
        self.dialog: QInputDialog | None = None
        self._lay_out()
        over.installEventFilter(self)
        guide.changed.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        for widget in (self.abort, self.skip, self.back):
            foot.addWidget(widget)
        foot.addStretch(1)
        for widget in (self.show_me, self.close_it, self.confirm):
            foot.addWidget(widget)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(12, 10, 12, 10)
        rows.setSpacing(5)
        parts: tuple[QWidget, ...] = (self.title, self.step, self.text, self.until, self.now, self.held)
        for part in (*parts, self.state, self.done_lines):
            rows.addWidget(part)
        rows.addLayout(foot)

    def refresh(self) -> None:
        """Show the present step, or nothing."""
        card = self._at.guide.card()
        self.setVisible(card is not None)
        if card is None:
            return
        others = len(self._at.guide.others)
        more = f" · {others} more under way" if others else ""
        dry = "Dry run: " if card.is_dry else ""
        self.title.setText(f"{dry}{card.title} · {card.place}{more}")
        for widget, text in (
            (self.step, card.step),
            (self.text, card.text),
            (self.until, card.condition),
            (self.now, card.now.words if card.now is not None else ""),
            (self.state, card.state),
            (self.done_lines, "\n".join(f"✓ {line}" for line in card.history[-_SHOWN:])),
        ):
            widget.setText(text)
            widget.setVisible(bool(text))
        is_bad = card.tone == "bad" or (card.now is not None and card.now.verdict in ("no_data", "wrong"))
        for widget in (self.now, self.state):
            wanted = "bad" if is_bad else ""
            if widget.property("role") != wanted:
                widget.setProperty("role", wanted)
                restyle(widget)
        self.held.setVisible(bool(card.condition) and not card.is_over and not card.is_dry)
        self.held.setValue(round(_SHARE * card.held))
        self.confirm.setVisible(not card.is_over)
        self.confirm.setText("Next" if card.is_dry else "Done")
        self.confirm.setEnabled(card.can_confirm)
        self.confirm.setToolTip("" if card.can_confirm else self._at.guide.why_not_act() or card.state)
        self.skip.setVisible(not card.is_over and not card.is_dry)
        self.skip.setEnabled(not card.why_not_skip)
        self.skip.setToolTip(card.why_not_skip or "Leave this step out, with a reason")
        self.abort.setVisible(not card.is_over and not card.is_dry)
        self.abort.setEnabled(not card.why_not_abort)
        self.abort.setToolTip(card.why_not_abort or "Give the procedure up, with a reason")
        self.back.setVisible(card.is_dry)
        self.show_me.setVisible(not card.is_over)
        self.close_it.setVisible(card.is_over or card.is_dry)
        self.setAccessibleName(f"{card.title}: {card.place}, {card.step}. {card.state}")
        self._place()
        self.raise_()

    # ------------------------------------------------------------ what a person does

    def ask(self, action: ActionOf) -> None:
        """Ask a reason, then skip the step or give the run up."""
        words = "Why is this step left out?" if action == "skip" else "Why is the procedure given up?"
        self.dialog = dialog = QInputDialog(self._over)
        dialog.setWindowTitle("Reason")
        dialog.setLabelText(words)
        dialog.textValueSelected.connect(lambda text: self._act(action, text))
        dialog.open()

    def _act(self, action: ActionOf, reason: str = "") -> None:
        self._at.guide.act(action, self._told, reason)

    def _told(self, why: str) -> None:
        if why:
            self._say(why)

    # ------------------------------------------------------------ place

    def _place(self) -> None:
        width = min(WIDTH_PX, self._over.width() - 2 * GAP_PX)
        layout = self.layout()
        wanted = layout.heightForWidth(width) if layout is not None else self.sizeHint().height()
        height = min(wanted, self._over.height() - 2 * GAP_PX)
        self.setGeometry(GAP_PX, self._over.height() - height - GAP_PX, width, height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False
