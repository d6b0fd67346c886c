"""How a person knows which world is shown: ribbon and frame else than live, banners for what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from armillary.model.arrays import U4
from armillary.model.control import Cursor
from armillary.model.frame import RunState, WorldKind
from armillary.session.training_texts import speed_text
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.pieces import label, restyle
from armillary.ui.theme import Colours
from armillary.ui.when import date_text

RIBBON_PX, FRAME_PX = 28, 4
_HATCH_PX = 22  # of the ribbon's left edge in REPLAY
_WORDS = {
    WorldKind.REPLAY: "recorded data",
    WorldKind.WHATIF: "not the plant",
    WorldKind.TRAINING: "simulated plant",
}
_LINES = {
    "replay": Qt.PenStyle.SolidLine,
    "whatif": Qt.PenStyle.DashLine,
    "training": Qt.PenStyle.SolidLine,
}


def mode_of(workspace: Workspace) -> str:
    """Return `live`, `replay`, `whatif` or `training`."""
    if workspace.world_state == WorldState.NONE:
        return "live"  # a bare scene is framed by nothing
    kind: str = workspace.mirror.kind.value
    return kind.lower().replace("-", "")


def ribbon_text(
    kind: WorldKind, run: RunState, t_ns: int, cursor: Cursor | None = None, about: str = ""
) -> str:
    """Return the words of the ribbon, "" for a live world: `REPLAY · 12 Mar 14:03:11 · 4 ×`."""
    if kind == WorldKind.LIVE:
        return ""
    about = about if about not in ("", kind.value) else ""
    name = kind.value if not about.startswith("'") else f"{kind.value} {about}"
    other = "" if about.startswith("'") else about
    words = "" if _WORDS[kind] in f"{name} {other}" else _WORDS[kind]
    when = date_text(t_ns) if t_ns else ""
    state = "" if run == RunState.RUNNING else run.value.lower()
    speed = cursor.speed if cursor is not None and run == RunState.RUNNING else 0.0
    if kind == WorldKind.TRAINING and speed:  # a model may not keep up
        return " · ".join(part for part in (name, other, when, speed_text(cursor), words) if part)
    pace = f"{speed:g} ×" + (" backwards" if speed < 0 else "") if speed else ""
    note = cursor.note if cursor is not None else ""
    return " · ".join(part for part in (name, other, when, pace.lstrip("-"), state, note, words) if part)


class Ribbon(QLabel):
    """The strip with the words; hatched, dashed or doubled so that it is known without its colour."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName("ribbon")
        self.setFixedHeight(RIBBON_PX)
        self.setIndent(_HATCH_PX + 12)
        self.mode = "live"

    def show_mode(self, mode: str, text: str) -> None:
        """Show the words of a mode; hidden in live."""
        self.setText(text)
        self.setAccessibleName(text)
        self.setVisible(mode != "live")
        if mode != self.mode:
            self.mode = mode
            self.setProperty("mode", mode)
            restyle(self)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        """Draw the words, and the mark of the mode at the left edge."""
        super().paintEvent(event)
        painter = QPainter(self)
        ink = self.palette().windowText().color()
        height = self.height()
        if self.mode == "replay":
            painter.setPen(QPen(ink, 2))
            painter.setClipRect(0, 0, _HATCH_PX, height)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for x in range(-height, _HATCH_PX, 7):
                painter.drawLine(x, height, x + height, 0)
        elif self.mode == "whatif":
            painter.setPen(QPen(ink, 2, Qt.PenStyle.DashLine))
            painter.drawRect(4, 4, _HATCH_PX - 6, height - 9)
        elif self.mode == "training":
            painter.setPen(QPen(ink, 2))
            painter.drawRect(4, 4, _HATCH_PX - 6, height - 9)
            painter.drawRect(8, 8, _HATCH_PX - 14, height - 17)
        painter.end()


def draw_frame(painter: QPainter, whole: QRect, mode: str, colour: QColor) -> None:
    """Draw the frame of a mode along the inside of a rectangle: plain, dashed or double."""
    if mode == "training":  # two lines with a gap between them
        painter.setPen(QPen(colour, 1))
        painter.drawRect(whole.adjusted(0, 0, -1, -1))
        painter.drawRect(whole.adjusted(1, 1, -2, -2))
        painter.drawRect(whole.adjusted(3, 3, -4, -4))
        return
    pen = QPen(colour, FRAME_PX, _LINES[mode])
    if mode == "whatif":
        pen.setDashPattern([4.0, 1.0])  # of the width: long dashes, the frame stays a frame
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    half = FRAME_PX // 2
    painter.drawRect(whole.adjusted(half, half, -half, -half))


class Edge(QWidget):
    """The frame around the viewport itself; lies over it and takes no mouse."""

    def __init__(self, over: QWidget, colours: Colours) -> None:
        super().__init__(over)
        self._colours, self._mode = colours, "live"
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        over.installEventFilter(self)
        self.setGeometry(over.rect())
        self.hide()

    def show_mode(self, mode: str) -> None:
        """Draw the frame of a mode; none in live."""
        self._mode = mode
        self.setVisible(mode != "live")
        self.raise_()
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if self._mode not in _LINES:
            return
        painter = QPainter(self)
        draw_frame(painter, self.rect(), self._mode, QColor(str(getattr(self._colours, self._mode))))
        painter.end()


