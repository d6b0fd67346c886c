"""Where the eye is, as plain data, and every way to move it. World metres; no graphics library here.

Pixels count from the top left of the picture; the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import F8
from armillary.model.scene import Camera

Xyz = tuple[float, float, float]

DEFAULT_FOV_DEG = 35.0
_POLE_DEG = 89.9  # the eye never goes over the pole: up stays up
_TINY = 1e-12
_NEAR_SHARE = 5e-4  # of the far distance; smaller would waste the depth buffer
_MARGIN = 1.08  # of free space around what is fitted
_HALF = 0.5

# direction from the focus to the eye, and up
STANDARD: dict[str, tuple[Xyz, Xyz]] = {
    "iso": ((1.0, -1.2, 0.85), (0.0, 0.0, 1.0)),
    "front": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "back": ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "left": ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "right": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "top": ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPose:
    """A view: eye, focus and up in world metres; vertical field of view, 0 for orthographic."""

    position: Xyz
    focus: Xyz
    up: Xyz = (0.0, 0.0, 1.0)
    fov_deg: float = DEFAULT_FOV_DEG
    ortho_height: float = 0.0  # m, used when fov_deg is 0


HOME = CameraPose(position=(10.0, -12.0, 8.5), focus=(0.0, 0.0, 0.0))


def _xyz(v: F8) -> Xyz:
    return float(v[0]), float(v[1]), float(v[2])


def _unit(v: F8) -> F8:
    length = float(np.linalg.norm(v))
    out: F8 = v / length if length > _TINY else np.array([0.0, 0.0, 1.0])
    return out


def basis(pose: CameraPose) -> tuple[F8, F8, F8]:
    """Return right, up and backward of the eye, unit vectors in world space."""
    back = _unit(np.subtract(pose.position, pose.focus))
    right = np.cross(np.asarray(pose.up, np.float64), back)
    if np.linalg.norm(right) < _TINY:  # looking along up
        right = np.cross(np.array([0.0, 1.0, 0.0]), back)
        if np.linalg.norm(right) < _TINY:
            right = np.array([1.0, 0.0, 0.0])
    right = _unit(right)
    return right, np.cross(back, right), back


def distance(pose: CameraPose) -> float:
    """Return metres from the eye to the focus."""
    return float(np.linalg.norm(np.subtract(pose.position, pose.focus)))


def view_height(pose: CameraPose) -> float:
    """Return the metres that the picture's height spans at the focus."""
    if pose.fov_deg > 0:
        return 2 * distance(pose) * float(np.tan(np.radians(pose.fov_deg) / 2))
    return pose.ortho_height


# ---------------------------------------------------------------- moves


def orbit(pose: CameraPose, right_deg: float, up_deg: float) -> CameraPose:
    """Return the eye turned about the focus: around world Z to the right, and up over it, upright."""
    right, _, back = basis(pose)
    flat = np.array([right[0], right[1], 0.0])
    right = _unit(flat) if np.linalg.norm(flat) > _TINY else np.array([1.0, 0.0, 0.0])
    elevation = np.degrees(np.arcsin(np.clip(back[2], -1, 1)))
    elevation = np.radians(np.clip(elevation + up_deg, -_POLE_DEG, _POLE_DEG))
    turn = np.radians(right_deg)
    c, s = np.cos(turn), np.sin(turn)
    right = np.array([c * right[0] - s * right[1], s * right[0] + c * right[1], 0.0])
    level = np.array([right[1], -right[0], 0.0])  # backward without its height
    back = np.cos(elevation) * level + np.sin(elevation) * np.array([0.0, 0.0, 1.0])
    position = np.asarray(pose.focus) + distance(pose) * back
    return replace(pose, position=_xyz(position), up=_xyz(np.cross(back, right)))


def pan(pose: CameraPose, dx: float, dy: float, height: int) -> CameraPose:
    """Return the eye moved so that the picture follows a drag of dx, dy pixels (y down)."""
    right, up, _ = basis(pose)
    step = view_height(pose) / max(height, 1)
    shift = (-dx * right + dy * up) * step
    return replace(pose, position=_xyz(pose.position + shift), focus=_xyz(pose.focus + shift))


