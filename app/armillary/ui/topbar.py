"""The bar on top: project, workspaces, links, home while away, who is here, the kill switch, the time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QTabBar

from armillary.model.clock import Clock
from armillary.model.frame import WorldKind
from armillary.model.link import LinkState
from armillary.session.actions import action
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import icons
from armillary.ui.pieces import label, restyle
from armillary.ui.theme import Colours
from armillary.ui.when import offset_text, time_text

HEIGHT = 36
LAYOUTS = ("operate", "author", "train")
_TICK_MS = 1000
_FINE = (LinkState.UP, LinkState.DEGRADED)
_USER_ACTIONS = ("user.log-in", "user.log-out")


class TopBar(QFrame):
    """What one must always see, in every mode. `run` runs an action by id, `show` opens a dock."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        run: Callable[[str], None],
        show: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._at, self._clock, self._colours, self._run = workspace, clock, colours, run
        self.setObjectName("topbar")
        self.setFixedHeight(HEIGHT)
        self.project = label("", "title")
        self.version = label("", "muted")
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Workspaces")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for name in LAYOUTS:
            self.tabs.addTab(name.capitalize())
        self.tabs.tabBarClicked.connect(self._tab_clicked)
        self.links = self._chip("Links", lambda: show("links"))
        self.home = self._chip("Live world", lambda: run("time.live"))
        self.user = self._chip("User", self._user_menu)
        self.kill = QPushButton("Stop commands")
        self.kill.setObjectName("kill")
        self.kill.clicked.connect(lambda _checked=False: run(self._kill_action()))
        self.time = label()
        self.time.setAccessibleName("Time of this machine")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(6)
        for widget in (self.project, self.version, self.tabs):
            row.addWidget(widget)
        row.addStretch(1)
        for other in (self.home, self.links, self.user, self.kill, self.time):
            row.addWidget(other)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.refresh)
        self._tick.start()
        for signal in (
            workspace.world_changed,
            workspace.project_changed,
            workspace.links_changed,
            workspace.visited,
            workspace.home_changed,
            workspace.people.changed,
            workspace.undo.changed,
            workspace.version_book.changed,
            workspace.disk.changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def _chip(self, name: str, clicked: Callable[[], None]) -> QPushButton:
        chip = QPushButton()
        chip.setProperty("role", "chip")
        chip.setAccessibleName(name)
        chip.clicked.connect(lambda _checked=False: clicked())
        return chip

    def _tab_clicked(self, index: int) -> None:
        if 0 <= index < len(LAYOUTS):
            self._run(f"layout.{LAYOUTS[index]}")

    def _kill_action(self) -> str:
        return "order.release" if self._stopped() else "order.kill"

    def _stopped(self) -> str:
        home = self._at.home
        return home.stopped if home is not None else self._at.stopped

    def user_menu(self) -> QMenu:
        """Return the menu of the user chip, made anew."""
        menu = QMenu(self)
        for name in _USER_ACTIONS:
            entry = action(name)
            why = entry.why_not(self._at)
            item = menu.addAction(entry.title, partial(self._run, name))
            item.setEnabled(not why)
            item.setToolTip(why)
        menu.setToolTipsVisible(True)
        return menu

    def _user_menu(self) -> None:
        self.user_menu().popup(self.user.mapToGlobal(self.user.rect().bottomLeft()))

    def set_layout(self, name: str) -> None:
        """Mark the workspace that is shown."""
        self.tabs.setCurrentIndex(LAYOUTS.index(name))
        self._show_version()

    def _show_version(self) -> None:
        """Tell whoever authors which version is open and whether it was changed here."""
        at = self._at
        project = at.project
        version = project.version if project is not None else ""
        changed = (
            "changed" if at.undo.top is not at.version_book.stood_for or at.disk.differs else "unchanged"
        )
        self.version.setText(f"version {version}, {changed}")
        self.version.setVisible(bool(version) and self.tabs.currentIndex() == LAYOUTS.index("author"))

    def refresh(self) -> None:
        """Show what is known now."""
        at = self._at
        now_ns = self._clock.now_ns()
        self.time.setText(f"{time_text(now_ns)} {offset_text(now_ns)}")
        self.project.setText(at.title or "Armillary")
        self._show_version()
        has_world = at.world_state is not WorldState.NONE
        self._links(has_world)
        self.home.setVisible(at.away)
        self.home.setText(at.home_text())
        home = at.home
        if home is not None:
            urgent = home.unacknowledged > 0 or home.world_state is not WorldState.LIVE or home.links_down > 0
            self.home.setIcon(
                icons.icon("warning" if urgent else "link-up", self._loud() if urgent else self._colours.edge)
            )
            self.home.setToolTip("Go to the live world (L)")
            self.home.setAccessibleName(f"{self.home.text()}. Go to the live world")
        self.user.setVisible(has_world)
        self.user.setText(f"{at.people.name if at.people.is_logged_in else 'local'} · {at.role or 'no role'}")
        self.user.setAccessibleName(f"User: {self.user.text()}")
        self.user.setIcon(icons.icon("user", self._colours.muted))
        stopped = self._stopped()
        home_kind = home.kind if home is not None else at.kind
        self.kill.setVisible(has_world and at.project is not None and home_kind is WorldKind.LIVE)
        self.tabs.setVisible(not at.is_trainee)
        self.kill.setText("Release commands…" if stopped else "Stop commands")
        self.kill.setAccessibleName(self.kill.text())
        why = action(self._kill_action()).why_not(at)
        self.kill.setEnabled(not why)
        self.kill.setToolTip(
            why or stopped or "Nothing is sent to the plant any more, at once (Ctrl+Shift+K)"
        )
        if self.kill.property("stopped") != bool(stopped):
            self.kill.setProperty("stopped", bool(stopped))
            restyle(self.kill)

    def _links(self, has_world: bool) -> None:
        at = self._at
        wanted = [link for link in at.links if link.state is not LinkState.OFF]
        up = sum(link.state in _FINE for link in wanted)
        self.links.setVisible(has_world and bool(wanted))
        known = at.world_state is WorldState.LIVE
        text = f"{up} of {len(wanted)} links up" if known else "links not known"
        self.links.setText(text + (" then" if at.away and at.kind.value == "REPLAY" else ""))
        self.links.setAccessibleName(self.links.text())
        fine = known and up == len(wanted)
        self.links.setIcon(
            icons.icon("link-up" if fine else "link-down", self._colours.edge if fine else self._loud())
        )

    def _loud(self) -> str:
        return self._colours.priority2 if self._colours.name == "dark" else self._colours.text

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.refresh()
