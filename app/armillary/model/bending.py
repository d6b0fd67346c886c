"""Shapes and instances that change with a scene's own time, and what its cameras see at one."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np

from armillary.model.arrays import F2, F4, F8, I8
from armillary.model.scene import Camera, SceneArrays

TRACK = 11  # numbers of a camera at one time: position, focus and up, then fov_deg and ortho_height


def _none(*shape: int) -> F4:
    return np.zeros(shape, np.float32)


def _rows() -> I8:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bending:
    """Samples at F stage times of E places of points and of J instances; between two times all go straight.

    A point of the scene that bends has the place and normal of its slot, an instance its matrix in the space
    of the prim whose look it has.
    """

    time: F8 = field(default_factory=lambda: np.zeros(0))  # (F,) stage time codes, ascending
    point: I8 = field(default_factory=_rows)  # (D,) rows of SceneArrays.point
    slot: I8 = field(default_factory=_rows)  # (D,) 0 … E-1
    place: F4 = field(default_factory=lambda: _none(0, 0, 3))  # (F, E, 3) prim-local
    normal: F2 = field(default_factory=lambda: np.zeros((0, 0, 3), np.float16))  # (F, E, 3)
    reach: F4 = field(default_factory=lambda: _none(2, 0, 3))  # (2, E, 3) least and most of `place`
    instance: I8 = field(default_factory=_rows)  # (J,) rows of SceneArrays.instance_*
    matrix: F4 = field(default_factory=lambda: _none(0, 0, 3, 4))  # (F, J, 3, 4)

    @classmethod
    def of(cls, scene: SceneArrays) -> Bending:
        """Return what a scene carries."""
        return cls(**{item.name: getattr(scene, f"bend_{item.name}") for item in fields(cls)})

    def __bool__(self) -> bool:
        return len(self.time) > 0

    def shapes(self, at: float) -> tuple[F4, F4]:
        """Return places (E, 3) and normals (E, 3), not of unit length, at a stage time."""
        k, share = around(self.time, at)
        return _mixed(self.place, k, share), _mixed(self.normal, k, share)

    def instances(self, at: float) -> F8:
        """Return matrices (J, 4, 4) of the instances in their prims' spaces at a stage time."""
        out = np.zeros((len(self.instance), 4, 4))
        k, share = around(self.time, at)
        out[:, :3] = _mixed(self.matrix, k, share)
        out[:, 3, 3] = 1.0
        return out


def around(time: F8, at: float) -> tuple[int, float]:
    """Return the sample before a stage time and the share of the way to the next one; the ends hold."""
    if len(time) == 1:
        return 0, 0.0
    k = int(np.clip(np.searchsorted(time, at, "right") - 1, 0, len(time) - 2))
    span = float(time[k + 1] - time[k])
    return k, float(np.clip((at - time[k]) / span, 0.0, 1.0)) if span > 0 else 0.0


def _mixed(values: F4 | F2, k: int, share: float) -> F4:
    first: F4 = values[k].astype(np.float32)
    if share <= 0.0:
        return first
    # an array scalar keeps float32: two places are mixed in the precision that they are drawn in
    out: F4 = first + np.float32(share) * (values[k + 1].astype(np.float32) - first)
    return out


def camera_at(scene: SceneArrays, camera: Camera, at: float) -> Camera:
    """Return a camera of the scene at a stage time; one that does not change comes back as it is."""
    numbers = scene.camera_number.tolist()
    here = next((i for i, c in enumerate(scene.cameras) if c.path == camera.path), -1)
    if here not in numbers or not len(scene.camera_time):
        return camera
    k, share = around(scene.camera_time, at)
    track = scene.camera_track[:, numbers.index(here)]
    now = track[k] if share <= 0 else track[k] * (1 - share) + track[k + 1] * share
    px, py, pz, fx, fy, fz, ux, uy, uz, fov, height = (float(v) for v in now)
    return replace(
        camera,
        position=(px, py, pz),
        focus=(fx, fy, fz),
        up=(ux, uy, uz),
        fov_deg=fov,
        ortho_height=height,
    )
