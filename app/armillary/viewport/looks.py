"""What prims look like, as tables by prim that a shader reads: colour, state and outline, glow, images."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, I4, I8, U1
from armillary.model.look import FieldShape, Look, base_look
from armillary.model.quality import NEVER
from armillary.model.scene import TEXTURE_DETAIL, SceneArrays
from armillary.viewport import shader
from armillary.viewport.fields import Fields
from armillary.viewport.merge import Mesh
from armillary.viewport.shader import OWN, POINT_COLOURS, SHOWN, TEXTURED
from armillary.viewport.table import Table
from armillary.viewport.theme import CODE_OF_STATE, HOVERED, PATTERNED, RANK_OF_STATE, SELECTED

_FULL = 255
_MATTE = 8  # smoothness, of 15, up to which a part that is no metal has no highlight


class Looks:
    """The tables, and what is known of all prims together. Writers note what changed; `upload` is a table's.

    look: the look last applied. ends: (M,) one past the last prim of each subtree.
    """

    def __init__(self, scene: SceneArrays, mesh: Mesh, ends: I4 | I8) -> None:
        self.scene, self._ends = scene, ends
        m = len(scene)
        self.colour = Table(shader.COLOUR, m, np.uint8)
        self.state = Table(shader.STATE, m, np.uint8)
        self.glow = Table(shader.GLOW, m, np.uint8)
        self.has_point_colours = len(mesh.rgba) > 0 and bool(scene.has_point_rgba.any())
        self.textured = _textured(mesh, m)
        self.has_detail = self.textured is not None and bool((scene.texture[:, 3] & TEXTURE_DETAIL).any())
        gloss = _gloss(scene)
        self.shines = bool(gloss.any())
        self._marks_own = (
            self.has_point_colours or self.textured is not None or bool(scene.lights) or self.shines
        )
        self.state.array[:m, 3] = gloss  # written once: looks do not change it
        self.texels = Table(shader.TEXEL, 0, np.uint8)
        self.images = Table(shader.IMAGE, len(scene.texture), np.float32)
        if self.textured is not None:
            self.texels.fill(scene.texel)
            self.images.fill(scene.texture.astype(np.float32))
        self._clear_points = _clear_points(mesh, m) if self.has_point_colours else None
        self.selected: B1 = np.zeros(m, np.bool_)
        self.hovered: B1 = np.zeros(m, np.bool_)
        self.look: Look = base_look(scene)
        self.fields: Fields | None = None
        self._old_fields: list[Fields] = []  # their memory on the card is given back with the next picture
        self._points = len(mesh.point)
        self.changed = True  # since somebody last set it to False: other prims may be opaque, clear, outlined
        self.write_look(0, m)

    # ------------------------------------------------------------ writing

    def write_look(self, first: int, last: int) -> None:
        """Write colour, state and glow of prims first … last - 1 from `look` into the tables."""
        self.colour.array[first:last] = self.look.rgba[first:last]
        self.colour.touch(first, last)
        self.glow.array[first:last] = self.look.emissive[first:last]
        self.glow.touch(first, last)
        self.write_state(first, last)

    def write_colour(self, first: int, last: int) -> None:
        """Write the colours of prims first … last - 1 from `look`."""
        self.colour.array[first:last] = self.look.rgba[first:last]
        self.colour.touch(first, last)
        if self._marks_own:
            self.write_state(first, last)
        self.changed = True

    def write_state(self, first: int, last: int) -> None:
        """Write rank, outline and flags of prims first … last - 1 from `look`, selection and hover."""
        state, part = self.state.array[first:last], slice(first, last)
        byte = self.look.state[part]
        state[:, 0] = RANK_OF_STATE[byte]
        state[:, 1] = CODE_OF_STATE[byte]
        state[:, 1][self.hovered[part]] = HOVERED
        state[:, 1][self.selected[part]] = SELECTED
        flags = self.look.visible[part].astype(np.uint8) * np.uint8(SHOWN)
        if self._marks_own:
            # colours per point and images show until a binding gives the prim another colour
            own = (self.look.rgba[part] == self.scene.rgba[part]).all(axis=1)
            if self.fields is not None:  # a field is a binding's colour too
                prims = self.fields.shape.prim
                own[prims[(prims >= first) & (prims < last)] - first] = False
            flags |= own.astype(np.uint8) * np.uint8(OWN)
            if self.has_point_colours:
                flags |= (own & self.scene.has_point_rgba[part]).astype(np.uint8) * np.uint8(POINT_COLOURS)
            if self.textured is not None:
                flags |= (own & self.textured[part]).astype(np.uint8) * np.uint8(TEXTURED)
        state[:, 2] = flags
        self.state.touch(first, last)
        self.changed = True

    def show_fields(self, shape: FieldShape | None) -> None:
        """Have fields in these places from now on."""
        if self.fields is not None:
            self._old_fields.append(self.fields)
        self.fields = None if shape is None else Fields(shape, self.scene, self._points)
        if self._marks_own:
            self.write_state(0, len(self.scene))

    def mark(self, which: B1, prims: tuple[int, ...]) -> None:
        """Set `selected` or `hovered` to prims and all below them."""
        before = np.flatnonzero(which)
        which[:] = False
        for prim in prims:
            which[prim : int(self._ends[prim])] = True
        touched = np.concatenate([before, np.flatnonzero(which)])
        if len(touched):
            self.write_state(int(touched.min()), int(touched.max()) + 1)

    # ------------------------------------------------------------ questions

    def shown(self, prims: I4 | I8) -> B1:
        """Tell which prims have pixels, or an outline to click in (n,)."""
        state, alpha = self.state.array[prims], self.colour.array[prims, 3]
        seen = (alpha > 0) | np.isin(state[:, 0], (*PATTERNED, NEVER))
        out: B1 = ((state[:, 2].astype(np.uint8) & SHOWN) > 0) & seen
        return out

    def passes(self) -> tuple[B1, B1, B1, B1]:
        """Tell which prims (M,) are opaque, translucent, outlined, and outlined without an opaque pixel.

        The shader decides each for itself; this only leaves out what it would draw for nothing.
        """
        m = len(self.scene)
        state, alpha = self.state.array[:m], self.colour.array[:m, 3]
        rank, code = state[:, 0], state[:, 1]
        shown: B1 = (state[:, 2].astype(np.uint8) & SHOWN) > 0
        clear: B1 = shown & (alpha < _FULL)
        solid: B1 = shown & (alpha == _FULL)
        if self._clear_points is not None:
            own = shown & ((state[:, 2].astype(np.uint8) & POINT_COLOURS) > 0)
            clear |= own & self._clear_points
            solid |= own
        outlined: B1 = shown & (code > 0)
        return solid, clear, outlined, outlined & ((rank == NEVER) | clear)

    def tables(self) -> tuple[Table, ...]:
        """All tables that the shader reads."""
        often: tuple[Table, ...] = (self.colour, self.state, self.glow)
        if self.fields is not None:
            often = (*often, *self.fields.tables)
        return often if self.textured is None else (*often, self.texels, self.images)

    def take_old_tables(self) -> tuple[Table, ...]:
        """Return the tables that are no longer read, once."""
        out = tuple(table for old in self._old_fields for table in old.tables)
        self._old_fields.clear()
        return out


def _clear_points(mesh: Mesh, prims: int) -> B1 | None:
    """Return which prims have points that are not opaque (M,), None when no point is."""
    clear = mesh.rgba[:, 3] < _FULL
    if not clear.any():
        return None
    out = np.zeros(prims, np.bool_)
    out[mesh.prim[clear].astype(np.int64)] = True
    return out


def _gloss(scene: SceneArrays) -> U1:
    """Return how each prim shines (M,): high nibble metal, low nibble smoothness; 0 = matte."""
    metal, smooth = scene.metallic >> 4, (_FULL - scene.roughness) >> 4
    # half rough is what a material is that says nothing
    out: U1 = np.where((metal > 0) | (smooth > _MATTE), metal << 4 | smooth, 0).astype(np.uint8)
    return out


def _textured(mesh: Mesh, prims: int) -> B1 | None:
    """Return which prims have points with an image (M,), None when there are none."""
    if not len(mesh.uv) or not mesh.uv[:, 2].any():
        return None
    shows: B1 = mesh.uv[:, 2] > 0
    out = np.zeros(prims, np.bool_)
    out[mesh.prim[shows].astype(np.int64)] = True
    crowd = mesh.crowd
    if crowd is not None:
        for k, (first, last) in enumerate(zip(crowd.first, crowd.last, strict=True)):
            if shows[mesh.every[first:last]].any():
                out[crowd.prim[crowd.shape == k]] = True
    return out
