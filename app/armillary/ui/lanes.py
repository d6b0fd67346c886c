"""The timeline of an exercise: what went wrong, was seen, done and expected; flags to go back to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QToolTip, QWidget

from armillary.model.control import ExerciseView, TimelineRow
from armillary.session.training_texts import clock_text
from armillary.ui.theme import Colours

LANES = (
    ("malfunction", "Malfunctions"),
    ("alarm", "Alarms"),
    ("action", "Trainee"),
    ("expected", "Expected"),
    ("mark", "Marks"),
    ("snapshot", "Snapshots"),
)
LANE_PX, LEAST_LANE_PX, TALLEST_PX, LABEL_PX, FOOT_PX, PAD_PX = 22, 16, 30, 96, 18, 10
_MARK_PX, _NEAR_PX, _GAP_PX = 5.0, 7.0, 6.0
_TICK_PX = 90
_MOST_EXPECTED = 6  # further ones share the last lane
_LEAST_PX = 24  # less room is not worth a word
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_ROOM = 1.08  # of the time that has passed: what happens now is not at the edge
_LEAST_S = 60.0


@dataclass(frozen=True, slots=True)
class Placed:
    """One row where it is drawn."""

    row: TimelineRow
    lane: int
    x: float
    right: float  # = x for a moment


def lanes_of(view: ExerciseView | None) -> tuple[tuple[str, str, str], ...]:
    """Return (lane, title, row id) from top to bottom; each expectation has its own."""
    expected = [row.id for row in view.rows if row.lane == "expected"] if view is not None else []
    out = []
    for lane, title in LANES:
        if lane == "expected" and expected:
            out += [(lane, title if i == 0 else "", name) for i, name in enumerate(expected[:_MOST_EXPECTED])]
        else:
            out.append((lane, title, ""))
    return tuple(out)


def span_s(view: ExerciseView) -> float:
    """Return how many seconds the timeline shows: all that was, and what is planned."""
    planned = [r.t_s for r in view.rows if math.isfinite(r.t_s)]
    if view.state == "over":
        return max(_LEAST_S, view.t_s)
    return max(
        _LEAST_S, view.minutes * 60.0 if view.t_s < view.minutes * 60.0 else 0.0, view.t_s * _ROOM, *planned
    )


def tick_s(span: float, width: float) -> float:
    """Return the distance of the time labels in s, with room for their words."""
    least = span * _TICK_PX / max(width, 1.0)
    return float(next((s for s in _STEPS_S if s >= least), 3600 * math.ceil(least / 3600)))


def place(view: ExerciseView, width: float) -> tuple[Placed, ...]:
    """Return the rows that have a time, where they are drawn."""
    per_s = max(1.0, width - LABEL_PX - PAD_PX) / span_s(view)
    lanes = lanes_of(view)
    of_lane = {lane: i for i, (lane, _, _) in enumerate(lanes)}  # the last of several
    of_row = {(lane, name): i for i, (lane, _, name) in enumerate(lanes) if name}
    out = []
    for row in view.rows:
        if not math.isfinite(row.t_s):
            continue
        until = row.until_s
        if row.lane == "malfunction" and row.state == "active":
            until = view.t_s
        if row.lane == "expected" and row.state in ("done", "late", "violated"):
            until = math.nan
        x = LABEL_PX + row.t_s * per_s
        right = LABEL_PX + until * per_s if math.isfinite(until) else x
        at = of_row.get((row.lane, row.id), of_lane.get(row.lane, 0))
        out.append(Placed(row, at, x, min(max(x, right), width - 1)))
    return tuple(out)


class Lanes(QWidget):
    """Draws a view; a click on a flag tells which, a drag over a finished exercise scrubs it."""

    def __init__(
        self, colours: Colours, wish_back: Callable[[str], None], scrub: Callable[[float], None]
    ) -> None:
        super().__init__()
        self._colours, self._wish_back, self._scrub = colours, wish_back, scrub
        self.view: ExerciseView | None = None
        self.shown_s = 0.0
        self.chosen = ""  # the moment that one wishes to go back to
        self._placed: tuple[Placed, ...] = ()
        self._lanes = lanes_of(None)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Timeline of the exercise")
        self.setMinimumHeight(LEAST_LANE_PX * (len(LANES) + 3) + FOOT_PX)

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        return QSize(700, LANE_PX * len(LANES) + FOOT_PX)

    def show_view(self, view: ExerciseView | None, shown_s: float, chosen: str) -> None:
        """Draw an exercise; `shown_s`: the time that the picture shows."""
        self.view, self.shown_s, self.chosen = view, shown_s, chosen
        self._lanes = lanes_of(view)
        self._placed = place(view, self.width()) if view is not None else ()
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()

    @property
    def lane_px(self) -> int:
        """The height of a lane: what room there is, within reason."""
        return min(max((self.height() - FOOT_PX) // len(self._lanes), LEAST_LANE_PX), TALLEST_PX)

    # ------------------------------------------------------------ a person

    def at(self, x: float, y: float) -> TimelineRow | None:
        """Return the row under a point, the nearest of its lane."""
        lane = int(y // self.lane_px)
        here = [p for p in self._placed if p.lane == lane]
        near = [(max(p.x - x, x - p.right, 0.0), p.row) for p in here]
        distance, row = min(near, key=lambda found: found[0], default=(math.inf, None))
        return row if distance <= _NEAR_PX else None

    def x_of(self, name: str) -> float:
        """Return where a row is drawn, by id; NaN when it is not."""
        return next((p.x for p in self._placed if p.row.id == name), math.nan)

    def _time_at(self, x: float) -> float:
        view = self.view
        if view is None:
            return 0.0
        share = (x - LABEL_PX) / max(1.0, self.width() - LABEL_PX - PAD_PX)
        return min(max(share, 0.0), 1.0) * span_s(view)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        view = self.view
        if view is None or event.button() != Qt.MouseButton.LeftButton:
            return
        row = self.at(event.position().x(), event.position().y())
        if row is not None and row.lane == "snapshot":
            self._wish_back(row.id)
        elif view.state == "over":
            self._scrub(self._time_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        where = event.position()
        if (
            self.view is not None
            and self.view.state == "over"
            and event.buttons() & Qt.MouseButton.LeftButton
        ):
            self._scrub(self._time_at(where.x()))
            return
        row = self.at(where.x(), where.y())
        if row is None:
            QToolTip.hideText()
            return
        QToolTip.showText(event.globalPosition().toPoint() + QPoint(8, 12), tip(row), self)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Left and right: choose a snapshot; in a debrief move the cursor by a hundredth."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        view = self.view
        if step is None or view is None:
            super().keyPressEvent(event)
        elif view.state == "over":
            self._scrub(min(max(self.shown_s + step * span_s(view) / 100.0, 0.0), view.t_s))
        else:
            flags = [p.row.id for p in self._placed if p.row.lane == "snapshot"]
            if flags:
                now = flags.index(self.chosen) if self.chosen in flags else (len(flags) if step < 0 else -1)
                self._wish_back(flags[min(max(now + step, 0), len(flags) - 1)])

    # ------------------------------------------------------------ drawing

    def resizeEvent(self, _event: object) -> None:  # noqa: N802
        self.show_view(self.view, self.shown_s, self.chosen)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c, width = self._colours, self.width()
        painter.fillRect(self.rect(), QColor(c.field))
        for i, (_, title, _) in enumerate(self._lanes):
            painter.setPen(QPen(QColor(c.line), 1))
            painter.drawLine(QPointF(0, (i + 1) * self.lane_px), QPointF(width, (i + 1) * self.lane_px))
            painter.setPen(QColor(c.muted))
            painter.drawText(
                QRectF(8, i * self.lane_px, LABEL_PX - 12, self.lane_px), Qt.AlignmentFlag.AlignVCenter, title
            )
        if self.view is not None:
            self._time(painter, self.view)
            for i in range(len(self._lanes)):
                self._lane(painter, i, [p for p in self._placed if p.lane == i])
            self._now(painter, self.view)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(c.focus), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _x(self, t_s: float) -> float:
        view = self.view
        if view is None:
            return LABEL_PX
        return LABEL_PX + t_s * max(1.0, self.width() - LABEL_PX - PAD_PX) / span_s(view)

    def _time(self, painter: QPainter, view: ExerciseView) -> None:
        span = span_s(view)
        step = tick_s(span, self.width() - LABEL_PX)
        foot = self.lane_px * len(self._lanes)
        for i in range(int(span / step) + 1):
            x = self._x(i * step)
            painter.setPen(QPen(QColor(self._colours.line), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, 0), QPointF(x, foot))
            painter.setPen(QColor(self._colours.muted))
            painter.drawText(QPointF(x + 3, foot + FOOT_PX - 5), clock_text(i * step))

    def _now(self, painter: QPainter, view: ExerciseView) -> None:
        foot = self.lane_px * len(self._lanes)
        x = self._x(view.t_s)
        painter.setPen(QPen(QColor(self._colours.text), 2))
        painter.drawLine(QPointF(x, 0), QPointF(x, foot + 3))
        if view.state == "over":
            x = self._x(self.shown_s)
            painter.setPen(QPen(QColor(self._colours.training), 3))
            painter.drawLine(QPointF(x, 0), QPointF(x, foot + 3))

    def _lane(self, painter: QPainter, i: int, placed: Sequence[Placed]) -> None:
        metrics = QFontMetricsF(painter.font())
        top, middle = i * self.lane_px, (i + 0.5) * self.lane_px
        for n, p in enumerate(placed):
            self._mark(painter, p, top, middle)
            free = placed[n + 1].x - 4 if n + 1 < len(placed) else self.width() - 2.0
            start = p.x + _MARK_PX + 4
            words = short(p.row)
            if p.row.state == "auto" or not words or free - start < _LEAST_PX:
                continue
            text = metrics.elidedText(words, Qt.TextElideMode.ElideRight, free - start)
            painter.setPen(QColor(self._colours.text if p.row.state != "planned" else self._colours.muted))
            painter.drawText(QPointF(start, middle + metrics.ascent() / 2 - 1), text)

    def _mark(self, painter: QPainter, p: Placed, top: float, middle: float) -> None:
        c, row = self._colours, p.row
        colour = QColor(tone(row, c))
        hollow = row.state in ("planned", "open", "auto")
        painter.setPen(
            QPen(colour, 1.6, Qt.PenStyle.DashLine if row.state == "planned" else Qt.PenStyle.SolidLine)
        )
        if p.right - p.x > 1:
            fill = QColor(colour)
            fill.setAlpha(70)
            painter.setBrush(Qt.BrushStyle.NoBrush if hollow else fill)
            painter.drawRect(QRectF(p.x, top + 4, p.right - p.x, self.lane_px - 8))
        painter.setBrush(QColor(c.field) if hollow else colour)
        painter.setPen(QPen(colour, 1.6))
        painter.drawPolygon(shape(row, p.x, top, self.lane_px))
        if row.id == self.chosen and row.lane == "snapshot":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(c.focus), 2))
            painter.drawEllipse(QPointF(p.x + 3, middle), 9, 9)


def short(row: TimelineRow) -> str:
    """Return the few words beside a mark."""
    if row.lane in ("malfunction", "alarm"):
        return row.id
    if row.lane == "action":
        return {"command": row.id, "ack": f"ack {row.id}"}.get(row.text, row.text)
    return row.text


def tip(row: TimelineRow) -> str:
    """Return what a mark says when one points at it."""
    until = f" – {clock_text(row.until_s)}" if math.isfinite(row.until_s) else ""
    state = f" · {row.state}" if row.state and row.state != "auto" else ""
    words = f"{row.id}: {row.text}" if row.lane in ("malfunction", "alarm", "action") else row.text
    click = "\nClick: go back to this moment" if row.lane == "snapshot" else ""
    return f"{clock_text(row.t_s)}{until}{state}\n{words}{click}"


def tone(row: TimelineRow, c: Colours) -> str:
    """Return the colour of a mark; its shape says the same."""
    if row.lane == "malfunction":
        return c.edge if row.state == "planned" else c.pens[4]
    if row.lane == "alarm":
        return c.priority2
    if row.lane == "expected":
        return {"done": c.pens[2], "late": c.pens[1], "missed": c.bad_text, "violated": c.bad_text}.get(
            row.state, c.edge
        )
    return {"action": c.pens[0], "snapshot": c.training}.get(row.lane, c.muted)


def shape(row: TimelineRow, x: float, top: float, height: float) -> QPolygonF:
    """Return the outline of a mark: each lane has its own, what was missed is a diamond."""
    m, middle = _MARK_PX, top + height / 2
    if row.lane == "snapshot":  # a flag
        size = 4.0 if row.state == "auto" else 6.0
        return QPolygonF(
            [
                QPointF(x, top + 3),
                QPointF(x + 2 * size, middle - size / 2),
                QPointF(x, middle),
                QPointF(x, top + height - 3),
            ]
        )
    if row.lane == "alarm":
        return QPolygonF([QPointF(x, middle - m), QPointF(x + m, middle + m), QPointF(x - m, middle + m)])
    if row.state in ("missed", "violated"):
        return QPolygonF(
            [QPointF(x, middle - m), QPointF(x + m, middle), QPointF(x, middle + m), QPointF(x - m, middle)]
        )
    half = m - 1 if row.lane in ("action", "mark") else m
    return QPolygonF(
        [
            QPointF(x - half, middle - half),
            QPointF(x + half, middle - half),
            QPointF(x + half, middle + half),
            QPointF(x - half, middle + half),
        ]
    )
