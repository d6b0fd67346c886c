"""Health dock: how well the alarms serve people, against the standard; a bad actor leads to its row."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.arrays import I8
from armillary.model.clock import NS, Clock
from armillary.session.alarm_health import (
    BUSY_PERIOD,
    SHARES,
    Actor,
    AlarmHealth,
    Health,
    Metric,
    bars,
    number,
)
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button, choices
from armillary.ui.theme import Colours
from armillary.ui.when import date_text

SPANS = (
    ("Last 8 hours", 28_800),
    ("Last day", 86_400),
    ("Last 7 days", 604_800),
    ("Last 30 days", 2_592_000),
)
USUAL = 1
MOST_NAMED = 8  # alarms in a line
_PLOT_PX, _ROW_PX, _PADDING_PX = 76, 15, 6
_MANY = 1000.0
_PERCENT = 100.0


class HealthDesk(Protocol):
    """What the panel needs of the window."""

    def show_alarm(self, name: str) -> None: ...
    def show_limits(self, name: str) -> None: ...
    def say(self, text: str) -> None: ...


class Bars(QWidget):
    """Counts in each ten minutes; those above the maximum stand out, and a line says where that is."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self.colours = colours
        self._counts: I8 | None = None
        self.setFixedHeight(_PLOT_PX)
        self.setAccessibleName("Alarms in each ten minutes")

    def show_counts(self, counts: I8) -> None:
        """Show counts, oldest first."""
        self._counts = counts
        most = int(counts.max()) if len(counts) else 0
        over = int((counts > BUSY_PERIOD).sum())
        text = f"Alarms in each ten minutes: most {most}, {over} periods above {BUSY_PERIOD}"
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter, c = QPainter(self), self.colours
        painter.fillRect(self.rect(), QColor(c.field))
        if self._counts is None or not len(self._counts):
            return
        shown = bars(self._counts, max(self.width() // 2, 1)).tolist()
        top = max(*shown, BUSY_PERIOD) * 1.08
        wide, high = self.width() / len(shown), self.height()
        for at, count in enumerate(shown):
            if count:
                tall = high * count / top
                colour = QColor(c.text if count > BUSY_PERIOD else c.edge)
                painter.fillRect(QRectF(at * wide, high - tall, max(wide - 0.6, 1.0), tall), colour)
        line = high - high * BUSY_PERIOD / top
        painter.setPen(QPen(QColor(c.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(0, line), QPointF(self.width(), line))
        painter.drawText(QPointF(4, line - 3), f"{BUSY_PERIOD} in 10 min")


class Shares(QWidget):
    """What share each priority has, and a tick where it should be about."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self.colours = colours
        self._of: dict[int, int] = {}
        self.setMinimumHeight(4 * _ROW_PX + 8)
        self.setMinimumWidth(200)
        self.setAccessibleName("Share of each priority")

    def show_shares(self, by_priority: dict[int, int]) -> None:
        """Show how many there were of each priority."""
        self._of = by_priority
        total = sum(by_priority.values())
        said = ", ".join(
            f"priority {p}: {_PERCENT * n / total:.0f} % of about {_PERCENT * SHARES[p]:.0f} %"
            for p, n in sorted(by_priority.items())
            if total
        )
        self.setAccessibleName(f"Share of each priority: {said or 'nothing was annunciated'}")
        self.setToolTip(said)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter, c = QPainter(self), self.colours
        total = sum(self._of.values())
        hues = (c.priority1, c.priority2, c.priority3, c.priority4)
        left, right = 18.0, 92.0
        wide = max(self.width() - left - right, 10.0)
        for row, hue in enumerate(hues):
            p, y = row + 1, 4.0 + row * _ROW_PX
            share = self._of.get(p, 0) / total if total else 0.0
            painter.fillRect(QRectF(left, y, wide, _ROW_PX - 4), QColor(c.field))
            painter.fillRect(QRectF(left, y, wide * share, _ROW_PX - 4), QColor(hue))
            tick = left + wide * SHARES[p]
            painter.setPen(QPen(QColor(c.text), 2))
            painter.drawLine(QPointF(tick, y - 1), QPointF(tick, y + _ROW_PX - 3))
            painter.setPen(QColor(c.text))
            painter.drawText(QPointF(4, y + _ROW_PX - 6), str(p))
            words = f"{_PERCENT * share:.0f} % of ~{_PERCENT * SHARES[p]:.0f} %" if total else "–"
            painter.drawText(QPointF(left + wide + 6, y + _ROW_PX - 6), words)


class HealthPanel(QWidget):
    """Figures with targets at the left, what to do something about at the right, ten minutes below."""

    def __init__(self, workspace: Workspace, clock: Clock, colours: Colours, desk: HealthDesk) -> None:
        super().__init__()
        self._at, self._clock, self._desk = workspace, clock, desk
        self.health: AlarmHealth = workspace.alarm_health
        self.actors: tuple[Actor, ...] = ()
        self.span = QComboBox()
        self.span.setAccessibleName("Which time is judged")
        for text, seconds in SPANS:
            self.span.addItem(text, seconds)
        self.span.setCurrentIndex(USUAL)
        self.span.currentIndexChanged.connect(lambda _i: self.read())
        self.again = button("Judge again", "Read the journal anew", self.read)
        self.said = label("", "muted")
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 4, 8, 4)
        bar.setSpacing(8)
        for widget in (label("Alarm health", "title"), self.span, self.again, self.said):
            bar.addWidget(widget)
        bar.addStretch(1)
        self.figures = choices(
            "Figures against the standard", ("Figure", "Value", "Target", "Most", "Judgement"), 0,
            {1: 62, 2: 50, 3: 50, 4: 92},
        )  # fmt: skip
        self.actors_view = choices(
            "The most frequent alarms", ("Most frequent", "P", "Raises", "Share", "Chatters", "Fleeting"), 0,
            {1: 24, 2: 52, 3: 50, 4: 60, 5: 58},
        )  # fmt: skip
        self.actors_view.itemDoubleClicked.connect(lambda _item: self._open("row"))
        self.actors_view.itemSelectionChanged.connect(self._offer)
        self.open_row = button("Show in list", "Show the chosen alarm in the list", lambda: self._open("row"))
        self.open_limits = button("Limits", "Limits of the chosen alarm", lambda: self._open("limits"))
        self.standing = label("", wrap=True, copyable=True)
        self.plot, self.shares = Bars(colours), Shares(colours)
        for view in (self.figures, self.actors_view):
            view.setWordWrap(False)
            view.verticalHeader().setMinimumSectionSize(1)
            view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + _PADDING_PX)
        left = QVBoxLayout()
        left.addWidget(self.figures, 1)
        acts = QHBoxLayout()
        acts.addWidget(self.open_row)
        acts.addWidget(self.open_limits)
        acts.addStretch(1)
        right = QVBoxLayout()
        right.addWidget(self.actors_view, 1)
        right.addLayout(acts)
        right.addWidget(self.standing)
        right.addWidget(label("By priority: bars are what was, ticks what should be about", "heading"))
        right.addWidget(self.shares)
        columns = QHBoxLayout()
        columns.setSpacing(10)
        columns.addLayout(left, 1)
        columns.addLayout(right, 1)
        body = QWidget()
        rows = QVBoxLayout(body)
        rows.setContentsMargins(8, 0, 8, 8)
        rows.addLayout(columns, 1)
        rows.addWidget(label("Each ten minutes, oldest at the left", "heading"))
        rows.addWidget(self.plot)
        body.setMinimumHeight(430)
        self.area = QScrollArea()
        self.area.setWidget(body)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setAccessibleName("Health of the alarms")
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(bar)
        around.addWidget(self.area, 1)
        self.health.changed.connect(self.refresh)
        workspace.project_changed.connect(self.health.begin)
        self.refresh()

    def read(self) -> None:
        """Judge the span that is chosen, up to now."""
        now = self._clock.now_ns()
        self.health.read(now - int(self.span.currentData()) * NS, now)

    def refresh(self) -> None:
        """Show what was found."""
        found = self.health.found
        self.again.setEnabled(self.health.share >= 1.0)
        self.said.setText(self._words())
        if found is None:
            for view in (self.figures, self.actors_view):
                view.setRowCount(0)
            self.actors = ()
            self.standing.setText("")
            self._offer()
            return
        self._show(found.health)

    def _words(self) -> str:
        if self.health.share < 1.0:
            return f"Reading the journal: {_PERCENT * self.health.share:.0f} %"
        if self.health.trouble:
            return f"The record is not read: {self.health.trouble}"
        found = self.health.found
        if found is None:
            return "Nothing has been judged yet."
        of = found.health
        words = f"{date_text(of.from_ns)} to {date_text(of.to_ns)}"
        if of.is_indicative:
            words += f" · indicative: {of.days:.1f} days"
        return words if found.is_whole else f"{words} · only the newest lines were read"

    def _show(self, found: Health) -> None:
        self.figures.setRowCount(len(found.metrics))
        for row, metric in enumerate(found.metrics):
            for column, text in enumerate(_cells(metric)):
                item = QTableWidgetItem(text)
                if metric.verdict in ("over target", "over maximum"):
                    font = item.font()
                    font.setBold(metric.verdict == "over maximum")
                    item.setFont(font)
                item.setToolTip(f"{metric.name}: {' · '.join(_cells(metric)[1:])}")
                self.figures.setItem(row, column, item)
        specs = self._at.alarms.specs
        self.actors = found.top
        self.actors_view.setRowCount(len(found.top))
        for row, actor in enumerate(found.top):
            spec = specs.get(actor.id)
            name = (spec.title or spec.tag or actor.id) if spec is not None else actor.id
            cells = (
                name,
                str(actor.priority),
                str(actor.raises),
                f"{_PERCENT * actor.share:.0f} %",
                str(actor.chatters) if actor.chatters else "",
                str(actor.fleeting) if actor.fleeting else "",
            )
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(actor.id)
                self.actors_view.setItem(row, column, item)
        lines = []
        if found.chattering:
            lines.append(f"Chattering: {self._names(found.chattering)}")
        if found.standing:
            lines.append(f"Active for more than a day: {self._names(found.standing)}")
        if found.floods:
            worst = max(found.floods, key=lambda flood: flood.count)
            lines.append(
                f"Floods: {len(found.floods)}, the worst {worst.count} from {date_text(worst.from_ns)}"
            )
        self.standing.setText("\n".join(lines))
        self.plot.show_counts(found.periods)
        self.shares.show_shares(dict(found.by_priority))
        self._offer()

    def _names(self, ids: tuple[str, ...]) -> str:
        specs = self._at.alarms.specs
        names = [(specs[i].title or i) if i in specs else i for i in ids[:MOST_NAMED]]
        return ", ".join(names) + (f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else "")

    def _chosen(self) -> str:
        rows = self.actors_view.selectionModel().selectedRows()
        return self.actors[rows[0].row()].id if rows and rows[0].row() < len(self.actors) else ""

    def _offer(self) -> None:
        name = self._chosen()
        known = name in self._at.alarms.specs
        for one in (self.open_row, self.open_limits):
            one.setEnabled(known)
            one.setToolTip("" if known else "No alarm is chosen." if not name else "It is defined no longer.")

    def _open(self, what: str) -> None:
        name = self._chosen()
        if name not in self._at.alarms.specs:
            self._desk.say("It is defined no longer." if name else "No alarm is chosen.")
        elif what == "limits":
            self._desk.show_limits(name)
        else:
            self._desk.show_alarm(name)

    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        if self.health.found is None and self.health.share >= 1.0:
            self.read()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.plot.colours = self.shares.colours = colours
        self.plot.update()
        self.shares.update()


def _cells(metric: Metric) -> tuple[str, ...]:
    marks = {"good": "✓ good", "over target": "△ over target", "over maximum": "▲ over most", "": "–"}
    return (
        metric.name,
        f"{metric.value:,.0f}".replace(",", "\u202f")
        if metric.value >= _MANY
        else number(metric.value, metric.unit),
        number(metric.target, metric.unit),
        number(metric.maximum, metric.unit),
        marks[metric.verdict],
    )
