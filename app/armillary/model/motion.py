"""What of a scene moves and appears with its own time, and how it looks at one stage time."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np

from armillary.model.arrays import B1, F8, I8, U1
from armillary.model.bending import around
from armillary.model.clock import NS
from armillary.model.look import Look
from armillary.model.scene import SceneArrays


def _none(*shape: int) -> F8:
    return np.zeros(shape)


def _no_rows() -> I8:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Samples at F stage times; A prims move by themselves, R with them, Q appear or vanish.

    The world matrix of row[r] at a time is that of prim[anchor[r]] times relative[r].
    """

    time: F8 = field(default_factory=lambda: _none(0))  # (F,) stage time codes, ascending
    prim: I8 = field(default_factory=_no_rows)  # (A,)
    world: F8 = field(default_factory=lambda: _none(0, 0, 4, 4))  # (F, A, 4, 4)
    row: I8 = field(default_factory=_no_rows)  # (R,) ascending
    anchor: I8 = field(default_factory=_no_rows)  # (R,) index into `prim`
    relative: F8 = field(default_factory=lambda: _none(0, 4, 4))  # (R, 4, 4)
    shown_row: I8 = field(default_factory=_no_rows)  # (Q,) ascending
    shown: B1 = field(default_factory=lambda: np.zeros((0, 0), np.bool_))  # (F, Q)

    @classmethod
    def of(cls, scene: SceneArrays) -> Motion:
        """Return what a scene carries."""
        return cls(**{item.name: getattr(scene, f"motion_{item.name}") for item in fields(cls)})

    def __bool__(self) -> bool:
        return len(self.time) > 0

    def places(self, at: float) -> F8:
        """Return the world matrices (R, 4, 4) of `row` at a stage time; outside the range its ends hold."""
        if not len(self.row):
            return _none(0, 4, 4)
        k = int(np.clip(np.searchsorted(self.time, at, "right") - 1, 0, len(self.time) - 2))
        span = float(self.time[k + 1] - self.time[k])
        share = float(np.clip((at - self.time[k]) / span, 0.0, 1.0))
        now = self.world[k] * (1 - share) + self.world[k + 1] * share
        out: F8 = now[self.anchor] @ self.relative
        return out

    def visible(self, at: float) -> B1:
        """Return whether the rows of `shown_row` are visible (Q,): a state holds until the next sample."""
        k = int(np.clip(np.searchsorted(self.time, at + 1e-9, "right") - 1, 0, len(self.time) - 1))
        out: B1 = self.shown[k]
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneTime:
    """How a scene's own time follows the time of the world that is shown.

    start_ns: world time (ns UTC) at which the scene is at its start. end_ns: at which it is at its end; 0 =
    as soon as the file's own rate brings it there. repeats: it begins anew at its end, else it stays there.
    """

    start_ns: int
    end_ns: int = 0
    repeats: bool = False

    def at(self, t_ns: int, time_range: tuple[float, float, float]) -> float:
        """Return the stage time code at a world time; before its start the scene is at its start."""
        start, end, codes = time_range
        if not end > start or t_ns <= self.start_ns:
            return start
        # differences first: nanoseconds of an epoch do not fit into a float
        whole_ns = self.end_ns - self.start_ns if self.end_ns else (end - start) / codes * NS
        share = (t_ns - self.start_ns) / whole_ns
        return start + (share % 1.0 if self.repeats else min(share, 1.0)) * (end - start)


def posed(look: Look, scene: SceneArrays, motion: Motion, at: float) -> Look:
    """Return a look at a stage time. What a binding moves stays where it is put, what a person hid hidden."""
    if len(scene.bend_time) or len(scene.camera_time):
        look = replace(look, stage_at=at)
    if len(scene.tint_row):
        look = replace(look, rgba=_tinted(look.rgba, scene, at))
    if not motion:
        return look
    place = motion.places(at)
    moved, matrix = motion.row, place
    if len(look.moved):
        free = ~np.isin(motion.row, look.moved)
        moved = np.concatenate([motion.row[free], look.moved.astype(np.int64)])
        order = np.argsort(moved, kind="stable")
        moved, matrix = moved[order], np.concatenate([place[free], look.matrix])[order]
    visible = look.visible
    if len(motion.shown_row):
        rows = motion.shown_row
        hidden = scene.visible[rows] & ~look.visible[rows]
        visible = look.visible.copy()
        visible[rows] = motion.visible(at) & ~hidden
    return replace(look, moved=moved.astype(np.uint32), matrix=matrix, visible=visible)


def _tinted(rgba: U1, scene: SceneArrays, at: float) -> U1:
    """Return colours with those of a stage time; what something else colours keeps its colour."""
    k, share = around(scene.tint_time, at)
    rows = scene.tint_row
    now = scene.tint_rgba[k].astype(np.float32)
    if share > 0:
        now += np.float32(share) * (scene.tint_rgba[k + 1] - now)
    own = (rgba[rows] == scene.rgba[rows]).all(axis=1)
    out = rgba.copy()
    out[rows[own]] = np.rint(now[own]).astype(np.uint8)
    return out


def advance(at: float, step_s: float, time_range: tuple[float, float, float]) -> float:
    """Return the stage time after a step of the clock; from the end it goes on at the start."""
    start, end, codes = time_range
    if not end > start:
        return start
    return start + (at - start + step_s * codes) % (end - start)
