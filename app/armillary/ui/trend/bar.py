"""The buttons above a trend: how long, live or held, what is shown, and a menu of the rest."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QToolButton, QWidget

from armillary.ui.pieces import IconButton, label
from armillary.ui.theme import Colours
from armillary.ui.trend.analysis import KINDS

SPANS = (
    ("10 s", 10),
    ("1 min", 60),
    ("5 min", 300),
    ("15 min", 900),
    ("1 h", 3600),
    ("8 h", 28_800),
    ("24 h", 86_400),
    ("7 d", 604_800),
    ("30 d", 2_592_000),
    ("1 y", 31_622_400),
)
DEFAULT_SPAN = 2
NARROW_PX = 560  # below, what the menu has too is not on the bar


class TrendBar(QWidget):
    """One row; narrow, it keeps what is needed most."""

    def __init__(
        self,
        follow: Callable[[], object],
        pause: Callable[[], object],
        clear: Callable[[], object],
        choose: Callable[[str], object],
        fill: Callable[[QMenu], object],
    ) -> None:
        super().__init__()
        self.span = QComboBox()
        self.span.setAccessibleName("Time span of the trends")
        for text, seconds in SPANS:
            self.span.addItem(text, seconds)
        self.span.setCurrentIndex(DEFAULT_SPAN)
        self.span.activated.connect(lambda _index: follow())
        self.pause = IconButton("pause", "Pause the trends", pause)
        self.clear = IconButton("clear", "Remove all pens", clear)
        self.view = QComboBox()
        self.view.setAccessibleName("What is shown of the trends")
        for kind, title in KINDS:
            self.view.addItem(title, kind)
        self.view.activated.connect(lambda _index: choose(self.view.currentData()))
        self.strips = self._tool("Strips", "A strip for each pen, under one time axis")
        self.numbers = self._tool("Statistics", "Statistics of the range, or between the cursors")
        self.more = QToolButton()
        self.more.setText("More")
        self.more.setAccessibleName("More of the trends")
        self.more.setToolTip("Compare, sets of pens, notes, units, pictures and tables")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMinimumHeight(26)
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(lambda: fill(self.menu))
        self.more.setMenu(self.menu)
        self.when = label("", "muted")
        self.when.setMinimumWidth(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 6, 2)
        for widget in (self.span, self.pause, self.clear, self.view, self.strips, self.numbers, self.more):
            row.addWidget(widget)
        row.addWidget(self.when, 1)

    @staticmethod
    def _tool(text: str, tip: str) -> QToolButton:
        out = QToolButton()
        out.setText(text)
        out.setToolTip(tip)
        out.setAccessibleName(tip)
        out.setCheckable(True)
        out.setMinimumHeight(26)
        return out

    def fold(self, width: int) -> None:
        """Leave out what does not fit into a width."""
        roomy = width >= NARROW_PX
        for widget in (self.view, self.strips, self.numbers):
            widget.setVisible(roomy)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        for button in (self.pause, self.clear):
            button.set_colours(colours)
