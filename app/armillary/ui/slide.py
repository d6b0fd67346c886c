"""A small card over the picture with one slider, for what is set by eye."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

_STEPS = 1000
_WIDTH_PX, _GAP_PX = 340, 16


class SlideCard(QFrame):
    """A slider from 0 to 1 at the upper middle of a widget; hidden until it is shown."""

    def __init__(self, over: QWidget, title: str, changed: Callable[[float], None]) -> None:
        super().__init__(over)
        self._over, self._changed = over, changed
        self.setProperty("role", "card")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(_STEPS // 10)
        self.slider.setAccessibleName(title)
        self.slider.valueChanged.connect(self._moved)
        self.figure = QLabel("0 %")
        self.figure.setMinimumWidth(self.figure.fontMetrics().horizontalAdvance("100 %"))
        self.done = QPushButton("Done")
        self.done.setToolTip(f"{title}: close")
        self.done.setAccessibleName(f"{title}: close")
        self.done.clicked.connect(self.close_card)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(QLabel(title))
        row.addWidget(self.slider, 1)
        row.addWidget(self.figure)
        row.addWidget(self.done)
        over.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        """Show the card and put the keyboard on its slider."""
        self._place()
        self.show()
        self.raise_()
        self.slider.setFocus()

    def close_card(self) -> None:
        """Set 0 and hide."""
        self.slider.setValue(0)
        self.hide()
        self._over.setFocus()

    def _moved(self, value: int) -> None:
        self.figure.setText(f"{value * 100 // _STEPS} %")
        self._changed(value / _STEPS)

    def _place(self) -> None:
        width = min(_WIDTH_PX, max(self._over.width() - 2 * _GAP_PX, 120))
        self.setGeometry((self._over.width() - width) // 2, _GAP_PX, width, self.sizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
