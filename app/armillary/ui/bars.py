"""Top bar, time bar and what tells the mode, put around the docks of a window; workspaces; sheets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QWidget

from armillary.model.alarm import AlarmSpec, AlarmState
from armillary.model.clock import Clock
from armillary.model.fault import Fault
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui.docks import Docks
from armillary.ui.login import LoginSheet, ReasonSheet
from armillary.ui.mode import Edge, ModeFrame
from armillary.ui.notify import Notice
from armillary.ui.panels.timebar import TimeBarPanel
from armillary.ui.panels.worlds import WorldsPanel
from armillary.ui.theme import Colours
from armillary.ui.topbar import LAYOUTS, TopBar

# docks that are open in a workspace at first; those named in none are open in all
_ONLY_IN = {
    "browse": ("author",),
    "drift": ("author",),
    "model": ("author",),
    "authoring": ("author",),
    "bindings": ("author",),
    "exercise": ("train",),
    "instructor": ("train",),
}
_HIDDEN_IN = {"train": ("links",)}


class Teller(Protocol):
    """Where faults and notices go."""

    def fault(self, fault: Fault) -> None: ...
    def notice(self, notice: Notice) -> None: ...


class SpaceKeys(QObject):
    """Leaves `Space` to what has the focus and presses or chooses with it: it plays elsewhere only."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        """Take the key from the shortcuts when a control with the focus has a use for it."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_space = event.key() == Qt.Key.Key_Space and not event.modifiers()
            if is_space and isinstance(watched, QAbstractButton | QAbstractItemView | QComboBox):
                event.accept()
        return False


class Bars:
    """Made once by the window, after its docks."""

    def __init__(
        self,
        window: QWidget,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        settings: Settings,
        teller: Teller,
        run: Callable[[str], None],
    ) -> None:
        self._window, self._at, self._settings, self._teller = window, workspace, settings, teller
        self._run = run
        self.worlds = WorldsPanel(workspace, colours, run, teller.fault)
        self.timebar = TimeBarPanel(workspace, clock, colours, run, teller.fault)
        self.layout = LAYOUTS[0]
        self._docks: Docks | None = None
        self._clock, self._colours = clock, colours

    def place(self, mode: ModeFrame, docks: Docks, canvas: QWidget, show: Callable[[str], None]) -> None:
        """Put everything where it belongs; docks must all have been added."""
        self._docks = docks
        self.topbar = TopBar(self._at, self._clock, self._colours, self._run, show)
        mode.top(self.topbar)
        mode.below(self.timebar)
        self.edge = Edge(canvas, self._colours)
        mode.watch(lambda kind, _text: self.edge.show_mode(kind))
        mode.watch(docks.show_mode)
        self._keys = SpaceKeys(self._window)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self._keys)
        self._at.home_alarm.connect(self._home_alarm)

    def _home_alarm(self, spec: AlarmSpec, state: AlarmState) -> None:
        """A new urgent alarm of the plant is seen in any mode."""
        text = spec.title or spec.tag
        self._teller.notice(
            Notice("error", f"Live, priority {spec.priority}: {text}", spec.tag, "Go to live: press L.")
        )

    # ------------------------------------------------------------ workspaces

    def _key(self, name: str) -> str:
        return "docks" if name == LAYOUTS[0] else f"docks-{name}"

    def save(self) -> None:
        """Keep the arrangement of the docks under the workspace that is shown."""
        if self._docks is not None:
            self._settings.save_window(self._key(self.layout), self._docks.save())

    def use(self, name: str) -> None:
        """Show another workspace as it was left, or as it is at first."""
        docks = self._docks
        if docks is None or name == self.layout or name not in LAYOUTS:
            self.topbar.set_layout(self.layout)
            return
        self.save()
        self.layout = name
        self.topbar.set_layout(name)
        if not docks.restore(self._settings.window(self._key(name))):
            docks.reset()
            self.first(name)

    def first(self, name: str) -> None:
        """Close the docks that a workspace begins without."""
        docks = self._docks
        if docks is None:
            return
        for dock in docks.names:
            if name not in _ONLY_IN.get(dock, LAYOUTS) or dock in _HIDDEN_IN.get(name, ()):
                docks.hide(dock)
        if name == LAYOUTS[2] and "exercise" in docks.names:
            for dock in ("exercise", "instructor"):
                docks.show(dock)

    # ------------------------------------------------------------ sheets

    def log_in(self) -> None:
        """Open the sheet for name and password."""
        LoginSheet(self._at.people, self._window).open()

    def release(self) -> None:
        """Ask the reason for which commands are released."""
        text = "Commands to the plant will be possible again."
        done = self._released
        ReasonSheet("Release commands", text, "Release", done, self._window).open()

    def _released(self, reason: str) -> None:
        self._at.stop_commands(False, reason)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        for part in (self.topbar, self.timebar, self.worlds, self.edge):
            part.set_colours(colours)
