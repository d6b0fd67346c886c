"""The camera side of a view: where the eye is, every way to move it, and what lies under which pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import F8
from armillary.model.bending import camera_at
from armillary.model.scene import Camera
from armillary.viewport import camera as eye
from armillary.viewport.camera import CameraPose
from armillary.viewport.picture import Picture
from armillary.viewport.stage import Stage

_DEG_PER_PIXEL = 0.4


class Gaze:
    """What of a `View` needs only its pose and its scene."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._turned = False
        self._through: tuple[Camera, CameraPose] | None = None  # the scene's camera that is followed

    def _changed(self, *, keeps: bool = False) -> None:
        """Note that another picture is due. keeps: one that is being drawn may be shown before."""
        raise NotImplementedError

    @property
    def stage(self) -> Stage | None:
        """The stage that is shown, None before the first scene."""
        return self._picture.stage

    @property
    def pose(self) -> CameraPose:
        """Where the eye is; plain data that can be kept and given back."""
        return self._picture.pose

    @pose.setter
    def pose(self, pose: CameraPose) -> None:
        if pose != self._picture.pose:
            self._changed()
            self._picture.pose = pose
            self._turned = True

    def orbit(self, dx: float, dy: float) -> None:
        """Turn about the focus by a drag of dx, dy pixels."""
        self.pose = eye.orbit(self.pose, -dx * _DEG_PER_PIXEL, dy * _DEG_PER_PIXEL)

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by a drag of dx, dy pixels."""
        self.pose = eye.pan(self.pose, dx, dy, self._picture.shape[1])

    def zoom(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Go nearer by `factor` towards pixel (x, y), by default the middle."""
        w, h = self.size
        at = (w / 2 if x is None else x, h / 2 if y is None else y)
        self.pose = eye.zoom(self.pose, max(factor, 1e-3), at, (w, h))

    def fit(self) -> None:
        """Show everything that is visible, from the same side."""
        self.pose = eye.fit(self.pose, self._shown_box(), self._aspect)

    def focus(self, prims: Sequence[int]) -> None:
        """Show prims, with all below them, where they are now, from the same side."""
        self.pose = self.framing(prims)

    def framing(self, prims: Sequence[int], beside: Sequence[F8] = ()) -> CameraPose:
        """Return the pose from which prims, with all below them, fill the picture; none of them: this one.

        beside: boxes (6,) in metres that are to be seen too.
        """
        boxes = [self.box(p) for p in prims if self.stage is not None and 0 <= p < len(self.stage.scene)]
        if not boxes:
            return self.pose
        whole = np.array([*boxes, *beside])
        with np.errstate(invalid="ignore"):
            box = np.concatenate([np.fmin.reduce(whole[:, :3]), np.fmax.reduce(whole[:, 3:])])
        return eye.fit(self.pose, box, self._aspect)

    def standard(self, name: str) -> None:
        """Look from `iso`, `top`, `front`, `back`, `left` or `right` at everything that is visible."""
        box = self._shown_box()
        pose = eye.standard(name, box, self._aspect)
        self.pose = eye.fit(eye.parallel(pose, box), box, self._aspect) if self.orthographic else pose

    @property
    def orthographic(self) -> bool:
        """Whether rays are parallel, so that lengths across the gaze can be compared."""
        return self.pose.fov_deg <= 0

    @orthographic.setter
    def orthographic(self, on: bool) -> None:
        self.pose = eye.parallel(self.pose, self.rest_box) if on else eye.perspective(self.pose)

    @property
    def rest_box(self) -> F8:
        """The world box (6,) of the scene at rest; NaN without a scene."""
        drawn = self.stage or self._picture.sketch
        return drawn.rest_box if drawn is not None else np.full(6, np.nan)

    def look_through(self, camera: Camera) -> None:
        """Look through a camera of the scene, and go with it while the scene's own time goes on."""
        self.pose = eye.through(camera)
        self._through = camera, self.pose
        self._follow()

    def _follow(self) -> None:
        """Go with the camera of the scene that is looked through, until the eye is moved by hand."""
        stage = self.stage
        if self._through is None or stage is None:
            return
        camera, pose = self._through
        if pose != self.pose:
            self._through = None
            return
        at = stage.look.stage_at
        camera = camera_at(stage.scene, camera, stage.scene.time_range[0] if at is None else at)
        self.pose = eye.through(camera)
        self._through = camera, self.pose

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self._picture.shape

    def pixels(self, points: F8) -> F8:
        """Return pixel and depth in metres (n, 3) of world points (n, 3); ≤ 0 behind the eye."""
        return eye.project(self.pose, points, self._picture.shape)

    def project(self, prim: int) -> tuple[float, float, float]:
        """Return pixel and depth in metres of the middle of a prim's box as it is now; ≤ 0 behind the eye.

        A prim with nothing to draw answers its own origin.
        """
        stage = self.stage
        if stage is None or not 0 <= prim < len(stage.scene):
            return float("nan"), float("nan"), -1.0
        box = self.box(prim)
        x, y, depth = eye.project(self.pose, ((box[:3] + box[3:]) / 2)[None], self._picture.shape)[0]
        return float(x), float(y), float(depth)

    @property
    def _aspect(self) -> float:
        w, h = self._picture.shape
        return w / h

    def _shown_box(self) -> F8:
        stage = self.stage
        if stage is None:
            return self.rest_box
        if stage.look.visible is stage.scene.visible and len(stage.look.moved) == 0:
            return stage.rest_box
        box = stage.boxes.all(stage.look.visible) + np.tile(stage.origin, 2)
        return box if np.isfinite(box).all() else stage.rest_box

    def box(self, prim: int) -> F8:
        """Return a prim's world box (6,) as it is now; one with nothing to draw is a point at its origin."""
        stage = self.stage
        if stage is None:
            return np.full(6, np.nan)
        box = stage.box(prim)
        if np.isfinite(box).all():
            return box
        return np.tile(stage.matrix[prim, :, 3] + stage.origin, 2)