class Banner(QFrame):
    """A line that says what is wrong, with one button that helps."""

    def __init__(self, button: str, name: str, run: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("notlive")
        self.reason = label("", wrap=True)
        self.button = QPushButton(button)
        self.button.setAccessibleName(name)
        self.button.clicked.connect(lambda _checked=False: run())
        bar = QHBoxLayout(self)
        bar.setContentsMargins(12, 4, 8, 4)
        bar.addWidget(self.reason, 1)
        bar.addWidget(self.button)
        self.hide()

    def tell(self, text: str, *, can: bool = True) -> None:
        """Show a text, "" hides the banner; `can`: the button helps."""
        self.reason.setText(text)
        self.button.setVisible(can)
        self.setVisible(bool(text))


class ModeFrame(QFrame):
    """Holds the whole content of the window; draws the frame and the ribbon that tell the kind of world."""

    def __init__(
        self, workspace: Workspace, restart: Callable[[], None], run: Callable[[str], None] = lambda _id: None
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self.setObjectName("desk")
        self.ribbon = Ribbon()
        self.banner = Banner("Connect again", "Start or connect the world again", restart)
        self.reason, self.restart = self.banner.reason, self.banner.button
        self.lost = Banner("Start it again", "Start the lost world again", lambda: run("world.again"))
        self.stopped = Banner("Release…", "Release commands", lambda: run("order.release"))
        self._watchers: list[Callable[[str, str], object]] = []
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setSpacing(0)
        for widget in (self.ribbon, self.banner, self.lost, self.stopped):
            self.rows.addWidget(widget)
        for signal in (
            workspace.world_changed,
            workspace.project_changed,
            workspace.visited,
            workspace.home_changed,
        ):
            signal.connect(self.refresh)
        workspace.frame_arrived.connect(self._arrived)
        self._stopped_said = ""
        self._colours: Colours | None = None
        self.refresh()

    def set_colours(self, colours: Colours) -> None:
        """Draw the frame in another theme."""
        self._colours = colours
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        """Draw the frame in the margin that the layout leaves."""
        super().paintEvent(event)
        if self.ribbon.mode in _LINES and self._colours is not None:
            painter = QPainter(self)
            draw_frame(
                painter, self.rect(), self.ribbon.mode, QColor(str(getattr(self._colours, self.ribbon.mode)))
            )
            painter.end()

    def hold(self, content: QWidget) -> None:
        """Put the content below ribbon and banners."""
        self.rows.addWidget(content, 1)

    def top(self, bar: QWidget) -> None:
        """Put a bar right below the banners, above all others."""
        self.rows.insertWidget(self.rows.indexOf(self.stopped) + 1, bar)

    def below(self, bar: QWidget) -> None:
        """Put a bar below the content."""
        self.rows.addWidget(bar)

    def watch(self, shows: Callable[[str, str], object]) -> None:
        """Call `shows(mode, words)` now and whenever the mode or its words change."""
        self._watchers.append(shows)
        shows(mode_of(self._workspace), self.ribbon.text())

    def _arrived(self, _slots: U4) -> None:
        counts = bool(self._workspace.outage)  # seconds
        if counts or self.ribbon.mode != "live" or self._stopped_said != self._stop_text():
            self.refresh()

    def _stop_text(self) -> str:
        home = self._workspace.home
        return home.stopped if home is not None else self._workspace.stopped

    def refresh(self) -> None:
        """Show the kind and the state of the world."""
        at = self._workspace
        mirror, state, mode = at.mirror, at.world_state, mode_of(at)
        text = (
            ribbon_text(mirror.kind, mirror.run, mirror.t_ns, at.cursor, at.about) if mode != "live" else ""
        )
        if text != self.ribbon.text() or self.property("mode") != mode:
            self.ribbon.show_mode(mode, text)
            if self.property("mode") != mode:
                self.setProperty("mode", mode)
                width = 0 if mode == "live" else FRAME_PX
                self.rows.setContentsMargins(width, width, width, width)
                restyle(self)
            for shows in self._watchers:
                shows(mode, text)
        why = at.world_text.removeprefix("Not live: ")
        silent = state == WorldState.NOT_LIVE
        why = at.outage or f"{why[:1].upper()}{why[1:]}"
        self.banner.tell(f"NOT LIVE · {why}" if silent or at.outage else "")
        lost = at.lost
        again = "" if lost is None else f"The {lost.kind.value} world ended: {lost.what} Live is shown."
        self.lost.tell(again, can=lost is not None and lost.can_restart)
        self._stopped_said = self._stop_text()
        self.stopped.tell(self._stopped_said)


class Ribboned(QWidget):
    """The content of a dock, with the ribbon above it while the dock stands outside the window."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.content = content
        self.ribbon = Ribbon()
        self.ribbon.hide()
        self.setFocusProxy(content)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.ribbon)
        rows.addWidget(content, 1)

    def show_mode(self, mode: str, text: str, *, floats: bool) -> None:
        """Show the words of a mode where the dock floats."""
        self.ribbon.show_mode(mode if floats else "live", text)
