"""Two halves of a panel: side by side where there is room, else one at a time; a line of text that fits."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSplitter, QTabBar, QVBoxLayout, QWidget


class Fold(QWidget):
    """Two widgets in a splitter; narrower than `least` pixels only one of them, chosen by `switch`."""

    def __init__(self, halves: tuple[QWidget, QWidget], names: tuple[str, str], least: int) -> None:
        super().__init__()
        self._halves, self._least = halves, least
        self.side = 0  # shown where there is no room for both
        self.is_narrow = False
        self.split = QSplitter()
        self.split.setChildrenCollapsible(False)
        for half in halves:
            self.split.addWidget(half)
            half.setMinimumWidth(1)
        self.switch = QTabBar()  # to be placed by the panel
        self.switch.setAccessibleName(" or ".join(names))
        self.switch.setDrawBase(False)
        self.switch.setExpanding(False)
        for name in names:
            self.switch.addTab(name)
        self.switch.currentChanged.connect(self.show_side)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.split)
        self._fold()

    def show_side(self, side: int) -> None:
        """Show one half where there is no room for both."""
        self.side = side
        self._fold()

    def _fold(self) -> None:
        self.switch.setVisible(self.is_narrow)
        for i, half in enumerate(self._halves):
            half.setVisible(not self.is_narrow or i == self.side)
        self.switch.setCurrentIndex(self.side)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Return a size that lets the panel be as narrow as one half."""
        return QSize(1, min(half.minimumSizeHint().height() for half in self._halves))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  Qt's name
        """Fold and unfold with the room there is."""
        super().resizeEvent(event)
        if (event.size().width() < self._least) != self.is_narrow:
            self.is_narrow = not self.is_narrow
            self._fold()


class Line(QLabel):
    """One line of text that ends in … where it does not fit; the whole of it is its tooltip."""

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setMinimumWidth(40)

    def say(self, text: str) -> None:
        """Show a text."""
        self.setText(text)
        self.setToolTip(text)
        self.setAccessibleName(text)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Return a size that the text does not widen."""
        return QSize(40, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        """Draw as much of the text as fits."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)
        painter.end()
