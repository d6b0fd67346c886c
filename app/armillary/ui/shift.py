"""The last shift at the desk: its card, its pages, the sheets for notes and for the hand-over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import Fault
from armillary.model.logbook import LONGEST_NOTE, ShiftAnswer, WriteNote
from armillary.session.logbook import save_page
from armillary.session.workspace import Workspace
from armillary.ui import ask_file, paper
from armillary.ui.desk import Desk
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import button
from armillary.ui.when import date_text

_MOST_LINES = 8
_MOST_WORDS = 240  # letters of a hand-over on the card; the report has them all
_PAGE_SCALE = 1.15
_WIDTH, _HEIGHT = 760, 820
_NOTE_WIDTH = 460


class ShiftCard(QFrame):
    """Below the banners after a log-in, or while a hand-over waits: what whoever comes must know."""

    def __init__(self, workspace: Workspace, show: Callable[[], None], say: Callable[[str], None]) -> None:
        super().__init__()
        self._at, self._say = workspace, say
        self.setProperty("role", "card")
        self.setObjectName("shift")
        self.told = label("", wrap=True)
        self.remarks = label("", "value", wrap=True)
        self.read = button("Report…", "Read the whole report of that shift", show)
        self.take = button(
            "Take over", "Say that you read this; it is written down", self._take, primary=True
        )
        self.close_ = button("Close", "Put this away", workspace.logbook.put_away)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self.told)
        words.addWidget(self.remarks)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addLayout(words, 1)
        for widget in (self.read, self.take, self.close_):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        workspace.logbook.changed.connect(self.refresh)
        workspace.people.changed.connect(self.refresh)
        workspace.visited.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the last shift to whom it is for."""
        book, at = self._at.logbook, self._at
        shown = book.is_shown and not at.is_trainee and not at.away
        if shown and book.last is not None:
            last = book.last
            lines = " ".join(last.brief[:_MOST_LINES])
            self.told.setText(f"Last shift, {last.key}: {lines}")
            self.setAccessibleName(f"Last shift, {last.key}: {lines}")
            given = last.handover
            waits = book.waits
            remarks = ""
            if given is not None:
                said = given.text if len(given.text) <= _MOST_WORDS else f"{given.text[:_MOST_WORDS]} …"
                said = " ".join(said.split()) or "no remarks"
                taken = f" (taken over by {last.taken.author})" if last.taken is not None else ""
                remarks = f"{given.name or given.author} hands over: {said}{taken}"
            self.remarks.setText(remarks)
            self.remarks.setVisible(bool(remarks))
            self.take.setVisible(waits is not None)
            why = book.why_not()
            self.take.setEnabled(not why)
            self.take.setToolTip(why or "Say that you read this; it is written down")
        self.setVisible(shown)

    def _take(self) -> None:
        self._at.logbook.take_over(lambda why: self._say(why or "It is noted that you took over."))


