"""The mouse over the picture: turns, shifts and zooms the eye, chooses parts; tools come first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from armillary.session.workspace import Workspace
from armillary.ui.part_drag import drag_out
from armillary.ui.tool import Tool
from armillary.viewport.view import View

ZOOM_PER_STEP = 1.15
_CLICK_PX = 4  # a press that moved less is a click
_WHEEL_STEP = 120.0


def pixel(canvas: QWidget, at: QPointF) -> tuple[int, int]:
    """Return the pixel of the picture at a place of its widget."""
    ratio = canvas.devicePixelRatioF()
    return round(at.x() * ratio), round(at.y() * ratio)


class Pointer:
    """Presses, drags, clicks and the wheel over one picture."""

    def __init__(
        self,
        canvas: QWidget,
        workspace: Workspace,
        view: View,
        tools: Sequence[Tool],
        touch: Callable[[], None],
        fly: Callable[[Sequence[int]], None],
    ) -> None:
        """`tools`: the first that takes an event has it; the list may change. `touch` draws the picture.

        `fly` takes the eye to parts.
        """
        self._fly = fly
        self._canvas, self._workspace, self._view = canvas, workspace, view
        self._tools, self._touch = tools, touch
        self.take_out: Callable[[tuple[int, ...]], None] = lambda prims: drag_out(canvas, workspace, prims)
        self._held: Tool | None = None  # has taken the press
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._moved = False

    @property
    def is_down(self) -> bool:
        """Whether a button is held."""
        return self._pressed is not None

    def let_go(self) -> None:
        """Take what is dragged from its tool: another scene is shown."""
        self._held = None

    def press(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        self._pressed = self._last = event.position()
        self._moved = False
        at = self._pixel(event.position())
        is_left = event.button() == Qt.MouseButton.LeftButton and self._workspace.scene is not None
        self._held = next((t for t in self._tools if is_left and t.press(*at)), None)

    def move(self, event: QMouseEvent) -> bool:
        """Drag what is held; return False where nothing is: the pointer only passes over the picture."""
        at = event.position()
        if self._held is not None:
            self._moved |= self._pressed is not None and (at - self._pressed).manhattanLength() >= _CLICK_PX
            self._held.drag(*self._pixel(at))
            return True
        if self._pressed is None or event.buttons() == Qt.MouseButton.NoButton:
            return False
        if not self._moved and (at - self._pressed).manhattanLength() < _CLICK_PX:
            return True
        if not self._moved and self._takes_out(event):
            return True
        self._moved = True
        step = at - self._last
        self._last = at
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.buttons() & Qt.MouseButton.LeftButton and not shift:
            self._view.orbit(step.x(), step.y())
        else:
            self._view.pan(step.x(), step.y())
        self._touch()
        return True

    def _takes_out(self, event: QMouseEvent) -> bool:
        """Drag a part out of the picture, with the others when it is one of those chosen: Ctrl is held."""
        keys, start = event.modifiers(), self._pressed
        is_ours = event.buttons() & Qt.MouseButton.LeftButton and keys & Qt.KeyboardModifier.ControlModifier
        if not is_ours or start is None or self._workspace.scene is None:
            return False
        prim = self._view.pick(*self._pixel(start))
        if prim < 0:
            return False
        self._pressed = None
        chosen = self._workspace.selection
        self.take_out(chosen if prim in chosen else (prim,))
        return True

    def release(self, event: QMouseEvent) -> None:
        """End a drag, or take a press that did not move for a click."""
        was_click = self._pressed is not None and not self._moved
        self._pressed = None
        held, self._held = self._held, None
        if held is not None:
            held.release()
            if not held.passes_clicks:
                return
        if was_click and event.button() == Qt.MouseButton.LeftButton:
            self._click(event.position(), event.modifiers())

    def double_click(self, event: QMouseEvent) -> None:
        """Frame the part that is there."""
        self._pressed = None
        if self._workspace.scene is None or event.button() != Qt.MouseButton.LeftButton:
            return
        prim = self._view.pick(*self._pixel(event.position()))
        if prim >= 0:
            self._view.focus((prim,))
            self._touch()

    def wheel(self, event: QWheelEvent) -> None:
        """Zoom about the place under the pointer."""
        steps = event.angleDelta().y() / _WHEEL_STEP
        if any(tool.wheel(steps) for tool in self._tools):
            return
        if steps and (self._workspace.scene is not None or self._view.sketched):
            self._view.zoom(ZOOM_PER_STEP**steps, *self._pixel(event.position()))
            self._touch()

    def _pixel(self, at: QPointF) -> tuple[int, int]:
        return pixel(self._canvas, at)

    def _click(self, at: QPointF, keys: Qt.KeyboardModifier) -> None:
        if self._workspace.scene is None:
            return
        if any(tool.click(*self._pixel(at)) for tool in self._tools):
            return
        badge = self._view.badge_at(*self._pixel(at))
        if badge is not None:
            self._workspace.select(badge.prims)
            if badge.direction is not None:
                self._fly(badge.prims)  # it points to what is outside: go there
            return
        prim = self._view.pick(*self._pixel(at))
        chosen = self._workspace.selection
        if keys & Qt.KeyboardModifier.ControlModifier:
            if prim < 0:
                return
            rest = tuple(p for p in chosen if p != prim)
            self._workspace.select(rest if prim in chosen else (*rest, prim))
        else:
            self._workspace.select(() if prim < 0 else (prim,))
