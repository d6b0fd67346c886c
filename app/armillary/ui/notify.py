"""Cards for what needs a person, never a modal box; deduplicated, counted, slow to pile up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from armillary.model.fault import Fault, FaultRecord, record
from armillary.model.scene import SceneProblem
from armillary.session.workspace import Workspace
from armillary.ui import icons, timers
from armillary.ui.pieces import IconButton, label
from armillary.ui.theme import Colours

MOST_CARDS = 3
SPACING_MS = 2000  # at most one new card in this time (operations 8.5)
CARD_PX = 380
_MARGIN = 12


@dataclass(frozen=True, slots=True)
class Notice:
    """What a card says; equal notices are counted, not repeated."""

    level: str  # info | warning | error
    what: str
    where: str
    remedy: str
    code: str = ""


def of_fault(fault: Fault | FaultRecord) -> Notice:
    """Return the card of a fault."""
    told = record(fault) if isinstance(fault, Fault) else fault
    return Notice("error", told.what, told.where, told.remedy, told.kind)


def of_problem(problem: SceneProblem) -> Notice:
    """Return the card of a problem of scene, bindings or project."""
    return Notice(problem.severity, problem.what, problem.where, problem.remedy, problem.code)


class Card(QFrame):
    """One notice with what, where, what to do."""

    def __init__(
        self, notice: Notice, colours: Colours, close: Callable[[], None], copy: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.notice, self.count = notice, 1
        self.setProperty("role", "card")
        self.setProperty("severity", notice.level)
        self.setAccessibleName(f"{notice.level}: {notice.what}")
        self.setFixedWidth(CARD_PX)
        self._mark = label()
        self.what = label(notice.what, wrap=True, copyable=True)
        self.where = label(notice.where, "muted", wrap=True, copyable=True)
        self.remedy = label(notice.remedy, wrap=True, copyable=True)
        self.times = label("", "muted")
        self.copy = QPushButton("Copy report")
        self.copy.setAccessibleName("Copy this report")
        self.copy.setProperty("flat", True)
        report = f"{notice.code} {notice.level}: {notice.what}\n{notice.where}\n{notice.remedy}"
        self.copy.clicked.connect(lambda: copy(report))
        self.close_button = IconButton("close", "Dismiss this message", close)
        foot = QHBoxLayout()
        foot.addWidget(self.times, 1)
        foot.addWidget(self.copy)
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 6, 6)
        grid.setVerticalSpacing(3)
        grid.addWidget(self._mark, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.what, 0, 1)
        grid.addWidget(self.close_button, 0, 2, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.where, 1, 1, 1, 2)
        grid.addWidget(self.remedy, 2, 1, 1, 2)
        grid.addLayout(foot, 3, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self.where.setVisible(bool(notice.where))
        self.remedy.setVisible(bool(notice.remedy))
        self.set_colours(colours)

    def again(self) -> None:
        """Count the same notice once more."""
        self.count += 1
        self.times.setText(f"{self.count} times")

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._mark.setPixmap(icons.pixmap(self.notice.level, colours.text))
        self.close_button.set_colours(colours)


class Cards(QWidget):
    """The column of cards at the top right of a widget; it blocks nothing."""

    def __init__(
        self, workspace: Workspace, over: QWidget, colours: Colours, copy: Callable[[str], None]
    ) -> None:
        super().__init__(over)
        self._workspace, self._over, self._colours, self._copy = workspace, over, colours, copy
        self.cards: list[Card] = []
        self._waiting: deque[Notice] = deque()
        self._dismissed: set[Notice] = set()
        self.beside: Callable[[], QRect | None] = lambda: None  # what stands at the top left, and may be near
        self._of_problems: set[Notice] = set()  # shown or waiting: they go when their problem is gone
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self._next = timers.once(self, SPACING_MS, self._show_next)
        over.installEventFilter(self)
        workspace.problems_changed.connect(self.take_problems)
        self.hide()

    def take_problems(self) -> None:
        """Show the errors among the problems that are open; take away the cards of those that are gone."""
        now = [of_problem(p) for p in self._workspace.problems if p.severity == "error"]
        self._dismissed.intersection_update(now)
        for notice in self._of_problems.difference(now):
            self._drop(notice)
        self._of_problems.intersection_update(now)
        for notice in now:
            shown = any(card.notice == notice for card in self.cards)
            if not shown and notice not in self._dismissed and notice not in self._waiting:
                self._of_problems.add(notice)
                self.add(notice)

    def add(self, notice: Notice) -> bool:
        """Show a notice, or count it on the card that says so already; return whether it is new."""
        for card in self.cards:
            if card.notice == notice:
                card.again()
                return False
        if notice in self._waiting:
            return False
        self._waiting.append(notice)
        if not self._next.isActive():
            self._show_next()
        return True

    def _show_next(self) -> None:
        if not self._waiting or len(self.cards) >= MOST_CARDS:
            return
        notice = self._waiting.popleft()
        card = Card(notice, self._colours, lambda: self.dismiss(notice), self._copy)
        self.cards.append(card)
        self._rows.addWidget(card)
        self.show()
        self.place()
        self._next.start()

    def dismiss(self, notice: Notice) -> None:
        """Take a card away; the same problem does not come back until it was gone in between."""
        self._dismissed.add(notice)
        self._drop(notice)

    def forget(self, notice: Notice) -> None:
        """Take a card away, or a notice that still waits: it is answered, and may come again."""
        self._drop(notice)
        self._dismissed.discard(notice)

    def _drop(self, notice: Notice) -> None:
        if notice in self._waiting:
            self._waiting.remove(notice)
        for card in [card for card in self.cards if card.notice == notice]:
            self.cards.remove(card)
            self._rows.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.setVisible(bool(self.cards))
        self.place()
        if not self._next.isActive():
            self._show_next()

    def clear(self) -> None:
        """Take all cards away: something else is open."""
        self._waiting.clear()
        for card in tuple(self.cards):
            self.dismiss(card.notice)
        self._dismissed.clear()

    def place(self) -> None:
        """Stand at the top right; below what stands at the left where there is no room for both."""
        self.setFixedHeight(max(sum(c.heightForWidth(CARD_PX) + 8 for c in self.cards), 1))
        self.resize(CARD_PX, self.height())
        x, other = max(self._over.width() - CARD_PX - _MARGIN, 0), self.beside()
        self.move(x, _MARGIN if other is None or other.right() < x else other.bottom() + _MARGIN)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        for card in self.cards:
            card.set_colours(colours)
