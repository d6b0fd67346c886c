"""Edges of surfaces and ambient occlusion, from the depths of a finished picture.

What a picture has per pixel is enough for both, whatever drew it: over a plane the inverse of the distance
(with parallel rays the distance itself) is linear across the screen, so where its second difference is not
zero, the surface bends, and how much it bends is that difference in units of the slope of 45°.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F4, U1
from armillary.viewport.camera import CameraPose
from armillary.viewport.theme import Theme

_BEND = 0.45  # of slopes to both sides of a pixel, above which an edge is drawn: about 25°
_JUMP = 4.0  # above it a pixel lies behind an outline, which belongs to what is before it
_THIN = 3  # pixels
_INK = 0.62  # what an edge takes of the light
_STEP = 2.0**-23  # of a depth: what is nearer to each other is noise
_RADII = (2, 4, 8)  # pixels of the half picture
_WAYS = ((1, 0), (0, 1), (0.7071, 0.7071), (0.7071, -0.7071))
_FARTHEST = 2.5  # bend between two samples, above which one stands too far before the surface to shade it
_OUTSIDE = -1e6
_SHADE = 0.55  # the most light that a corner loses


@dataclass(frozen=True, slots=True)
class Relief:
    """Depths as `of` makes them: near (h, w) is larger where things are nearer; unit is 45° a pixel."""

    near: F4
    unit: F4  # (h, w) or (1, 1)
    noise: F4  # (h, w) or (1, 1): bends below it mean nothing
    there: B1  # (h, w) where there is anything


def of(depth: F4, near: float, far: float, *, focal_px: float, metre_px: float) -> Relief:
    """Return the relief of a depth buffer (h, w), 0 at the near plane and 1 at the far one, metres.

    focal_px: distance of the picture from the eye, in pixels; 0 for parallel rays, then metre_px counts.
    """
    there: B1 = depth < 1.0
    if focal_px > 0:
        inverse = ((1.0 - depth * np.float32((far - near) / far)) / np.float32(near)).astype(np.float32)
        unit = inverse / np.float32(focal_px)
        noise = np.float32(8 * _STEP / near) / unit
        return Relief(inverse, unit, noise, there)
    height = (-depth * np.float32(far - near)).astype(np.float32)
    flat = np.full((1, 1), 1.0 / max(metre_px, 1e-30), np.float32)
    return Relief(height, flat, np.float32(8 * _STEP * (far - near)) / flat, there)


def bends(relief: Relief, axis: int) -> F4:
    """Return how much the surface bends along an axis (h, w), as a tangent; negative where a part is thin."""
    near = relief.near
    out = np.zeros(near.shape, np.float32)
    inner = _inner(axis, 1)
    here = near[inner]
    unit = relief.unit[inner] if relief.unit.size > 1 else relief.unit
    noise = relief.noise[inner] if relief.noise.size > 1 else relief.noise
    up, down = (here - near[_inner(axis, 0)]) / unit, (near[_inner(axis, 2)] - here) / unit
    change = down - up
    bend: F4 = np.abs(change) / np.maximum(1 + up * down, np.float32(1e-3))  # between both slopes
    # the near side of an outline, however the surface lies there; but a part of a few pixels is no line: it
    # would lose its colour, which may be a value's
    for is_end, way in ((up > _JUMP, -_THIN), (down < -_JUMP, _THIN)):
        bend[is_end & (bend >= 0)] = 2 * _BEND
        bend[is_end & (here - np.roll(near, way, axis)[inner] >= _THIN * _JUMP * unit)] = -1
    bend[(np.abs(change) < noise) | (change > _JUMP)] = 0
    out[inner] = bend
    return out


def edges(one: F4, other: F4, there: B1) -> F4:
    """Return the share of light (h, w) that edges leave, from the bends along both axes."""
    most = np.where(np.minimum(one, other) < 0, np.float32(0), np.maximum(one, other))
    over = np.clip((most - _BEND) / _BEND, 0.0, 1.0)
    out: F4 = (1 - np.float32(_INK) * over * there).astype(np.float32)
    return out


def occlusion(relief: Relief) -> F4:
    """Return the share of light (h, w) that reaches each pixel between what surrounds it."""
    near = relief.near[::2, ::2]
    unit = relief.unit[::2, ::2] if relief.unit.size > 1 else relief.unit
    noise = relief.noise[::2, ::2] if relief.noise.size > 1 else relief.noise
    shut = np.zeros(near.shape, np.float32)
    for radius in _RADII:
        scale = unit * np.float32(2 * radius)
        for x, y in _WAYS:
            dx, dy = round(x * radius), round(y * radius)
            one, other = (_slope(near, sign * dx, sign * dy, scale) for sign in (1, -1))
            bend = one + other  # 0 on a plane, however it lies
            bend[bend > _FARTHEST] = 0
            shut += np.clip((bend - noise) / (1 + np.maximum(-one * other, 0)), 0.0, 1.0)
    shut /= len(_RADII) * len(_WAYS)
    light = 1 - np.float32(_SHADE) * np.clip(1.6 * _soft(shut), 0.0, 1.0)
    h, w = relief.near.shape
    whole = np.repeat(np.repeat(light, 2, axis=0), 2, axis=1)[:h, :w]
    out: F4 = np.where(relief.there, whole, np.float32(1))
    return out


class Shading:
    """Edges and occlusion of one picture, found in steps and applied at the end."""

    def __init__(
        self, depth: F4, near: float, far: float, pose: CameraPose, *, edges: bool, occlusion: bool
    ) -> None:
        self._depth, self._near, self._far, self._pose = depth, near, far, pose
        self._edges, self._occlusion = edges, occlusion
        self._light: F4 = np.ones((1, 1), np.float32)

    def steps(self, plain: U1, theme: Theme) -> Iterator[None]:
        """Find what to take from the light, in bounded steps; plain: the picture (h, w, 4) as drawn."""
        height = self._depth.shape[0]
        focal = height / 2 / np.tan(np.radians(self._pose.fov_deg) / 2) if self._pose.fov_deg > 0 else 0.0
        relief = of(
            self._depth,
            self._near,
            self._far,
            focal_px=float(focal),
            metre_px=height / self._pose.ortho_height if self._pose.fov_deg <= 0 else 0.0,
        )
        colour = np.ascontiguousarray(plain).view(np.uint32)[..., 0] & np.uint32(0xFFFFFF)
        for r, g, b in (theme.grid, theme.grid_axis):  # the ground's lines are no surfaces
            np.logical_and(relief.there, colour != np.uint32(r | g << 8 | b << 16), out=relief.there)
        yield
        if self._edges:
            down = bends(relief, 0)
            yield
            self._light = edges(down, bends(relief, 1), relief.there)
            yield
        if self._occlusion:
            self._light = self._light * occlusion(relief)
            yield

    def apply(self, rgba: U1) -> None:
        """Darken the picture (h, w, 4)."""
        darken(rgba, self._light)


def darken(rgba: U1, light: F4) -> None:
    """Leave of a picture (h, w, 4) the share of light (h, w) it has."""
    share = (light * 256).astype(np.uint16)[..., None]
    rgba[..., :3] = (rgba[..., :3] * share) >> 8


def _slope(near: F4, dx: int, dy: int, scale: F4) -> F4:
    """Return the slope to the sample at an offset; where it lies outside, so low that nothing shades."""
    slope: F4 = (np.roll(near, (-dy, -dx), axis=(0, 1)) - near) / scale
    if dy:
        slope[slice(-dy, None) if dy > 0 else slice(None, -dy)] = _OUTSIDE
    if dx:
        slope[:, slice(-dx, None) if dx > 0 else slice(None, -dx)] = _OUTSIDE
    return slope


def _soft(values: F4) -> F4:
    """Return the mean of each value and its eight neighbours."""
    rows = values.copy()
    rows[1:-1] = (values[:-2] + values[1:-1] + values[2:]) / 3
    out = rows.copy()
    out[:, 1:-1] = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 3
    return out


def _inner(axis: int, start: int) -> tuple[slice, ...]:
    """Return the picture less two lines along an axis, from its line 0, 1 or 2 on."""
    part = slice(start, None if start == 2 else start - 2)  # noqa: PLR2004  three places
    return (part, slice(None)) if axis == 0 else (slice(None), part)
