"""What is drawn into the picture that is there: badges that wait, signs of quality and their ages."""

from __future__ import annotations

from collections.abc import Callable, Set

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from armillary.model.clock import MS_NS, Clock
from armillary.session.alarm_callouts import in_words, said
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.viewport.badge_places import direction_words
from armillary.viewport.callouts import Callout
from armillary.viewport.view import View

BLINK_MS = 500
SIGN_MS = 1_000  # how often the ages beside stale parts are written anew


class Signs(QObject):
    """Badges and signs of one picture; the scene is not drawn again for them."""

    def __init__(
        self,
        canvas: QWidget,
        workspace: Workspace,
        clock: Clock,
        view: View,
        again: Callable[[], None],
        touch: Callable[[], None],
    ) -> None:
        """`again` shows the last picture again, into which something was drawn; `touch` asks for another."""
        super().__init__(canvas)
        self._canvas, self._workspace, self._clock, self._view = canvas, workspace, clock, view
        self._show_again, self._touch = again, touch
        self._half = 0
        self._said_mono_ns = -SIGN_MS * MS_NS  # when callouts were last put into words
        self._hidden: frozenset[int] | None = None  # the branches that badges were placed for
        self._usual, self._words = canvas.accessibleDescription(), ""
        self._blinking = timers.every(self, BLINK_MS, self._blink)
        self._signing = timers.every(self, SIGN_MS, self._second)

    def put_badges(self) -> None:
        """Show badges where alarms wait for a person; outlines come with the look."""
        self._hidden = frozenset(self._workspace.hidden)
        found = self._workspace.alarms.waiting(self._hidden)
        self._view.badge_table(np.stack([each.astype(np.int64) for each in found], axis=1))
        now = self._clock.now_mono_ns()
        if not self._workspace.alarms.is_many or now - self._said_mono_ns >= SIGN_MS * MS_NS:
            self._put_callouts()

    def tells(self, hidden: Set[int]) -> bool:
        """Whether badges of many alarms stand as they should; callouts tell the values once a second."""
        return self._workspace.alarms.is_many and self._hidden is not None and self._hidden == hidden

    def _put_callouts(self) -> None:
        """Show what alarms say, with their values now."""
        ws = self._workspace
        self._said_mono_ns = now = self._clock.now_mono_ns()
        told = said(ws.alarms, ws.mirror, ws.specs, ws.hidden, now)
        if self._view.callouts([Callout(s.prim, s.priority, s.title, s.text) for s in told]):
            self._show_again()
        else:
            self._touch()

    def put_marks(self) -> None:
        """Show signs of quality; their ages go on by themselves."""
        marks = self._workspace.showing.marks(self._workspace.mirror, self._clock.now_mono_ns())
        if self._view.marks(marks):
            self._show_again()
        if len(marks) and not self._signing.isActive():
            self._signing.start()
        elif not len(marks) and not self._view.told:
            self._signing.stop()

    def drawn(self) -> None:
        """A picture was made: what blinks on it begins to, and what it shows is told in words."""
        self._describe()
        if self._view.blinks and not self._blinking.isActive():
            self._blinking.start()
        if self._view.told and not self._signing.isActive():
            self._signing.start()  # their values go on

    def _describe(self) -> None:
        placed = self._view.placed
        pointing = [b for b in placed if b.direction is not None]
        outside: dict[str, int] = {}
        for badge in pointing:
            where = direction_words(badge.direction or 0.0)
            outside[where] = outside.get(where, 0) + badge.count
        words = in_words(
            [(told.callout.title, told.callout.priority) for told in self._view.told],
            sum(badge.count for badge in placed if badge.direction is None),
            tuple(outside.items()),
        )
        if words != self._words:
            self._words = words
            self._canvas.setAccessibleDescription(f"{words}. {self._usual}" if words else self._usual)

    def _second(self) -> None:
        self._workspace.showing.second()
        self._put_callouts()
        self.put_marks()

    def _blink(self) -> None:
        """Let badges blink."""
        self._half += 1
        if not self._view.blinks:
            self._blinking.stop()
        elif self._canvas.isVisible() and self._view.blink(self._half):
            self._show_again()
