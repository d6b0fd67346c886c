"""What an operator must know of the alarm that is chosen: if ignored, what to do, how long is left."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from armillary.model.alarm import Presentation
from armillary.model.clock import NS
from armillary.session.alarm_row import AlarmRow, age_text
from armillary.session.rows import clock_text
from armillary.ui.pieces import label, restyle

_BUTTONS = (
    ("go", "Go to part (Enter)", "Go to the part of the chosen alarm"),
    ("trend", "Trend (T)", "Trend of the chosen alarm at the moment it was raised"),
    ("procedure", "Procedure", "Carry out the procedure that answers the chosen alarm"),
    ("comment", "Comment (C)", "Comment on the chosen alarms, alone or with the acknowledge"),
    ("journal", "Journal", "Journal of the chosen alarm"),
    ("limits", "Limits", "Limits of the chosen alarm"),
    ("server", "At its server", "What the server that owns the chosen alarm can be asked"),
)


def time_left(row: AlarmRow, now_ns: int) -> tuple[str, bool]:
    """Return how long there is to respond, in words, and whether it is over; "" where nobody said."""
    if not row.respond_s or not row.active or not row.raised_ns:
        return "", False
    left_s = row.respond_s - max(now_ns - row.raised_ns, 0) / NS
    whole = f"of {age_text(row.respond_s)}"
    if left_s >= 0:
        return f"Respond within {countdown(left_s)} {whole}.", False
    return f"Time to respond is over since {countdown(-left_s)}.", True


def countdown(seconds: float) -> str:
    """Return a time that runs, `1:05`, `2:00:09`."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class AlarmDetail(QFrame):
    """Some lines below the list, and what leads away from it. Hidden while nothing is chosen."""

    def __init__(self, run: Callable[[str], None]) -> None:
        """`run` gets the name of a button."""
        super().__init__()
        self._row: AlarmRow | None = None
        self.text = label("", wrap=True, copyable=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.left = label("", "value")
        self.buttons: dict[str, QPushButton] = {}
        line = QHBoxLayout()
        line.setSpacing(6)
        for name, text, said in _BUTTONS:
            button = QPushButton(text)
            button.setAccessibleName(said)
            button.setToolTip(said)
            button.clicked.connect(lambda _on=False, name=name: run(name))
            self.buttons[name] = button
            line.addWidget(button)
        line.addStretch(1)
        rows = QVBoxLayout(self)  # words over the whole width: the panel is low and stands beside others
        rows.setContentsMargins(10, 2, 8, 4)
        rows.setSpacing(3)
        rows.addWidget(self.left)
        rows.addWidget(self.text)
        rows.addLayout(line)

    def show_row(self, row: AlarmRow | None, chosen: int, now_ns: int) -> None:
        """Show an alarm, the last of so many that are chosen; None hides it all."""
        self._row = row
        self.setVisible(row is not None)
        if row is None:
            return
        more = f" ({chosen} are chosen)" if chosen > 1 else ""
        # what helps comes first: the strip may be too low for all
        parts = [f"What to do: {row.operator_action}"] if row.operator_action else []
        parts += [f"If ignored: {row.consequence}"] if row.consequence else []
        parts.append(f"{row.text}: {row.state}, raised at {clock_text(row.raised_ns)}.{more}")
        if row.first_out:
            parts.append(
                "It was the first of its group."
                if row.first_out == "first"
                else "It was among the first of its group."
            )
        if row.chatter:
            parts.append(f"Chattering: raised {row.chatter} times. Shelve it, or look at its limits.")
        if row.presentation is not Presentation.SHOWN:
            parts.append(row.note)
        self.text.setText("\n".join(parts))
        self.buttons["go"].setEnabled(row.prim >= 0)
        self.buttons["trend"].setEnabled(row.slot >= 0)
        self.buttons["limits"].setEnabled(row.slot >= 0)
        self.buttons["procedure"].setVisible(bool(row.procedure))
        self.tick(now_ns)

    def tick(self, now_ns: int) -> None:
        """Let the countdown run."""
        text, is_over = time_left(self._row, now_ns) if self._row is not None else ("", False)
        self.left.setText(text)
        self.left.setVisible(bool(text))
        role = "bad" if is_over else "value"
        if self.left.property("role") != role:
            self.left.setProperty("role", role)
            restyle(self.left)
