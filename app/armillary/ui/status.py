"""Status bar: every link with state, rate and delay; recording; problems; messages; clock."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStatusBar, QWidget

from armillary.model.clock import Clock
from armillary.model.frame import WorldKind
from armillary.model.link import LinkState
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import icons
from armillary.ui.pieces import label
from armillary.ui.theme import Colours
from armillary.ui.when import offset_text, time_text

REFRESH_MS = 1000
_MOST_CHIPS = 5


class Status(QStatusBar):
    """The line at the bottom of the window."""

    def __init__(
        self, workspace: Workspace, clock: Clock, colours: Colours, show: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._workspace, self._clock, self._colours, self._show = workspace, clock, colours, show
        self.setSizeGripEnabled(False)
        self.chips: dict[str, QPushButton] = {}
        chips = QWidget()
        self._chips = QHBoxLayout(chips)
        self._chips.setContentsMargins(6, 0, 6, 0)
        self._chips.setSpacing(2)
        self.world = label("", "muted")
        self.recording = self._chip("Recording", "events")
        self.problems = self._chip("Problems", "events")
        self.clock = label()
        self.clock.setAccessibleName("Time")
        self.addPermanentWidget(chips)
        self.clock.setContentsMargins(6, 0, 10, 0)
        for widget in (self.recording, self.problems, self.clock):
            self.addPermanentWidget(widget)
        self.addWidget(self.world, 1)
        self._tick = QTimer(self)
        self._tick.setInterval(REFRESH_MS)
        self._tick.timeout.connect(self.refresh)
        self._tick.start()
        for signal in (
            workspace.links_changed,
            workspace.world_changed,
            workspace.problems_changed,
            workspace.project_changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def _chip(self, name: str, panel: str) -> QPushButton:
        chip = QPushButton()
        chip.setProperty("role", "chip")
        chip.setAccessibleName(name)
        chip.clicked.connect(lambda: self._show(panel))
        return chip

    def refresh(self) -> None:
        """Show what is known now."""
        now_ns = self._clock.now_ns()
        self.clock.setText(f"{time_text(now_ns)} {offset_text(now_ns)}")
        nothing = self._workspace.path is None and self._workspace.world_state == WorldState.NONE
        self.world.setText("  Nothing is open." if nothing else f"  {self._workspace.world_text}")
        self._links()
        home = self._workspace.home  # what is recorded is home, whatever is shown
        state = home.world_state if home is not None else self._workspace.world_state
        # of a silent world nothing is known; the past alone, or an exercise, is recorded by nobody
        is_live = home is not None or self._workspace.kind is WorldKind.LIVE
        is_world = is_live and state == WorldState.LIVE
        why = home.recording if home is not None else self._workspace.recording
        self.recording.setVisible(is_world)
        self.recording.setText(self._workspace.history_text)
        self.recording.setToolTip(self._workspace.history_tip)
        mark = ("link-down", "priority2") if why else ("link-up", "edge")
        self._mark(self.recording, *mark)
        n = len(self._workspace.problems)
        self.problems.setVisible(n > 0)
        self.problems.setText(f"{n} problem" + ("s" if n != 1 else ""))
        self.problems.setToolTip("\n".join(p.what for p in self._workspace.problems[:8]))
        self._mark(self.problems, "warning", "text")

    def _mark(self, chip: QPushButton, drawing: str, colour: str) -> None:
        plain = self._colours.name != "dark" and colour.startswith("priority")
        chip.setIcon(icons.icon(drawing, self._colours.text if plain else getattr(self._colours, colour)))

    def _links(self) -> None:
        links = self._workspace.links
        for name in [name for name in self.chips if name not in {link.name for link in links}]:
            self.chips.pop(name).deleteLater()
        for link, row in zip(links, self._workspace.link_rows(), strict=True):
            chip = self.chips.get(link.name)
            if chip is None:
                chip = self.chips[link.name] = self._chip(f"Link {link.name}", "links")
                self._chips.addWidget(chip)
            if self._workspace.world_state != WorldState.LIVE:
                self._unknown(chip, link.name)
                continue
            is_up = link.state in (LinkState.UP, LinkState.DEGRADED)
            flow = f"{row.rate} · {row.delay}" if is_up else link.state.value.lower()
            silent = " · silent" if is_up and link.delivery == "silent" else ""
            text = f"{link.name}  {flow}{silent}"
            if chip.text() != text:
                chip.setText(text)
                chip.setAccessibleName(f"Link {link.name}: {link.state.value.lower()}, {flow}{silent}")
            chip.setToolTip(f"{row.kind} {row.url}\n{row.state}\n{row.detail}".strip())
            drawing, _ = icons.link_icon(link.state)
            chip.setIcon(icons.icon(drawing, icons.link_colour(link.state, self._colours)))
        for i, chip in enumerate(self.chips.values()):
            chip.setVisible(i < _MOST_CHIPS)

    def _unknown(self, chip: QPushButton, name: str) -> None:
        """Say that a link's state is not known: who watches it is silent."""
        chip.setText(f"{name}  not known")
        chip.setAccessibleName(f"Link {name}: not known")
        chip.setToolTip("The world that watches this link is silent.")
        chip.setIcon(icons.icon("link-off", self._colours.edge))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.refresh()
