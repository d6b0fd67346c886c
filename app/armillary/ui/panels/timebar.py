"""The time bar: one range for everything, alarms and gaps of the record, the cursor; drag scrubs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QPushButton, QToolTip, QWidget

from armillary.model.arrays import U1, U4
from armillary.model.clock import NS, Clock
from armillary.model.control import SPEEDS
from armillary.model.fault import Fault
from armillary.model.frame import WorldKind
from armillary.model.times import parse_time
from armillary.session.actions import action
from armillary.session.timebar import behind_text
from armillary.session.workspace import Workspace
from armillary.ui.mode import mode_of
from armillary.ui.pieces import IconButton
from armillary.ui.theme import Colours
from armillary.ui.when import clock_text, date_text, utc_offset_s

HEIGHT = 44
_STRIP_TOP, _STRIP_PX = 3, 17
_WHEEL, _NOTCH = 1.25, 120
_KEY_SHARE = 0.01  # of the range, for one press of an arrow key
_NEAR_PX = 4  # a press this near the now-line means now
_TICK_PX = 90
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_TICK_MS = 1000
_BUTTONS = (
    ("time.backwards", "play-back", "Play backwards"),
    ("time.second-back", "step-back", "One second back"),
    ("time.play", "play", "Play or pause"),
    ("time.second", "step-on", "One second on"),
)


def tick_step_ns(span_ns: int, width: int) -> int:
    """Return the distance of the time labels: a round one with room for its words."""
    least = span_ns / NS * _TICK_PX / max(width, 1)
    step = next((s for s in _STEPS_S if s >= least), None)
    days = max(1, round(least / 86_400))
    return (step if step is not None else days * 86_400) * NS


class Strip(QWidget):
    """The painted part; a mouse or the arrow keys move the cursor."""

    def __init__(self, workspace: Workspace, colours: Colours, report: Callable[[Fault], None]) -> None:
        super().__init__()
        self._at, self._colours, self._report = workspace, colours, report
        self._grabbed: tuple[str, float] | None = None  # (scrub | pan, x)
        self.setMinimumWidth(200)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Time bar")
        self.setToolTip("Drag: show that time. Wheel: zoom. Shift or middle button and drag: move the range.")

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()

    # ------------------------------------------------------------ a person

    def _share(self, x: float) -> float:
        return min(max(x / max(self.width(), 1), 0.0), 1.0)

    def _scrub(self, x: float) -> None:
        bar = self._at.timebar
        now_x = bar.share_of(self._at.home_ns()) * self.width()
        try:
            if x >= now_x - _NEAR_PX:
                self._at.go_live()
            else:
                self._at.seek(bar.time_at(self._share(x)))
        except Fault as fault:
            self._grabbed = None
            self._report(fault)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  Qt's name
        """Scrub, or take the range along."""
        pans = event.button() == Qt.MouseButton.MiddleButton or bool(
            event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        )
        self._grabbed = ("pan" if pans else "scrub", event.position().x())
        if not pans and event.button() == Qt.MouseButton.LeftButton:
            self._scrub(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        x = event.position().x()
        if self._grabbed is None:
            t_ns = self._at.timebar.time_at(self._share(x))
            where = event.globalPosition().toPoint() - QPoint(0, HEIGHT + 8)
            QToolTip.showText(where, date_text(t_ns), self)
        elif self._grabbed[0] == "pan":
            self._at.timebar.pan((self._grabbed[1] - x) / max(self.width(), 1))
            self._grabbed = ("pan", x)
        else:
            self._scrub(x)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:  # noqa: N802
        self._grabbed = None

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the mouse."""
        notches = event.angleDelta().y() / _NOTCH
        self._at.timebar.zoom(_WHEEL**-notches, self._share(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the cursor by a hundredth of the range; + and - zoom."""
        step = {Qt.Key.Key_Left: -_KEY_SHARE, Qt.Key.Key_Right: _KEY_SHARE}.get(Qt.Key(event.key()))
        zoom = {Qt.Key.Key_Plus: 1 / _WHEEL, Qt.Key.Key_Minus: _WHEEL}.get(Qt.Key(event.key()))
        bar = self._at.timebar
        if step is not None:
            self._scrub((bar.share_of(self._at.picture_ns()) + step) * self.width())
        elif zoom is not None:
            bar.zoom(zoom, 0.5)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._at.timebar.set_width(event.size().width())

    # ------------------------------------------------------------ drawing

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        width, height, colours = self.width(), self.height(), self._colours
        painter.fillRect(self.rect(), QColor(colours.field))
        self._density(painter, width)
        self._labels(painter, width, height)
        bar = self._at.timebar
        now_x = bar.share_of(self._at.home_ns()) * width
        if now_x < width:
            painter.fillRect(QRectF(now_x, 0, width - now_x, height), QColor(colours.ground))
            painter.fillRect(QRectF(now_x - 1, 0, 2, height), QColor(colours.text))
        ink = QColor(colours.text)
        for mark in bar.bookmarks.marks:
            self._flag(painter, bar.share_of(mark.t_ns) * width, ink, filled=True)
        for at_ns in bar.forks.values():
            self._flag(painter, bar.share_of(at_ns) * width, QColor(colours.whatif), filled=False)
        if self._at.away or self._at.training.is_over:
            self._cursor(painter, bar.share_of(self._at.picture_ns()) * width, width, height)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colours.focus), 2) if self.hasFocus() else QPen(QColor(colours.line), 1))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1) if self.hasFocus() else self.rect())
        painter.end()

    def _density(self, painter: QPainter, width: int) -> None:
        worst, gap, _known = self._at.timebar.columns(width)
        image = density_image(worst, self._colours)
        painter.drawImage(QRectF(0, _STRIP_TOP, width, _STRIP_PX), image)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], gap.astype(np.int8), [0]])))
        brush = QBrush(QColor(self._colours.edge), Qt.BrushStyle.BDiagPattern)
        for first, last in edges.reshape(-1, 2).tolist():
            painter.fillRect(QRectF(first, _STRIP_TOP, last - first, _STRIP_PX), brush)

    def _labels(self, painter: QPainter, width: int, height: int) -> None:
        start, end = self._at.timebar.view_ns()
        step = tick_step_ns(end - start, width)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        offset = int(utc_offset_s(start)) * NS
        first = -(-(start + offset) // step) * step - offset
        for t_ns in range(first, end, step):
            x = (t_ns - start) / (end - start) * width
            painter.setPen(QPen(QColor(self._colours.line), 1))
            painter.drawLine(QPointF(x, _STRIP_TOP + _STRIP_PX), QPointF(x, height))
            painter.setPen(QColor(self._colours.muted))
            painter.drawText(QPointF(x + 4, height - 5), clock_text(t_ns, step / NS))

    def _flag(self, painter: QPainter, x: float, colour: QColor, *, filled: bool) -> None:
        painter.setPen(QPen(colour, 1))
        painter.setBrush(colour if filled else Qt.BrushStyle.NoBrush)
        painter.drawPolygon(QPolygonF([QPointF(x - 4, 1), QPointF(x + 4, 1), QPointF(x, 9)]))

    def _cursor(self, painter: QPainter, x: float, width: int, height: int) -> None:
        colour = QColor(str(getattr(self._colours, mode_of(self._at), self._colours.focus)))
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        inside = min(max(x, 0.0), float(width))
        painter.drawRect(QRectF(inside - 1.5, 0, 3, height))
        painter.drawPolygon(
            QPolygonF([QPointF(inside - 6, height), QPointF(inside + 6, height), QPointF(inside, height - 9)])
        )


def density_image(worst: U1, colours: Colours) -> QImage:
    """Return one row of pixels in the colours of the most urgent alarms; clear where there was none."""
    names = (colours.priority1, colours.priority2, colours.priority3, colours.priority4, colours.priority4)
    table = np.zeros((256, 4), np.uint8)
    for level, name in enumerate(names, 1):
        colour = QColor(name)
        table[level] = (colour.red(), colour.green(), colour.blue(), 255)
    rows = np.ascontiguousarray(table[worst])
    return QImage(rows.tobytes(), len(worst), 1, 4 * len(worst), QImage.Format.Format_RGBA8888).copy()


class TimeBarPanel(QFrame):
    """Buttons, strip, time field and *Live*; always there while a project is open."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        run: Callable[[str], None],
        report: Callable[[Fault], None],
    ) -> None:
        super().__init__()
        self._at, self._clock, self._run, self._report = workspace, clock, run, report
        self._colours = colours
        self.setObjectName("timebar")
        self.setAccessibleName("Time bar")
        self.setFixedHeight(HEIGHT)
        self.strip = Strip(workspace, colours, report)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        row.setSpacing(3)
        self.buttons: dict[str, IconButton] = {}
        for name, drawing, text in _BUTTONS:
            button = IconButton(drawing, text, partial(run, name))
            button.setMinimumSize(30, 32)
            self.buttons[name] = button
            row.addWidget(button)
        self.speed = QComboBox()
        self.speed.setAccessibleName("Speed")
        for value in SPEEDS:
            self.speed.addItem(f"{value:g} ×", value)
        self.speed.activated.connect(self._speed_chosen)
        self.entry = QLineEdit()
        self.entry.setAccessibleName("Go to a time")
        self.entry.setPlaceholderText("14:03, -2h …")
        self.entry.setFixedWidth(128)
        self.entry.returnPressed.connect(self._entered)
        self.mark = IconButton("bookmark", "Bookmark this time", lambda: run("time.bookmark"))
        self.live = QPushButton("Live")
        self.live.setObjectName("live")
        self.live.setMinimumWidth(120)
        self.live.clicked.connect(lambda _checked=False: run("time.live"))
        for widget in (self.speed, self.strip, self.entry, self.mark, self.live):
            row.addWidget(widget, 1 if widget is self.strip else 0)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._ticked)
        self._tick.start()
        workspace.timebar.changed.connect(self.strip.update)
        workspace.frame_arrived.connect(self._arrived)
        for signal in (
            workspace.world_changed,
            workspace.project_changed,
            workspace.visited,
            workspace.home_changed,
        ):
            signal.connect(self.refresh)
        self.set_colours(colours)
        self.refresh()

    def focus_entry(self) -> None:
        """Put the keyboard into the time field."""
        self.entry.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.entry.selectAll()

    def _entered(self) -> None:
        try:
            t_ns = parse_time(self.entry.text(), self._at.home_ns())
            if t_ns >= self._at.home_ns():
                self._at.go_live()
            else:
                self._at.timebar.reveal(t_ns)
                self._at.seek(t_ns)
        except Fault as fault:
            self._report(fault)
            self.entry.selectAll()
            return
        self.entry.clear()
        self.strip.setFocus()

    def _speed_chosen(self, index: int) -> None:
        at = self._at
        at.speed = float(self.speed.itemData(index))
        if at.is_playing and at.cursor is not None:
            at.play(at.speed if at.cursor.asked > 0 else -at.speed)

    def _ticked(self) -> None:
        if self.isVisible():
            self._at.timebar.tick()
            self.refresh()

    def _arrived(self, _slots: U4) -> None:
        if self._at.away and self.isVisible():
            self.strip.update()
            self._live_text()

    def _live_text(self) -> None:
        at = self._at
        behind = (at.home_ns() - at.picture_ns()) / NS
        simulated = at.kind is WorldKind.TRAINING
        if not at.away:
            text, tip = "● Live", "The live world is shown."
        elif simulated:
            text, tip = "Live", "Back to the live world (L)"
        elif behind >= 0:
            text, tip = f"Live · {behind_text(behind)} ago", "Back to the live world (L)"
        else:
            text, tip = f"Live · {behind_text(-behind)} ahead", "Back to the live world (L)"
        if self.live.text() != text:
            self.live.setText(text)
            self.live.setToolTip(tip)
            self.live.setAccessibleName(f"{text}. {tip}")

    def refresh(self) -> None:
        """Show what may be done now."""
        at = self._at
        has_project = at.project is not None and at.project.saved
        self.setVisible(has_project and not at.is_trainee)  # an exercise's clock is its instructor's
        for name, button in self.buttons.items():
            why = action(name).why_not(at)
            button.setEnabled(not why)
            button.setToolTip(f"{action(name).title}" + (f"\nNot now: {why}" if why else ""))
        plays = at.is_playing and at.cursor is not None and at.cursor.asked > 0
        self.buttons["time.play"].set_drawing("pause" if plays else "play", self._colours)
        self.speed.setVisible(at.kind is not WorldKind.TRAINING)  # an exercise has its own
        self.speed.setEnabled(self.buttons["time.play"].isEnabled())
        nearest = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - at.speed))
        if self.speed.currentIndex() != nearest:
            self.speed.setCurrentIndex(nearest)
        self.entry.setEnabled(not at.why_no_replay())
        self.mark.setEnabled(not action("time.bookmark").why_not(at))
        self.live.setEnabled(at.away or at.coming is not None)
        if self.live.property("away") != at.away:
            self.live.setProperty("away", at.away)
            self.live.style().unpolish(self.live)
            self.live.style().polish(self.live)
        self._live_text()
        self.strip.update()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        for button in (*self.buttons.values(), self.mark):
            button.set_colours(colours)
        self.strip.set_colours(colours)
