"""How a person knows which world is shown: ribbon and frame else than live, a banner for silence."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from armillary.model.frame import RunState, WorldKind
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.pieces import label, restyle
from armillary.ui.when import clock_text

_WORDS = {
    WorldKind.REPLAY: "recorded data",
    WorldKind.WHATIF: "not the plant",
    WorldKind.TRAINING: "simulated plant",
}


def mode_of(workspace: Workspace) -> str:
    """Return `live`, `replay`, `whatif` or `training`."""
    if workspace.world_state == WorldState.NONE:
        return "live"  # a bare scene is framed by nothing
    kind: str = workspace.mirror.kind.value
    return kind.lower().replace("-", "")


def ribbon_text(kind: WorldKind, run: RunState, t_ns: int) -> str:
    """Return the words of the ribbon, "" for a live world."""
    if kind == WorldKind.LIVE:
        return ""
    when = clock_text(t_ns, 1.0) if t_ns else ""
    state = "" if run == RunState.RUNNING else f" · {run.value.lower()}"
    return " · ".join(part for part in (kind.value, when, _WORDS[kind]) if part) + state


class ModeFrame(QFrame):
    """Holds the whole content of the window; draws the frame and the ribbon that tell the kind of world."""

    def __init__(self, workspace: Workspace, restart: Callable[[], None]) -> None:
        super().__init__()
        self._workspace = workspace
        self.setObjectName("desk")
        self.ribbon = label()
        self.ribbon.setObjectName("ribbon")
        self.ribbon.setFixedHeight(28)
        self.banner = QFrame()
        self.banner.setObjectName("notlive")
        self.reason = label("", wrap=True)
        self.restart = QPushButton("Connect again")
        self.restart.setAccessibleName("Start or connect the world again")
        self.restart.clicked.connect(lambda _checked=False: restart())
        bar = QHBoxLayout(self.banner)
        bar.setContentsMargins(12, 4, 8, 4)
        bar.addWidget(self.reason, 1)
        bar.addWidget(self.restart)
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setSpacing(0)
        self.rows.addWidget(self.ribbon)
        self.rows.addWidget(self.banner)
        workspace.world_changed.connect(self.refresh)
        workspace.project_changed.connect(self.refresh)
        self.refresh()

    def hold(self, content: QWidget) -> None:
        """Put the content below ribbon and banner."""
        self.rows.addWidget(content, 1)

    def refresh(self) -> None:
        """Show the kind and the state of the world."""
        mirror, state = self._workspace.mirror, self._workspace.world_state
        mode = mode_of(self._workspace)
        self.ribbon.setText(ribbon_text(mirror.kind, mirror.run, mirror.t_ns))
        self.ribbon.setVisible(mode != "live")
        if self.property("mode") != mode:
            self.setProperty("mode", mode)
            width = 0 if mode == "live" else 4
            self.rows.setContentsMargins(width, width, width, width)
            restyle(self)
            restyle(self.ribbon)
        silent = state == WorldState.NOT_LIVE
        why = self._workspace.world_text.removeprefix("Not live: ")
        self.reason.setText(f"NOT LIVE · {why[:1].upper()}{why[1:]}")
        self.banner.setVisible(silent)
