"""The eye flies to where something waits, so that a person sees where it is; without motion it jumps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject

from armillary.model.clock import MS_NS, Clock
from armillary.ui import timers
from armillary.viewport import camera as eye
from armillary.viewport.camera import CameraPose
from armillary.viewport.view import View

FLIGHT_MS = 600  # of 0.8 s that it may take, with the last picture
_STEP_MS = 16
_SLOW_MS = 200.0  # a picture that takes longer shows nothing of a flight: the eye jumps


class Flight(QObject):
    """Moves the eye of one view. Whoever moves it meanwhile has it: the flight ends there."""

    def __init__(
        self,
        owner: QObject,
        view: View,
        clock: Clock,
        touch: Callable[[], None],
        frame_ms: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`touch` draws the picture; `frame_ms` says how long one takes."""
        super().__init__(owner)
        self._view, self._clock, self._touch, self._frame_ms = view, clock, touch, frame_ms
        self.still = False  # reduced motion
        self._start = self._target = self._last = view.pose
        self._begun_ns = 0
        self._timer = timers.every(self, _STEP_MS, self._step)

    @property
    def is_flying(self) -> bool:
        """Whether the eye is on its way."""
        return self._timer.isActive()

    def to_prims(self, prims: Sequence[int]) -> None:
        """Fly to where prims fill the picture, from the same side."""
        self.to(self._view.framing(prims))

    def to(self, target: CameraPose) -> None:
        """Fly to a pose."""
        self._start, self._target = self._view.pose, target
        self._begun_ns = self._clock.now_mono_ns() - _STEP_MS * MS_NS  # it sets out at once
        changes_rays = (self._start.fov_deg > 0) != (target.fov_deg > 0)
        if self.still or changes_rays or self._frame_ms() > _SLOW_MS:
            self._timer.stop()
            self._view.pose = target
        else:
            self._last = self._start
            self._timer.start()
            self._step()
        self._touch()

    def _step(self) -> None:
        if self._view.pose != self._last:
            self._timer.stop()
            return
        share = (self._clock.now_mono_ns() - self._begun_ns) / (FLIGHT_MS * MS_NS)
        if share >= 1:
            self._timer.stop()
            self._view.pose = self._target
        else:
            self._view.pose = eye.between(self._start, self._target, share * share * (3 - 2 * share))
        self._last = self._view.pose
        self._touch()
