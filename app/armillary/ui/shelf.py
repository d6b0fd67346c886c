"""The sheet that puts alarms on the shelf: why, and for how long. It says what the world would refuse."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from armillary.model.alarm import LONGEST_SHELF_NS, SHELF_REASONS, SHORTEST_REASON, Presentation
from armillary.model.clock import NS
from armillary.model.shift import left_s
from armillary.session.alarm_row import age_text
from armillary.session.workspace import Workspace
from armillary.ui.login import ReasonSheet
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet

WIDTH = 360
DURATIONS = (
    ("15 minutes", 900.0),
    ("1 hour", 3_600.0),
    ("4 hours", 14_400.0),
    ("8 hours", 28_800.0),
    ("until it is normal again", 0.0),
)
USUAL = 1
SHIFT = -1.0  # instead of seconds: to the end of the shift
MOST_TITLES = 3
OTHER = "other …"


class ShelfSheet(Sheet):
    """Asks why and for how long; `done` gets the reason and seconds (0 = until it is normal again)."""

    def __init__(
        self,
        names: str,
        priority: int,
        done: Callable[[str, float], None],
        parent: QWidget | None = None,
        shift: Callable[[], tuple[str, float]] = lambda: ("", 0.0),
    ) -> None:
        """`priority`: the highest of the alarms, bounds the time. shift: its name, and how long it lasts."""
        super().__init__(parent)
        self._done, self._shift = done, shift
        self.setWindowTitle("Shelve alarms")
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        longest_s = LONGEST_SHELF_NS[min(max(priority, 1), 4)] / NS
        self.reason = QComboBox()
        self.reason.setAccessibleName("Why the alarms are shelved")
        self.reason.addItems([*SHELF_REASONS, OTHER])
        self.words = QLineEdit()
        self.words.setAccessibleName("Reason in words")
        self.words.setPlaceholderText(f"Reason, at least {SHORTEST_REASON} letters")
        self.words.hide()
        self.time = QComboBox()
        self.time.setAccessibleName("For how long")
        name, left_s = shift()
        ends = [(f"end of shift {name}, in {age_text(left_s)}", SHIFT)] if 0 < left_s <= longest_s else []
        for text, seconds in (*DURATIONS[:-1], *ends, DURATIONS[-1]):
            if seconds <= longest_s:
                self.time.addItem(text, seconds)
        self.time.setCurrentIndex(min(USUAL, self.time.count() - 1))
        self.go = QPushButton("Shelve")
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        self.reason.currentTextChanged.connect(lambda _text: self._offer())
        self.words.textChanged.connect(lambda _text: self._offer())
        self.go.clicked.connect(lambda _checked=False: self._go())
        cancel.clicked.connect(lambda _checked=False: self.reject())
        rows = QVBoxLayout(self)
        rows.addWidget(label(names, wrap=True))
        rows.addWidget(
            label("Shelved alarms are evaluated and written down; they bother nobody.", "muted", wrap=True)
        )
        for widget in (self.reason, self.words, self.time):
            rows.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.go)
        rows.addLayout(buttons)
        self.reason.setFocus()

    def _why(self) -> str:
        return self.words.text().strip() if self.reason.currentText() == OTHER else self.reason.currentText()

    def _offer(self) -> None:
        other = self.reason.currentText() == OTHER
        self.words.setVisible(other)
        short = other and len(self._why()) < SHORTEST_REASON
        self.go.setEnabled(not short)
        self.go.setToolTip("Say why in a few words." if short else "")

    def _go(self) -> None:
        seconds = float(self.time.currentData())
        if seconds == SHIFT:
            seconds = self._shift()[1]  # at the press of the key, not when the sheet was opened
            if seconds <= 0:
                return  # it ended meanwhile: another time is chosen
        self._done(self._why(), seconds)
        self.accept()


def hide_alarms(workspace: Workspace, how: str, parent: QWidget) -> None:
    """Shelve the chosen alarms or take them out of service, asking why; or bring them back."""
    book = workspace.alarms
    chosen = [name for name in book.chosen if name in book.specs]
    if not chosen:
        return
    if how == "show":
        hidden = {name: book.hidden[name].presentation for name in chosen if name in book.hidden}
        if shelved := [name for name, at in hidden.items() if at is Presentation.SHELVED]:
            book.unshelve(shelved)
        if removed := [name for name, at in hidden.items() if at is Presentation.OUT_OF_SERVICE]:
            book.back_in_service(removed)
        return
    titles = [book.specs[name].title or book.specs[name].tag or name for name in chosen]
    more = f" and {len(titles) - MOST_TITLES} more" if len(titles) > MOST_TITLES else ""
    names = ", ".join(titles[:MOST_TITLES]) + more
    if how == "remove":
        text = f"{names}: out of service until somebody puts it back. Give the number of the ticket."
        ReasonSheet(
            "Out of service",
            text,
            "Take out of service",
            lambda why: book.out_of_service(chosen, why),
            parent,
        ).open()
        return
    priority = min(book.specs[name].priority for name in chosen)
    project = workspace.project
    specs = project.shifts if project is not None else ()
    ShelfSheet(
        names,
        priority,
        lambda why, seconds: book.shelve(chosen, why, seconds),
        parent,
        lambda: left_s(specs, workspace.mirror.t_ns or workspace.now_ns()),
    ).open()
