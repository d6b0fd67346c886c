"""What a hand does on a trend: pan, zoom, a rectangle of time, cursors; all of it also by keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from armillary.model.clock import NS

_NOTCH = 120.0  # of a wheel
_ZOOM = 1.25  # a notch
_KEY_PAN = 0.1  # of the span
_CLICK_PX = 4.0
_GRAB_PX = 6.0
SHORTEST_NS, LONGEST_NS = 1_000, 200 * 366 * 86_400 * NS


class Seen(Protocol):
    """What the hand moves."""

    def view_ns(self) -> tuple[int, int]:
        """Return the range that is shown."""

    def show_ns(self, from_ns: int, to_ns: int) -> None:
        """Show another range."""

    def time_at(self, x: float) -> int:
        """Return the time at a pixel column."""

    def x_of(self, t_ns: int) -> float:
        """Return the pixel column of a time."""

    @property
    def width_px(self) -> int:
        """The width of the plot itself in pixels."""

    def holds(self, at: QPointF) -> bool:
        """Return whether a point is inside the plot itself."""

    def scale_y(self, at: QPointF, factor: float) -> None:
        """Show `factor` times as much of the values of the lane at a point."""

    def step_from(self, t_ns: int, step: int) -> int:
        """Return the time of the next (+1) or previous (−1) point of the pen that is looked at."""


def zoomed(view: tuple[int, int], factor: float, share: float) -> tuple[int, int]:
    """Return a range `factor` times as long; what is at `share` of it stays there."""
    start, end = view
    span = min(max(round((end - start) * factor), SHORTEST_NS), LONGEST_NS)
    at = start + share * (end - start)
    begin = round(at - share * span)
    return begin, begin + span


class Hand:
    """Turns events into ranges and cursors. `changed` is called when something that is painted has moved."""

    def __init__(self, seen: Seen, changed: Callable[[], None], hover: Callable[[int | None], None]) -> None:
        self._seen, self._changed, self._hover = seen, changed, hover
        self.cursors: list[int | None] = [None, None]
        self.active = 0  # the cursor that keys move
        self.at_ns: int | None = None  # under the mouse
        self.band: tuple[float, float] | None = None  # pixel columns of a rectangle that is being drawn
        self.placed: Callable[[], None] = lambda: None  # a cursor was put, moved or taken
        self.noted: Callable[[int], None] = lambda _t: None  # a double click
        self._pressed: QPointF | None = None
        self._from: tuple[int, int] = (0, 0)
        self._grabbed = -1
        self._panned = False

    # ------------------------------------------------------------ mouse
    def press(self, event: QMouseEvent) -> None:
        """Begin: on a cursor to drag it, with Shift a rectangle, else a pan."""
        at = event.position()
        if not self._seen.holds(at) or event.button() == Qt.MouseButton.RightButton:
            return
        self._pressed, self._from, self._panned = at, self._seen.view_ns(), False
        near = [(abs(self._seen.x_of(t) - at.x()), i) for i, t in enumerate(self.cursors) if t is not None]
        distance, number = min(near, default=(_GRAB_PX + 1, -1))
        self._grabbed = number if distance <= _GRAB_PX else -1
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if self._grabbed < 0 and shift:
            self.band = (at.x(), at.x())

    def move(self, event: QMouseEvent) -> None:
        """Go on with what was begun; else tell what is under the mouse."""
        at = event.position()
        start = self._pressed
        if start is None:
            self.hover(at)
            return
        if self._grabbed >= 0:
            self._put(self._grabbed, self._seen.time_at(at.x()))
        elif self.band is not None:
            self.band = (start.x(), at.x())
            self._changed()
        elif abs(at.x() - start.x()) > _CLICK_PX or self._panned:
            self._panned = True
            begin, end = self._from
            shift = round((start.x() - at.x()) / self._seen.width_px * (end - begin))
            self._seen.show_ns(begin + shift, end + shift)

    def release(self, event: QMouseEvent) -> None:
        """End: a click puts the first cursor, with Shift the second; a rectangle is zoomed into."""
        start, self._pressed = self._pressed, None
        at = event.position()
        if start is None:
            return
        band, self.band = self.band, None
        is_click = abs(at.x() - start.x()) <= _CLICK_PX
        if self._grabbed >= 0:
            self._grabbed = -1
        elif band is not None and not is_click:
            low, high = sorted((self._seen.time_at(band[0]), self._seen.time_at(band[1])))
            self._seen.show_ns(low, max(high, low + SHORTEST_NS))
        elif is_click and event.button() == Qt.MouseButton.LeftButton:
            second = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._put(1 if second else 0, self._seen.time_at(at.x()))
        self._changed()

    def double(self, event: QMouseEvent) -> None:
        """Ask for a note at a time."""
        if self._seen.holds(event.position()):
            self.noted(self._seen.time_at(event.position().x()))

    def wheel(self, event: QWheelEvent) -> None:
        """Zoom time about the mouse; with Ctrl the values of the lane; sideways: pan."""
        at = event.position()
        turn = event.angleDelta()
        if turn.x() and not turn.y():
            self.pan(-turn.x() / _NOTCH * _KEY_PAN)
            return
        factor = _ZOOM ** (-turn.y() / _NOTCH)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._seen.scale_y(at, factor)
            return
        start, end = self._seen.view_ns()
        share = (self._seen.time_at(at.x()) - start) / max(end - start, 1)
        self._seen.show_ns(*zoomed((start, end), factor, min(max(share, 0.0), 1.0)))

    def hover(self, at: QPointF) -> None:
        """Tell what is under the mouse."""
        self.at_ns = self._seen.time_at(at.x()) if self._seen.holds(at) else None
        self._hover(self.at_ns)
        self._changed()

    def leave(self) -> None:
        """Forget what was under the mouse."""
        self.at_ns = None
        self._hover(None)
        self._changed()

    # ------------------------------------------------------------ keys
    def key(self, event: QKeyEvent) -> bool:
        """Carry out a key; return whether it was ours.

        Arrows pan, with Ctrl they move the cursor from point to point; + and − zoom; Enter puts the cursor
        at the mouse or in the middle, with Shift the second one; Escape takes both away.
        """
        key, modifiers = event.key(), event.modifiers()
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        sign = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key), 0)
        if sign and control:
            number = 1 if shift else 0
            at = self.cursors[number]
            self._put(number, self._seen.step_from(at if at is not None else self._middle(), sign))
        elif sign:
            self.pan(sign * (1.0 if shift else _KEY_PAN))
        elif key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Up}:
            self._seen.show_ns(*zoomed(self._seen.view_ns(), 1 / _ZOOM, 0.5))
        elif key in {Qt.Key.Key_Minus, Qt.Key.Key_Down}:
            self._seen.show_ns(*zoomed(self._seen.view_ns(), _ZOOM, 0.5))
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._put(1 if shift else 0, self.at_ns if self.at_ns is not None else self._middle())
        elif key == Qt.Key.Key_Escape and self.cursors != [None, None]:
            self.clear()
        else:
            return False
        return True

    def pan(self, share: float) -> None:
        """Show later times (earlier for a negative share of the span)."""
        start, end = self._seen.view_ns()
        shift = round(share * (end - start))
        self._seen.show_ns(start + shift, end + shift)

    def clear(self) -> None:
        """Take both cursors away."""
        self.cursors = [None, None]
        self.placed()
        self._changed()

    def _middle(self) -> int:
        start, end = self._seen.view_ns()
        return (start + end) // 2

    def _put(self, number: int, t_ns: int) -> None:
        self.cursors[number], self.active = t_ns, number
        self.placed()
        self._changed()