class ShiftSheet(Sheet):
    """The pages of a shift's report, as they are printed; saved as PDF or as a page for a browser."""

    def __init__(self, answer: ShiftAnswer, window: Desk, go: Callable[[str], None]) -> None:
        """`go`: shows the report of another shift, by name."""
        super().__init__(window)
        self._answer, self._window = answer, window
        self.setWindowTitle(f"Shift {answer.key}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(_WIDTH, min(_HEIGHT, max(window.height() - 40, 300)))
        inner = QWidget()
        pages = QVBoxLayout(inner)
        pages.setSpacing(12)
        self.pages: list[QLabel] = []
        for number, image in enumerate(paper.pictures(answer.paper, _PAGE_SCALE), 1):
            shown = QLabel()
            shown.setPixmap(QPixmap.fromImage(image))
            shown.setAccessibleName(f"Page {number}. {' '.join(answer.brief) if number == 1 else ''}")
            pages.addWidget(shown, 0, Qt.AlignmentFlag.AlignHCenter)
            self.pages.append(shown)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setAccessibleName("Pages of the report")
        self.which = QLineEdit(answer.key)
        self.which.setAccessibleName("Which shift")
        self.which.setToolTip("last, now, a name, a name and its day, or a time in it")
        self.which.returnPressed.connect(lambda: go(self.which.text()))
        rows = QVBoxLayout(self)
        rows.addWidget(area, 1)
        foot = QHBoxLayout()
        foot.addWidget(label("Shift", "muted"))
        foot.addWidget(self.which, 1)
        self.pdf = button("Save as PDF…", "Pages of A4", lambda: self._ask("pdf"))
        self.page = button("Save as HTML…", "A page for a browser", lambda: self._ask("html"))
        close = button("Close", "Close the report", self.reject)
        for pressed in (self.pdf, self.page, close):
            pressed.setAutoDefault(False)
            foot.addWidget(pressed)
        rows.addLayout(foot)

    def _ask(self, suffix: str) -> None:
        kinds = f"{suffix.upper()} (*.{suffix})"
        ask_file.to_write(self._window, "Save the report", kinds, "", self.save, suffix=suffix)

    def save(self, path: Path) -> None:
        """Write the report to a file, as its ending says."""
        try:
            if path.suffix.lower() == ".pdf":
                paper.save(self._answer.paper, path)
            else:
                save_page(self._answer.paper, path)
        except Fault as fault:
            self._window.fault(fault)
            return
        self._window.say(f"Saved: {path}")


class WordsSheet(Sheet):
    """Asks for words that go into the logbook; stays open until they are there."""

    def __init__(
        self,
        title: str,
        about: str,
        go: str,
        send: Callable[[str, Callable[[str], None]], None],
        window: Desk,
        *,
        needs_words: bool,
    ) -> None:
        """`send`: gives the words away and tells why they were refused, "" when they are kept."""
        super().__init__(window)
        self._send, self._needs = send, needs_words
        self.setWindowTitle(title)
        self.setMinimumWidth(_NOTE_WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.words = QPlainTextEdit()
        self.words.setAccessibleName(title)
        self.words.setTabChangesFocus(True)
        self.why = label("", "bad", wrap=True)
        self.why.hide()
        self.go = QPushButton(go)
        self.go.setProperty("primary", True)
        cancel = QPushButton("Cancel")
        for pressed in (self.go, cancel):
            pressed.setAutoDefault(False)
        self.words.textChanged.connect(self._typed)
        self.go.clicked.connect(lambda _checked=False: self._go())
        cancel.clicked.connect(lambda _checked=False: self.reject())
        rows = QVBoxLayout(self)
        rows.addWidget(label(about, "muted", wrap=True))
        rows.addWidget(self.words)
        rows.addWidget(self.why)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.go)
        rows.addLayout(foot)
        self._typed()
        self.words.setFocus()

    def _typed(self) -> None:
        text = self.words.toPlainText().strip()
        why = "Write something." if self._needs and not text else ""
        why = why or (f"At most {LONGEST_NOTE} letters." if len(text) > LONGEST_NOTE else "")
        self.go.setEnabled(not why)
        self.go.setToolTip(why)

    def _go(self) -> None:
        self.go.setEnabled(False)
        self._send(self.words.toPlainText().strip(), self._told)

    def _told(self, why: str) -> None:
        if not why:
            self.accept()
            return
        self.why.setText(why)
        self.why.show()
        self.go.setEnabled(True)


class ShiftWork:
    """What a person does with the logbook at one window."""

    def __init__(self, window: Desk) -> None:
        self._window, self._at = window, window.workspace
        self.card = ShiftCard(window.workspace, self.show, window.say)
        self.sheet: Sheet | None = None

    def show(self, name: str = "last") -> None:
        """Show the report of a shift."""
        self._at.logbook.ask_shift(name, self._shown, self._window.say)

    def _shown(self, answer: ShiftAnswer) -> None:
        if isinstance(self.sheet, ShiftSheet):
            self.sheet.reject()
        self.sheet = ShiftSheet(answer, self._window, self.show)
        self.sheet.finished.connect(self._closed)
        self.sheet.open()

    def _closed(self, _result: int = 0) -> None:
        self.sheet = None

    def write(self) -> None:
        """Ask for a note on the time shown, or on the marked range; of what is selected."""
        at = self._at
        marked = at.timebar.marked
        from_ns, to_ns = marked if marked is not None else (at.picture_ns() if at.away else 0, 0)
        chosen = at.alarms.chosen
        alarm = chosen[0] if len(chosen) == 1 else ""
        prim = at.scene.prim_path[at.selection[-1]] if at.scene is not None and at.selection else ""
        when = (
            f"{date_text(from_ns)} to {date_text(to_ns)}"
            if to_ns
            else date_text(from_ns)
            if from_ns
            else "Now"
        )
        what = ", ".join(filter(None, (when, alarm, prim)))

        def send(words: str, told: Callable[[str], None]) -> None:
            wish = WriteNote(text=words, t_ns=from_ns, to_ns=to_ns, prim=prim, alarm=alarm)
            at.logbook.write(wish, told)

        about = f"{what}. A note is never changed: what is wrong is said by another one."
        self._open(WordsSheet("Write a note", about, "Keep", send, self._window, needs_words=True))

    def hand_over(self) -> None:
        """Ask for remarks and hand the shift over."""
        about = "What must whoever comes know? The report goes with it; they confirm that they read it."
        send = self._at.logbook.hand_over
        self._open(
            WordsSheet("Hand over the shift", about, "Hand over", send, self._window, needs_words=False)
        )

    def _open(self, sheet: Sheet) -> None:
        self.sheet = sheet
        sheet.finished.connect(self._closed)
        sheet.open()
