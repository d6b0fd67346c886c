"""Poses: a prim stands where tags say, and is turned as they say, in the space of its parent.

A pose comes from one tag that is a list or a JSON object, or from one tag for each part of it. What it does
not say stays as the scene has it: a list of three numbers moves a prim and leaves its rotation alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from armillary.model.arrays import B1, F4, F8, I8, U1, U2
from armillary.model.quality import BAD, STALE

PARTS = ("x", "y", "z", "roll", "pitch", "yaw")
LENGTHS = (3, 4, 6, 7, 16)
"""x y z · and yaw · and roll pitch yaw · and a quaternion x y z w · a matrix of OpenUSD, row by row."""
PLACE = 3  # of PARTS are lengths
FARTHEST = 1e9  # stage units
_MOST_TEXT = 4_096  # characters of a JSON pose
_YAW, _ANGLES, _QUATERNION, _MATRIX = LENGTHS[1:]
_KEEP = 0  # a policy's code, see `program`


@dataclass(frozen=True, slots=True, kw_only=True)
class Poses:
    """The poses of q bindings. Natural units are those of the stage, and radians.

    A pose of one tag has that tag as the source of all six parts; absent parts have a = 0 and b = NaN.
    """

    source: I8  # (q, 6) entries of the value vector, in the order of PARTS
    a: F8  # (q, 6) natural = a·v + b
    b: F8  # (q, 6)
    low: F8  # (q,) of x, y and z
    high: F8  # (q,)
    on_stale: U1  # (q,) codes of `program`
    on_bad: U1  # (q,)
    whole: tuple[tuple[int, int], ...]  # (row, slot) of poses that one tag tells
    tag: I8  # slots that any of them reads

    def __len__(self) -> int:
        return len(self.low)


@lru_cache(maxsize=1_024)
def parsed(text: str) -> tuple[float, ...]:
    """Return the numbers of a JSON pose, as many as one of LENGTHS; () for what is none.

    `[x, y, z, …]`, or an object with x, y, z and roll, pitch, yaw or a quaternion qx, qy, qz, qw; they may
    stand in `position` and `orientation` (whose x, y, z, w are a quaternion).
    """
    if len(text) > _MOST_TEXT:
        return ()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if isinstance(found, list):
        numbers = tuple(_number(x) for x in found)
        return numbers if len(numbers) in LENGTHS else ()
    if not isinstance(found, dict):
        return ()
    place = _named(found.get("position", found), PARTS[:PLACE])
    turned = found.get("orientation", {})
    if not any(map(math.isfinite, place)) and not turned:
        return ()
    for names, at in ((("x", "y", "z", "w"), turned), (("qx", "qy", "qz", "qw"), found)):
        quaternion = _named(at, names)
        if all(map(math.isfinite, quaternion)):
            return (*place, *quaternion)
    for at in (turned, found):
        angles = _named(at, PARTS[PLACE:])
        if any(map(math.isfinite, angles)):
            return (*place, *(x if math.isfinite(x) else 0.0 for x in angles))
    return place


def _number(value: object) -> float:
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if fine and abs(value) < FARTHEST * 1e6 else math.nan  # type: ignore[arg-type]


def _named(found: object, names: Sequence[str]) -> tuple[float, ...]:
    if isinstance(found, list):
        return tuple(_number(found[i]) if i < len(found) else math.nan for i in range(len(names)))
    return tuple(_number(found.get(n)) if isinstance(found, dict) else math.nan for n in names)


def local(
    poses: Poses, row: I8, rest: F8, value: F8, ranks: U2, arrays: Mapping[int, F4], texts: Mapping[int, str]
) -> F8:
    """Return where prims with these poses (q,) stand in the space of their parent (q, 4, 4).

    rest: (q, 4, 4) where they stand without. Never NaN: what is not known stays at rest. What is stale or
    bad stays where it was, unless its binding says otherwise. arrays, texts: of tags by slot.
    """
    raw = value[poses.source]
    turned = np.full((len(poses), 4), np.nan)  # quaternions
    matrices: list[tuple[int, F8]] = []
    for pose, slot in poses.whole:  # one look-up each: what they tell differs in length
        array = arrays.get(slot)
        told: F4 | tuple[float, ...] = parsed(texts.get(slot, "")) if array is None else array
        raw[pose] = np.nan
        n = len(told)
        if n == _MATRIX:
            matrices.append((pose, np.array(told, np.float64)))
        elif n in LENGTHS:
            raw[pose, :PLACE] = told[:PLACE]
            if n == _YAW:
                raw[pose, PLACE:] = (0.0, 0.0, told[PLACE])
            elif n == _ANGLES:
                raw[pose, PLACE:] = told[PLACE:]
            elif n == _QUATERNION:
                turned[pose] = told[PLACE:]
    rank = ranks[poses.source].max(axis=1)
    code: U1 = np.where(rank >= BAD, poses.on_bad, np.where(rank == STALE, poses.on_stale, _KEEP))
    natural = raw * poses.a + poses.b
    let_go: B1 = np.asarray(code != _KEEP)
    natural[let_go], turned[let_go] = np.nan, np.nan
    place = np.clip(natural[:, :PLACE], poses.low[:, None], poses.high[:, None])
    rotation = _rotations(_quaternions(natural[:, PLACE:], turned))
    out = rest.copy()
    place, rotation = place[row], rotation[row]
    out[:, :PLACE, 3] = np.where(np.isfinite(place), place, rest[:, :PLACE, 3])
    turns = np.isfinite(rotation).all(axis=(1, 2))
    stretch = np.linalg.norm(rest[turns, :PLACE, :PLACE], axis=1)
    out[turns, :PLACE, :PLACE] = rotation[turns] * stretch[:, None, :]
    for pose, told_16 in matrices:
        if code[pose] == _KEEP:
            _lay(out, row == pose, told_16.reshape(4, 4).T, poses, pose)
    return out


def _quaternions(angles: F8, told: F8) -> F8:
    """Return quaternions x y z w (q, 4): those told, else of roll, pitch and yaw (q, 3); NaN for neither."""
    half = np.nan_to_num(angles) / 2
    (sr, sp, sy), (cr, cp, cy) = np.sin(half).T, np.cos(half).T
    made = np.column_stack(
        [
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        ]
    )
    untold: B1 = np.asarray(~np.isfinite(angles).any(axis=1))
    made[untold] = np.nan
    return np.where(np.asarray(np.isfinite(told).all(axis=1))[:, None], told, made)


def _rotations(quaternion: F8) -> F8:
    """Return the rotations (q, 3, 3) of quaternions of any length; NaN for one of none."""
    size = np.linalg.norm(quaternion, axis=1)
    x, y, z, w = (quaternion / np.where(size > 0.0, size, np.nan)[:, None]).T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=1) for row in rows], axis=1)


def _lay(out: F8, which: B1, matrix: F8, poses: Poses, pose: int) -> None:
    """Put a matrix of OpenUSD, transposed already, in place of some poses; not one that is no placement."""
    if not np.isfinite(matrix).all() or np.abs(matrix).max() >= FARTHEST:
        return
    out[which] = matrix
    place = matrix[:PLACE, 3] * poses.a[pose, :PLACE] + poses.b[pose, :PLACE]
    out[which, :PLACE, 3] = np.clip(place, poses.low[pose], poses.high[pose])
    out[which, 3] = (0.0, 0.0, 0.0, 1.0)