def zoom(pose: CameraPose, factor: float, at: tuple[float, float], size: tuple[int, int]) -> CameraPose:
    """Return the eye nearer by `factor` (> 1 is nearer) with the point under pixel `at` kept in place."""
    w, h = max(size[0], 1), max(size[1], 1)
    right, up, _ = basis(pose)
    step = view_height(pose) / h
    aside = ((at[0] - w / 2) * right - (at[1] - h / 2) * up) * step
    shift = aside * (1 - 1 / factor)
    # parallel rays: going nearer would enlarge nothing and leave parts behind the eye
    nearer = factor if pose.fov_deg > 0 else 1.0
    position = np.asarray(pose.focus) + np.subtract(pose.position, pose.focus) / nearer
    return replace(
        pose,
        position=_xyz(position + shift),
        focus=_xyz(pose.focus + shift),
        ortho_height=pose.ortho_height / factor,
    )


def fit(pose: CameraPose, box: F8, aspect: float) -> CameraPose:
    """Return the eye, looking the same way, at the distance where a world box (6,) fills the picture.

    A box of NaN gives the pose back.
    """
    if not np.isfinite(box).all():
        return pose
    right, up, back = basis(pose)
    centre = (box[:3] + box[3:]) / 2
    corner = corners(box) - centre
    x, y, z = np.abs(corner @ right), np.abs(corner @ up), corner @ back
    aspect = max(aspect, 1e-3)
    if pose.fov_deg <= 0:
        height = max(float(max(y.max(), x.max() / aspect)) * 2 * _MARGIN, 1e-3)
        away = max(float(np.linalg.norm(box[3:] - box[:3])), 1e-3)
        return replace(pose, focus=_xyz(centre), position=_xyz(centre + back * away), ortho_height=height)
    tan = float(np.tan(np.radians(pose.fov_deg) / 2))
    # each corner must stay inside the pyramid: |y| ≤ tan · (d − z), |x| ≤ tan · aspect · (d − z)
    away = float(max((z + _MARGIN * y / tan).max(), (z + _MARGIN * x / (tan * aspect)).max(), 1e-3))
    return replace(pose, focus=_xyz(centre), position=_xyz(centre + back * away))


def standard(name: str, box: F8, aspect: float) -> CameraPose:
    """Return one of the STANDARD views of a world box (6,); an unknown name gives `iso`."""
    direction, up = STANDARD.get(name, STANDARD["iso"])
    pose = CameraPose(position=direction, focus=(0.0, 0.0, 0.0), up=up)
    return fit(pose, box, aspect) if np.isfinite(box).all() else replace(HOME)


def parallel(pose: CameraPose, box: F8) -> CameraPose:
    """Return the same view with parallel rays (orthographic), its eye before all of a world box (6,)."""
    if pose.fov_deg <= 0:
        return pose
    _, _, back = basis(pose)
    away = distance(pose)
    if np.isfinite(box).all():
        focus = np.asarray(pose.focus)
        away = max(
            away, float(((corners(box) - focus) @ back).max()), float(np.linalg.norm(box[3:] - box[:3]))
        )
    position = np.asarray(pose.focus) + away * back
    return replace(pose, position=_xyz(position), fov_deg=0.0, ortho_height=view_height(pose))


def perspective(pose: CameraPose, fov_deg: float = DEFAULT_FOV_DEG) -> CameraPose:
    """Return the same view with perspective: what is at the focus keeps its size."""
    if pose.fov_deg > 0:
        return pose
    _, _, back = basis(pose)
    away = max(pose.ortho_height, _TINY) / (2 * float(np.tan(np.radians(fov_deg) / 2)))
    position = np.asarray(pose.focus) + away * back
    return replace(pose, position=_xyz(position), fov_deg=fov_deg, ortho_height=0.0)


def turn(pose: CameraPose, right_deg: float, up_deg: float) -> CameraPose:
    """Return the eye where it is, looking further to the right and up; upright, never over the pole."""
    _, _, back = basis(pose)
    gaze = -back
    elevation = np.degrees(np.arcsin(np.clip(gaze[2], -1, 1)))
    elevation = np.radians(np.clip(elevation + up_deg, -_POLE_DEG, _POLE_DEG))
    flat = gaze[:2] if np.linalg.norm(gaze[:2]) > _TINY else np.asarray(pose.up[:2])
    heading = np.arctan2(flat[1], flat[0]) - np.radians(right_deg)
    gaze = np.array(
        [np.cos(elevation) * np.cos(heading), np.cos(elevation) * np.sin(heading), np.sin(elevation)]
    )
    focus = np.asarray(pose.position) + distance(pose) * gaze
    return replace(pose, focus=_xyz(focus), up=(0.0, 0.0, 1.0))


