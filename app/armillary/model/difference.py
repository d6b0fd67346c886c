"""What differs between two versions of a scene: parts by path. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F8, I8
from armillary.model.scene import SceneArrays, index_of

_NEAR = 1e-6  # of a matrix and of sums of points, relative: less is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Prims of the new scene (added, moved, changed) and of the old one (removed), ascending.

    moved: placed otherwise by themselves, not only by what holds them. changed: other type, shape or colour.
    """

    added: I8
    removed: I8
    moved: I8
    changed: I8


def difference(old: SceneArrays, new: SceneArrays) -> Difference:
    """Compare two scenes path by path; a part with another path is removed and added."""
    before = index_of(old.prim_path)
    at = np.array([before.get(path, -1) for path in new.prim_path], np.int64)
    both = np.flatnonzero(at >= 0)
    gone = np.ones(len(old), np.bool_)
    gone[at[both]] = False
    then = at[both]
    moved = _differs(_own(old)[then], _own(new)[both])
    number = {name: i for i, name in enumerate(dict.fromkeys((*old.type_names, *new.type_names)))}
    kinds = [np.array([number[n] for n in s.type_names], np.int64)[s.prim_type] for s in (old, new)]
    retyped: B1 = kinds[0][then] != kinds[1][both]
    painted: B1 = (old.rgba[then] != new.rgba[both]).any(axis=1)
    shaped = _differs(_shape(old)[then], _shape(new)[both])
    return Difference(
        added=np.flatnonzero(at < 0),
        removed=np.flatnonzero(gone),
        moved=both[moved],
        changed=both[retyped | painted | shaped],
    )


def _differs(a: F8, b: F8) -> B1:
    """Tell which rows (n, …) differ by more than rounding (n,)."""
    size = 1.0 + np.maximum(np.abs(a), np.abs(b))
    far = (np.abs(a - b) > _NEAR * size).reshape(len(a), int(np.prod(a.shape[1:])))
    out: B1 = np.asarray(far.any(axis=1), np.bool_)
    return out


def _own(scene: SceneArrays) -> F8:
    """Return the matrices (M, 4, 4) of prims within what holds them; one without inverse counts as none."""
    above = np.tile(np.eye(4), (len(scene), 1, 1))
    held = np.flatnonzero(scene.parent >= 0)
    above[held] = scene.matrix[scene.parent[held]]
    flat = np.abs(np.linalg.det(above[:, :3, :3])) < np.finfo(np.float64).tiny
    above[flat] = np.eye(4)
    out: F8 = np.linalg.inv(above) @ scene.matrix
    return out


def _shape(scene: SceneArrays) -> F8:
    """Return what tells shapes apart (M, 5): points, their sums and the sum of their squares."""
    m = len(scene)
    prim, point = scene.point_prim, scene.point.astype(np.float64)
    columns = [np.ones(len(point)), *point.T, (point**2).sum(axis=1)]
    return np.stack([np.bincount(prim, weights=c, minlength=m)[:m] for c in columns], axis=1)
