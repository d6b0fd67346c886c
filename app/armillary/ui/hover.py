"""What lies under the pointer: found when it rests, told in words, kept true while values change."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPointF
from PySide6.QtWidgets import QWidget

from armillary.model.clock import Clock
from armillary.session.value_band import Band, band_of
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.viewport.view import View

HOVER_MS = 40
NOTHING = -1
_TAGS = 3


class Hover(QObject):
    """The part under the pointer of one picture. Places are points of its widget."""

    def __init__(
        self,
        canvas: QWidget,
        workspace: Workspace,
        clock: Clock,
        view: View,
        find: Callable[[QPointF], int | None],
        touch: Callable[[], None],
    ) -> None:
        """`find` returns the part at a place, None while none is looked for; `touch` draws the picture."""
        super().__init__(canvas)
        self._canvas, self._workspace, self._clock, self._view = canvas, workspace, clock, view
        self._find, self._touch = find, touch
        self._prim = NOTHING
        self.text = ""  # what is said of the part, "" for nothing
        self.band: Band | None = None  # the first of its values that has limits
        self._at = QPointF()
        self._timer = timers.once(self, HOVER_MS, self._look, is_precise=True)
        workspace.world_changed.connect(self._again)
        workspace.frame_arrived.connect(lambda _slots: self._again())

    def follow(self, at: QPointF) -> None:
        """The pointer is here now, with no button held."""
        self._at = at
        if not self._timer.isActive():
            self._timer.start()

    def leave(self) -> None:
        """The pointer is no longer over the picture."""
        self._timer.stop()
        self.show(NOTHING)

    def forget(self) -> None:
        """Another scene comes: what was found is no part of it."""
        self._prim, self.text, self.band = NOTHING, "", None

    def show(self, prim: int) -> None:
        """Outline a part and tell of it; `NOTHING` tells of none."""
        if prim == self._prim:
            return
        self._prim = prim
        self.text = self._describe(prim)
        self._view.hover(prim)
        self._touch()
        self._canvas.update()

    def _again(self) -> None:
        """Tell the values as they are now: what went stale must not look current."""
        if self._prim != NOTHING and (text := self._describe(self._prim)) != self.text:
            self.text = text
            self._canvas.update()

    def _look(self) -> None:
        if not self._view.can_pick:
            self._timer.start()
        elif (prim := self._find(self._at)) is not None:
            self.show(prim)

    def _describe(self, prim: int) -> str:
        scene, self.band = self._workspace.scene, None
        if scene is None or prim < 0:
            return ""
        lines = [scene.prim_path[prim]]
        slots = self._workspace.tags_of_prim(prim)[:_TAGS]
        rows = self._workspace.tag_rows(slots, self._clock.now_mono_ns())
        for row in rows:
            lines.append(f"{row.name}  {row.value} · {row.note or 'good'} · {row.age} ago")
            lines += [f"    {text}" for text in self._workspace.alarms.limits_of(row.slot)]
            if self.band is None:
                self.band = self._band(row.slot)
        return "\n".join(lines)

    def _band(self, slot: int) -> Band | None:
        table, spec = self._workspace.mirror.table, self._workspace.specs[slot]
        specs = self._workspace.alarms.specs.values()
        return band_of(spec, specs, float(table.value[slot]), int(table.quality[slot]))