def step(pose: CameraPose, right: float, up: float, ahead: float, *, level: bool) -> CameraPose:
    """Return the eye moved by metres, with what it looks at. level: ahead keeps the height (walking)."""
    aside, _, back = basis(pose)
    gaze = -back
    if level:
        flat = np.array([gaze[0], gaze[1], 0.0])
        gaze = _unit(flat) if np.linalg.norm(flat) > _TINY else np.asarray(pose.up, np.float64)
    shift = right * aside + np.array([0.0, 0.0, up]) + ahead * gaze
    return replace(pose, position=_xyz(pose.position + shift), focus=_xyz(pose.focus + shift))


def between(start: CameraPose, end: CameraPose, share: float) -> CameraPose:
    """Return the pose at a share (0…1) of the way between two of the same projection.

    What is looked at moves in a straight line; nearness changes by the same factor at each step of it.
    """
    one, other = basis(start), basis(end)
    back = _unit((1 - share) * one[2] + share * other[2])
    up = (1 - share) * one[1] + share * other[1]
    away = _mixed(distance(start), distance(end), share)
    focus = (1 - share) * np.asarray(start.focus) + share * np.asarray(end.focus)
    return replace(
        end,
        focus=_xyz(focus),
        position=_xyz(focus + away * back),
        up=_xyz(_unit(up)),
        fov_deg=(1 - share) * start.fov_deg + share * end.fov_deg,
        ortho_height=_mixed(start.ortho_height, end.ortho_height, share),
    )


def _mixed(a: float, b: float, share: float) -> float:
    return float(a ** (1 - share) * b**share) if a > 0 and b > 0 else (1 - share) * a + share * b


def through(camera: Camera) -> CameraPose:
    """Return the view of a camera of the scene."""
    return CameraPose(
        position=camera.position,
        focus=camera.focus,
        up=camera.up,
        fov_deg=camera.fov_deg,
        ortho_height=camera.ortho_height,
    )


# ---------------------------------------------------------------- projection


def clipping(pose: CameraPose, box: F8) -> tuple[float, float]:
    """Return near and far in metres that hold a world box (6,)."""
    if not np.isfinite(box).all():
        reach = max(distance(pose), 1.0)
        return reach * 1e-2, reach * 1e2
    _, _, back = basis(pose)
    depth = (np.asarray(pose.position) - corners(box)) @ back
    span = max(float(np.linalg.norm(box[3:] - box[:3])), 1e-3)
    far = max(float(depth.max()), 0.0) + span * 0.02 + 1e-6
    near = float(depth.min()) - span * 0.02
    return max(near, far * _NEAR_SHARE), far


def project(pose: CameraPose, points: F8, size: tuple[int, int]) -> F8:
    """Return pixels and depth (n, 3) of world points (n, 3); depth in metres, ≤ 0 behind the eye."""
    w, h = size
    right, up, back = basis(pose)
    away = np.atleast_2d(points) - np.asarray(pose.position)
    x, y, depth = away @ right, away @ up, -(away @ back)
    if pose.fov_deg > 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.tan(np.radians(pose.fov_deg) / 2) * depth / (h / 2)
            px, py = w / 2 + x / step, h / 2 - y / step
    else:
        step = max(pose.ortho_height, _TINY) / h
        px, py = w / 2 + x / step, h / 2 - y / step
    return np.stack([px, py, depth], axis=1)


def pixels_per_metre(pose: CameraPose, depth: F8, height: int) -> F8:
    """Return how large a metre across the gaze is on the screen at some depths (n,), in pixels."""
    if pose.fov_deg <= 0:
        return np.full(len(depth), height / max(pose.ortho_height, _TINY))
    out: F8 = height / 2 / (np.tan(np.radians(pose.fov_deg) / 2) * depth)
    return out


def ray(pose: CameraPose, x: float, y: float, size: tuple[int, int]) -> tuple[F8, F8]:
    """Return origin and unit direction, in world space, of the ray through a pixel."""
    w, h = size
    right, up, back = basis(pose)
    dx, dy = (x - w / 2) / (h / 2), -(y - h / 2) / (h / 2)
    position = np.asarray(pose.position, np.float64)
    if pose.fov_deg > 0:
        tan = np.tan(np.radians(pose.fov_deg) / 2)
        return position, _unit(tan * (dx * right + dy * up) - back)
    half = pose.ortho_height * _HALF
    return position + half * (dx * right + dy * up), -back


def corners(box: F8) -> F8:
    """Return the corners (8, 3) of a box (6,)."""
    x, y, z = (box[[0, 3]], box[[1, 4]], box[[2, 5]])
    return np.array([[a, b, c] for a in x for b in y for c in z])
