"""Rows of a what-if's set-up: one value with a slider, its range, and where the plant stood as a tick."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QLineEdit,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionSlider,
)

from armillary.model.control import Settable
from armillary.session.whatif_setup import Change, is_switch, range_text
from armillary.ui.pieces import IconButton, label
from armillary.ui.theme import Colours

STEPS = 1000
_LONGEST_S = 366 * 86_400
_TICK_PX = 2


class TickSlider(QSlider):
    """A slider over a range, with a tick at the value that the plant had at the fork."""

    def __init__(self, low: float, high: float, tick: float, name: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.low, self.high, self.tick = low, high, tick
        self.ink = QColor("#888888")
        self.setRange(0, STEPS)
        self.setAccessibleName(name)
        self.setMinimumHeight(24)

    def place(self, value: float) -> int:
        """Return the step of a value."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.0
        return round(STEPS * min(max(share, 0.0), 1.0))

    def amount(self) -> float:
        """Return the value of the slider."""
        return self.low + (self.high - self.low) * self.value() / STEPS

    def tick_x(self) -> int:
        """Return where the tick is drawn, in pixels; -1 for none."""
        if not math.isfinite(self.tick):
            return -1
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        control, style = QStyle.ComplexControl.CC_Slider, self.style()
        handle = style.subControlRect(control, option, QStyle.SubControl.SC_SliderHandle, self).width()
        room = self.width() - handle
        return handle // 2 + QStyle.sliderPositionFromValue(0, STEPS, self.place(self.tick), room)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        """Draw the slider and the tick below it."""
        super().paintEvent(event)
        x = self.tick_x()
        if x < 0:
            return
        painter = QPainter(self)
        painter.setPen(QPen(self.ink, _TICK_PX))
        painter.drawLine(x, self.height() - 6, x, self.height() - 1)
        painter.drawLine(x, 0, x, 5)
        painter.end()


class InputRow(QFrame):
    """One value of a set-up. Tells its change whenever a person alters it."""

    def __init__(
        self,
        found: Settable,
        change: Change,
        changed: Callable[[Change], None],
        remove: Callable[[str], None],
        colours: Colours,
    ) -> None:
        super().__init__()
        self.found, self._told = found, changed
        self.name = label(found.name)
        self.name.setToolTip(found.title or found.name)
        self.hint = label(_hint(found), "muted")
        self.value = QLineEdit(f"{change.value:.6g}")
        self.value.setAccessibleName(f"New value of {found.name}")
        self.value.setFixedWidth(72)
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.switch = QComboBox()
        self.switch.setAccessibleName(f"New state of {found.name}")
        self.switch.addItem("off", 0.0)
        self.switch.addItem("on", 1.0)
        has_range = math.isfinite(found.low) and math.isfinite(found.high) and found.high > found.low
        self.slider = TickSlider(
            found.low if has_range else 0.0,
            found.high if has_range else 1.0,
            found.now if has_range else math.nan,
            f"{found.name}, {range_text(found)}",
        )
        self.at = QSpinBox()
        self.at.setRange(0, _LONGEST_S)
        self.at.setPrefix("after ")
        self.at.setSuffix(" s")
        self.at.setAccessibleName(f"{found.name} changes after so many seconds")
        self.at.setValue(round(change.at_s))
        self.remove = IconButton("close", f"Leave {found.name} as it is", lambda: remove(found.name))
        unit = label(found.unit)
        is_on_off = is_switch(found)
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 2, 2, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.hint, 1, 0)
        grid.addWidget(self.slider, 0, 1, 2, 1)
        grid.addWidget(self.value, 0, 2, 2, 1)
        grid.addWidget(self.switch, 0, 2, 2, 1)
        grid.addWidget(unit, 0, 3, 2, 1)
        grid.addWidget(self.at, 0, 4, 2, 1)
        grid.addWidget(self.remove, 0, 5, 2, 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(0, 190)
        grid.setColumnMinimumWidth(3, 30)
        self.slider.setVisible(has_range and not is_on_off)
        self.value.setVisible(not is_on_off)
        self.switch.setVisible(is_on_off)
        self.at.setVisible(found.causality == "input")
        self._show(change.value)
        self.slider.valueChanged.connect(self._slid)
        self.value.textEdited.connect(lambda _text: self._typed())
        self.switch.activated.connect(lambda _index: self._tell())
        self.at.valueChanged.connect(lambda _seconds: self._tell())
        self.set_colours(colours)

    def change(self) -> Change:
        """Return what is set now; a value that is no number is NaN."""
        return Change(name=self.found.name, value=self._amount(), at_s=float(self.at.value()))

    def _amount(self) -> float:
        if is_switch(self.found):
            return float(self.switch.currentData())
        try:
            return float(self.value.text().strip().replace(",", "."))
        except ValueError:
            return math.nan

    def _show(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(self.slider.place(value))
        self.slider.blockSignals(False)
        self.switch.setCurrentIndex(int(value > 0.5))  # noqa: PLR2004  half way

    def _slid(self, _step: int) -> None:
        self.value.setText(f"{self.slider.amount():.4g}")
        self._tell()

    def _typed(self) -> None:
        value = self._amount()
        if math.isfinite(value):
            self._show(value)
        self._tell()

    def _tell(self) -> None:
        self._told(self.change())

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.slider.ink = QColor(colours.whatif)
        self.remove.set_colours(colours)


def _hint(found: Settable) -> str:
    """Return the range and where the plant stood: `0 … 1480 rpm, was 1450`."""
    if is_switch(found):
        return f"was {'on' if found.now > 0.5 else 'off'}"  # noqa: PLR2004  half way
    was = f", was {found.now:.4g}" if math.isfinite(found.now) else ""
    return f"{range_text(found)}{was}"
