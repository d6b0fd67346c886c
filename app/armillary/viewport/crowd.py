"""Which true instances a picture draws, and how: whole where they look large, as sprites where they do not.

Plain arrays; no graphics library here. What is worked out for one eye is kept until the eye, a place or who
is translucent changes: other colours need nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F4, F8, I4, I8
from armillary.model.instancing import MOST_TRIANGLES
from armillary.viewport.camera import CameraPose
from armillary.viewport.cull import in_sight
from armillary.viewport.merge import Crowd

BLOCK = 8_192  # instances that are sent, drawn or left out at once
LARGEST_BOX, LARGEST = 16.0, 3.0  # pixels across up to which a box, or anything else, is a sprite
WEIGHT = 2  # triangles that a sprite costs as much as


@dataclass(frozen=True, slots=True)
class Eye:
    """What an arrangement is for."""

    pose: CameraPose
    aspect: float
    height: int  # pixels

    def focal_px(self) -> float:
        """Return the pixels that a metre has, at a metre's distance where rays are not parallel."""
        if self.pose.fov_deg <= 0:
            return self.height / max(self.pose.ortho_height, 1e-30)
        return float(self.height / 2 / np.tan(np.radians(self.pose.fov_deg) / 2))


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Members of a crowd by how they are drawn for one eye."""

    blocks: I8  # (b,) all of whose members are sprites
    some: tuple[tuple[int, I4], ...]  # blocks of which some are, with their members there, from 0
    large: I8  # (l,) whole, by shape, the nearest first
    clear_small: I8  # translucent ones, the farthest first
    clear_large: I8

    @property
    def who(self) -> I8:
        """All that are drawn whole, as they lie in one table."""
        return np.concatenate([self.large, self.clear_large])


class Whereabouts:
    """Where the members of a crowd are now, by blocks.

    matrix: the stage's live table (rows, 3, 4), to render space.
    """

    def __init__(self, crowd: Crowd, matrix: F4) -> None:
        self.crowd, self._matrix = crowd, matrix
        self._first_row = crowd.first_row
        n = len(crowd)
        self.starts = np.arange(0, n, BLOCK)
        self._middle: F4 = ((crowd.box[:, :3] + crowd.box[:, 3:]) / 2).astype(np.float32)
        self._reach: F4 = (np.linalg.norm(crowd.box[:, 3:] - crowd.box[:, :3], axis=1) / 2).astype(np.float32)
        self._limit: F4 = np.where(crowd.is_box, LARGEST_BOX, LARGEST).astype(np.float32)
        self._block = np.empty((len(self.starts), 6), np.float32)
        self._largest = np.empty(len(self.starts), np.float32)
        self._least_limit = np.minimum.reduceat(self._limit[crowd.shape], self.starts)
        self._dirty: B1 = np.ones(len(self.starts), np.bool_)
        self.version = 0
        self.refresh()

    def matrices(self, members: I4 | I8 | slice) -> F4:
        """Return the matrices (n, 3, 4) of members as they are now."""
        of: F4 = self._matrix[self._first_row :]
        out: F4 = of[members]
        return out

    def moved(self, rows: I8) -> None:
        """Note that the matrices of some rows (ascending) changed."""
        at = rows[np.searchsorted(rows, self._first_row) :] - self._first_row
        if len(at):
            self._dirty[np.unique(at // BLOCK)] = True
            self.version += 1

    def refresh(self) -> None:
        """Bring the boxes of blocks up to date."""
        for b in np.flatnonzero(self._dirty):
            at, radius = self._balls(int(b))
            self._block[b, :3] = (at - radius[:, None]).min(axis=0)
            self._block[b, 3:] = (at + radius[:, None]).max(axis=0)
            self._largest[b] = radius.max()
        self._dirty[:] = False

    def _balls(self, block: int) -> tuple[F4, F4]:
        """Return the middles (n, 3) and radii (n,) of the members of a block."""
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        m, shape = self.matrices(part), self.crowd.shape[part]
        at: F4 = np.einsum("nij,nj->ni", m[:, :, :3], self._middle[shape]) + m[:, :, 3]
        scale = np.sqrt(np.einsum("nij,nij->nj", m[:, :, :3], m[:, :, :3]).max(axis=1))
        radius: F4 = scale * self._reach[shape]
        return np.nan_to_num(at), np.nan_to_num(radius)

    def arrange(self, eye: Eye, origin: F8, clear: B1 | None, most: int = MOST_TRIANGLES) -> Arrangement:
        """Return how all members are drawn for an eye.

        clear: which members (n,) are translucent, None for none. most: triangles of those drawn whole.
        """
        self.refresh()
        pose, focal = eye.pose, eye.focal_px()
        at_eye = (np.asarray(pose.position) - origin).astype(np.float32)
        seen = np.flatnonzero(in_sight(self._block, pose, origin, eye.aspect))
        if pose.fov_deg > 0:
            box = self._block[seen]
            off = np.maximum(np.maximum(box[:, :3] - at_eye, at_eye - box[:, 3:]), np.float32(0))
            away = np.maximum(np.sqrt(np.einsum("ij,ij->i", off, off)), np.float32(1e-9))
        else:
            away = np.ones(len(seen), np.float32)
        is_small = 2 * self._largest[seen] * np.float32(focal) / away <= self._least_limit[seen]
        members, looks = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        split: dict[int, I8] = {}
        for b in seen[~is_small].tolist():
            at, radius = self._balls(b)
            far = np.linalg.norm(at - at_eye, axis=1) if pose.fov_deg > 0 else np.ones(1, np.float32)
            pixels = 2 * radius * np.float32(focal) / np.maximum(far, np.float32(1e-9))
            large = np.flatnonzero(pixels > self._limit[self.crowd.shape[b * BLOCK : (b + 1) * BLOCK]])
            ball = np.concatenate([at[large] - radius[large, None], at[large] + radius[large, None]], axis=1)
            split[b] = large
            large = large[in_sight(ball, pose, origin, eye.aspect)]
            members.append(b * BLOCK + large)
            looks.append(pixels[large])
        large, size = np.concatenate(members), np.concatenate(looks)
        order = np.argsort(-size, kind="stable")
        cost = np.cumsum((self.crowd.last - self.crowd.first)[self.crowd.shape[large[order]]])
        kept = np.sort(order[: int(np.searchsorted(cost, most, side="right"))])
        left_over = np.delete(large, kept)  # too many triangles: boxes
        by_shape = kept[np.lexsort((-size[kept], self.crowd.shape[large[kept]]))]
        some = self._split(split, left_over)
        blocks = seen[is_small]
        none = np.zeros(0, np.int64)
        if clear is None:
            return Arrangement(blocks, some, large[by_shape], none, none)
        is_clear = clear[large[by_shape]]
        far_large = self._farthest_first(large[by_shape][is_clear], eye)
        small = [np.arange(b * BLOCK, min((b + 1) * BLOCK, len(self.crowd))) for b in blocks.tolist()]
        small += [b * BLOCK + of.astype(np.int64) for b, of in some]
        clear_small = np.concatenate([none, *(of[clear[of]] for of in small)])
        return Arrangement(blocks, some, large[by_shape], self._farthest_first(clear_small, eye), far_large)

    def _split(self, split: dict[int, I8], left_over: I8) -> tuple[tuple[int, I4], ...]:
        """Return the sprites of blocks that have large members too."""
        out = []
        for b, large in split.items():
            is_sprite = np.ones(min(BLOCK, len(self.crowd) - b * BLOCK), np.bool_)
            is_sprite[large] = False
            is_sprite[left_over[left_over // BLOCK == b] - b * BLOCK] = True
            if is_sprite.any():
                out.append((b, np.flatnonzero(is_sprite).astype(np.int32)))
        return tuple(out)

    def _farthest_first(self, members: I8, eye: Eye) -> I8:
        if len(members) == 0:
            return members
        sight = np.subtract(eye.pose.focus, eye.pose.position).astype(np.float32)
        depth = np.einsum("ni,i->n", self.matrices(members)[:, :, 3], sight)
        out: I8 = members[np.argsort(-depth, kind="stable")]
        return out
