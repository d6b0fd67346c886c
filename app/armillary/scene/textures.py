"""Images on surfaces: which mesh shows which, at what coordinates, and all of them as one run of texels.

A renderer reads texels by number from one table, so a scene of many images is still one mesh and one draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import B1, F4, I4, I8, U1
from armillary.model.scene import TEXTURE_BLENDS, TEXTURE_CUTS, TEXTURE_GLOWS, TEXTURE_TILED
from armillary.scene.paint import Materials, srgb
from armillary.scene.pictures import Pictures, linear
from armillary.scene.place import NOTHING, Levels, flags
from armillary.scene.polygons import Mesh
from armillary.scene.problems import problem
from armillary.scene.sampling import Sampled
from armillary.scene.shading import Paint
from armillary.scene.shapes import Affine, Gprim, applied
from armillary.scene.survey import Survey

MOST_SIDE = 2048  # pixels of an image; a larger one is made smaller
LEAST_SIDE = 16
MOST_TEXELS = 16_777_216  # of a scene, smaller copies included: 64 MiB; a float holds such numbers exactly
MOST_IMAGES = 4_000
LINE = 32_768  # texels come in whole lines, so that a renderer can take them as they are
_CHANNEL = {"r": 0, "g": 1, "b": 2, "a": 3}


@dataclass(slots=True)
class Textures:
    """Texels of all images and where each begins: the fields `texel` and `texture` of SceneArrays."""

    texel: U1 = field(default_factory=lambda: np.zeros((0, 4), np.uint8))
    table: I4 = field(default_factory=lambda: np.zeros((0, 4), np.int32))
    gprims: dict[int, tuple[Affine, int]] = field(default_factory=dict)
    """Number of a gprim → what is done to its shape's coordinates, and 1 + the row of its image."""
    copies: tuple[Copy, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """A shape once more, with the image of a material that is bound above the instance it is a part of."""

    rows: I8  # rows that show it
    mesh: Mesh | None
    gprim: tuple[Gprim, Affine, int] | None


def from_above(
    survey: Survey, found: Materials, source: I8, levels: Levels, instance: B1
) -> dict[tuple[int, int], I8]:
    """Return the rows of parts that show an image because their instance has its material, by (source, it).

    source, levels, instance: of each row (M,).
    """
    has_image = np.array([s.paint is not None for s in found.surface], np.bool_)
    if not has_image.any() or not instance.any():
        return {}
    material_of = np.full(len(survey.path), NOTHING, np.int64)
    material_of[list(found.of_source)] = list(found.of_source.values())
    own = material_of[source]
    above = levels.inherited(np.where(instance, own, NOTHING))
    shaped = flags(len(survey.path), [*survey.mesh_source, *survey.gprim_source])[source]
    rows = np.flatnonzero((own == NOTHING) & (above >= 0) & shaped & has_image[np.maximum(above, 0)])
    pairs, which = np.unique(np.stack([source[rows], above[rows]], 1), axis=0, return_inverse=True)
    return {(int(s), int(m)): rows[which.ravel() == k] for k, (s, m) in enumerate(pairs.tolist())}


def lay(
    survey: Survey,
    found: Materials,
    pictures: Pictures,
    above: Mapping[tuple[int, int], I8] | None = None,
) -> Textures:
    """Give shapes the coordinates of the images of their materials, and return those images.

    A mesh without the coordinates that its material names shows the mean colour, and a problem says so.
    above: see `from_above`.
    """
    if not any(s.paint is not None for s in found.surface):
        return Textures()
    above = above or {}
    wanted = _wanted(survey, found)
    round_ones = {
        k: found.of_source[s]
        for k, s in enumerate(survey.gprim_source)
        if s in found.of_source and _paint_of(found, s) is not None
    }
    used = sorted(
        {*(m for uses in wanted.values() for m, _ in uses), *round_ones.values(), *(m for _, m in above)}
    )
    paints = {m: paint for m in used if (paint := found.surface[m].paint) is not None}
    textures, number = _packed(paints, pictures)
    for material in sorted(set(paints) - set(number)):
        what = "Its images are too many to be drawn; their mean colours are."
        found.problems.append(problem("S17", found.path[material], what))
    bare: dict[str, list[str]] = {}
    for k, uses in wanted.items():
        mesh, source = survey.mesh[k], survey.mesh_source[k]
        pieces = [(paints[m], number[m], faces) for m, faces in uses if m in number]
        missing = _cover(survey, source, mesh, pieces)
        if missing:
            bare.setdefault(missing, []).append(survey.path[source])
    textures.gprims = {k: (_first(paints[m]).affine, number[m]) for k, m in round_ones.items() if m in number}
    textures.copies = tuple(_copies(survey, paints, number, above, bare))
    plain = [s for s in _others(survey) if _paint_of(found, s) is not None]
    if plain:
        what = f"{len(plain)} curves, points or instancers: one colour of each is drawn."
        found.problems.append(problem("S17", survey.path[plain[0]], f"Images are not laid on {what}"))
    for primvar, paths in bare.items():
        what = f"{len(paths)} meshes have no usable texture coordinates '{primvar}': one colour is drawn."
        survey.problems.append(problem("S17", paths[0], what))
    return textures


def _others(survey: Survey) -> list[int]:
    """Return the sources that may have a material and that images cannot be laid on."""
    return [*survey.shape_source, *survey.points, *survey.instancers]


def _copies(
    survey: Survey,
    paints: Mapping[int, Paint],
    number: Mapping[int, int],
    above: Mapping[tuple[int, int], I8],
    bare: dict[str, list[str]],
) -> Iterator[Copy]:
    mesh_of = {source: k for k, source in enumerate(survey.mesh_source)}
    gprim_of = {source: k for k, source in enumerate(survey.gprim_source)}
    for (source, material), rows in above.items():
        if material not in number:
            continue
        first, image = _first(paints[material]), number[material]
        if source in gprim_of:
            yield Copy(rows, None, (survey.gprim[gprim_of[source]], first.affine, image))
            continue
        mesh = survey.mesh[mesh_of[source]]
        uv, of = _coordinates(survey, source, first.primvar)
        if uv is None:
            bare.setdefault(first.primvar, []).append(survey.path[source])
        elif mesh.uvs is None:  # faces with materials of their own keep what they show
            yield Copy(rows, replace(mesh, uvs=applied(uv, first.affine, image), uvs_of=of), None)


def _paint_of(found: Materials, source: int) -> Paint | None:
    material = found.of_source.get(source)
    return None if material is None else found.surface[material].paint


def _wanted(survey: Survey, found: Materials) -> dict[int, list[tuple[int, I8 | None]]]:
    """Return for each mesh the materials with images and the faces they are for, None for all of them."""
    mesh_of = {source: k for k, source in enumerate(survey.mesh_source)}
    out: dict[int, list[tuple[int, I8 | None]]] = {}
    for source, k in mesh_of.items():
        material = found.of_source.get(source)
        if material is not None and _paint_of(found, source) is not None:
            out[k] = [(material, None)]
    for source in survey.subsets:
        mesh, material = mesh_of.get(survey.up[source]), found.of_source.get(source)
        if mesh is None or material is None:
            continue
        indices = survey.prim[source].GetAttribute("indices").Get(survey.time)
        if indices is None or survey.prim[source].GetAttribute("elementType").Get() not in {"face", None}:
            continue
        faces = np.asarray(indices, np.int64)
        faces = faces[(faces >= 0) & (faces < len(survey.mesh[mesh].counts))]
        # faces of a material without images are noted too: they must not keep those of the whole mesh
        if mesh in out or found.surface[material].paint is not None:
            out.setdefault(mesh, []).append((material, faces))
    return {k: uses for k, uses in out.items() if any(found.surface[m].paint for m, _ in uses)}


def _cover(survey: Survey, source: int, mesh: Mesh, pieces: Sequence[tuple[Paint, int, I8 | None]]) -> str:
    """Write coordinates and image numbers into a mesh; return the primvar that it lacks, or ""."""
    missing = ""
    whole = [piece for piece in pieces if piece[2] is None]
    if whole and len(pieces) == 1:
        paint, image, _ = whole[0]
        first = _first(paint)
        uv, of = _coordinates(survey, source, first.primvar)
        if uv is None:
            return first.primvar
        mesh.uvs, mesh.uvs_of = applied(uv, first.affine, image), of
        return ""
    if len(mesh.indices) != int(mesh.counts.sum()):
        return ""  # told as a broken mesh
    corner_face = np.repeat(np.arange(len(mesh.counts)), np.maximum(mesh.counts, 0))
    out = np.zeros((len(mesh.indices), 3), np.float32)
    for paint, image, faces in pieces:
        first = _first(paint)
        uv, of = _coordinates(survey, source, first.primvar)
        corners = None if uv is None else _by_corner(mesh, uv, of, corner_face)
        if corners is None:
            missing = first.primvar
            continue
        which = np.ones(len(mesh.counts), np.bool_)
        if faces is not None:
            which[:] = False
            which[faces] = True
        at = which[corner_face]
        out[at] = applied(corners[at], first.affine, image)
    if out[:, 2].any():
        mesh.uvs, mesh.uvs_of = out, "faceVarying"
    return missing


def _first(paint: Paint) -> Sampled:
    first = paint.diffuse or paint.opacity or paint.emissive
    if first is None:
        raise ValueError("a paint has an image")
    return first


def _coordinates(survey: Survey, source: int, primvar: str) -> tuple[F4 | None, str]:
    """Return texture coordinates (n, 2), own or those of a prim above, and what each belongs to."""
    name = f"primvars:{primvar}"
    at = source
    while at >= 0:
        prim = survey.prim[at]
        if prim.HasAttribute(name):
            uv, of = survey.primvar(prim, name)
            if at != source and of != "constant":
                return None, ""  # only constant primvars are handed down
            if uv is None or uv.shape[1:] not in {(2,), (3,)} or not len(uv):
                return None, ""
            return uv[:, :2].astype(np.float32), of
        at = survey.up[at]
    return None, ""


def _by_corner(mesh: Mesh, uv: F4, of: str, corner_face: I8) -> F4 | None:
    if of == "constant" and len(uv) == 1:
        return np.broadcast_to(uv, (len(mesh.indices), 2))
    if of == "uniform" and len(uv) == len(mesh.counts):
        return uv[corner_face]
    if of == "faceVarying" and len(uv) == len(mesh.indices):
        return uv
    if of in {"vertex", "varying"} and len(uv) == len(mesh.points) and len(uv):
        return uv[np.clip(mesh.indices, 0, len(uv) - 1)]
    return None


# ---------------------------------------------------------------- texels


@dataclass(slots=True)
class _Need:
    """One image of the table, not read yet."""

    paint: Paint
    diffuse: str  # file or ""
    opacity: str
    emissive: str
    size: tuple[int, int]


def _packed(paints: dict[int, Paint], pictures: Pictures) -> tuple[Textures, dict[int, int]]:
    """Return the texels of all paints, and 1 + the row of each material's image."""
    rows: list[_Need | tuple[int, int, int, int]] = []
    number: dict[int, int] = {}
    known: dict[Paint, int] = {}
    for material, paint in paints.items():
        if paint not in known:
            first = len(rows)
            if not _ask(paint, pictures, rows) or len(rows) > MOST_IMAGES:
                del rows[first:]
                continue
            known[paint] = first + 1
        number[material] = known[paint]
    side = MOST_SIDE
    sizes = np.array([row.size for row in rows if isinstance(row, _Need)], np.int64).reshape(-1, 2)
    while side > LEAST_SIDE and _texels(sizes, side) > MOST_TEXELS - LINE:
        side //= 2
    return _read(rows, side, pictures), number


def _texels(sizes: I8, side: int) -> int:
    """Return about how many texels images of these sizes need, smaller copies included."""
    longest = sizes.max(axis=1, keepdims=True, initial=1)
    fitted = np.maximum(sizes * np.minimum(side / longest, 1.0), 1)
    return int(fitted.prod(axis=1).sum() * 4 / 3) + 32 * len(sizes)


def _ask(paint: Paint, pictures: Pictures, rows: list[_Need | tuple[int, int, int, int]]) -> bool:
    """Add the rows of a paint: one, or a grid of tiles behind one; False when none of it can be read."""
    first = _first(paint)
    diffuse = {(c, r): file for c, r, file in paint.diffuse.tiles} if paint.diffuse else {}
    opacity = {(c, r): file for c, r, file in paint.opacity.tiles} if paint.opacity else {}
    emissive = {(c, r): file for c, r, file in paint.emissive.tiles} if paint.emissive else {}
    places = [(c, r) for c, r, _ in first.tiles]
    needs: dict[tuple[int, int], _Need] = {}
    for place in places:
        files = [of.get(place, "") for of in (diffuse, opacity, emissive)]
        extents = [pictures.extent(file) for file in files if file]
        sound = [e for e in extents if not isinstance(e, str)]
        if len(sound) < len(extents) or not sound:
            continue
        width, height = max(sound, key=lambda e: e[0] * e[1])
        needs[place] = _Need(paint, files[0], files[1], files[2], (width, height))
    if not needs:
        return False
    if not first.is_tiled:
        rows.append(needs[places[0]])
        return True
    columns, lines = max(c for c, _ in needs) + 1, max(r for _, r in needs) + 1
    rows.append((len(rows) + 1, columns, lines, TEXTURE_TILED))
    rows.extend(needs.get((c, r), (0, 0, 0, 0)) for r in range(lines) for c in range(columns))
    return True


def _read(rows: Sequence[_Need | tuple[int, int, int, int]], side: int, pictures: Pictures) -> Textures:
    table = np.zeros((len(rows), 4), np.int32)
    parts: list[U1] = []
    total = 0
    for i, row in enumerate(rows):
        if isinstance(row, tuple):
            table[i] = row
            continue
        image = _image(row, side, pictures)
        if image is None or total + len(image) * image.shape[1] * 3 // 2 + LINE > MOST_TEXELS:
            continue
        height, width = image.shape[:2]
        s, t = _first(row.paint).wrap
        flags = s | t << 2
        if row.opacity:
            flags |= TEXTURE_CUTS if row.paint.threshold > 0 else TEXTURE_BLENDS
        if row.paint.glows:
            flags |= TEXTURE_GLOWS
        table[i] = total, width, height, flags
        for level in _levels(image):
            parts.append(level.reshape(-1, 4))
            total += len(parts[-1])
    padding = -total % LINE if total else 0
    texel = np.concatenate([np.zeros((0, 4), np.uint8), *parts, np.zeros((padding, 4), np.uint8)])
    return Textures(texel, table)


def _image(row: _Need, side: int, pictures: Pictures) -> U1 | None:
    """Return an image as it is drawn, shape (h, w, 4): sRGB bytes and opacity, lowest row first."""
    longest = max(row.size)
    size = tuple(max(n * side // longest, 1) if longest > side else n for n in row.size)
    out = np.empty((size[1], size[0], 4), np.uint8)
    colours = np.broadcast_to(np.array(row.paint.colour, np.float32), (*out.shape[:2], 3))
    for file, use in ((row.diffuse, row.paint.diffuse), (row.emissive, row.paint.emissive)):
        if not file or use is None:
            continue
        values = _values(file, use, side, size, pictures)
        if values is None:
            return None
        colours = values if use is row.paint.diffuse else colours + values
    out[..., :3], out[..., 3] = srgb(colours), 255
    if row.opacity and row.paint.opacity is not None:
        values = _values(row.opacity, row.paint.opacity, side, size, pictures)
        if values is None:
            return None
        alpha = values[..., :1].mean(axis=2).clip(0, 1)
        if row.paint.threshold > 0:
            alpha = (alpha >= row.paint.threshold).astype(np.float32)
        out[..., 3] = np.rint(alpha * 255)
    return out


def _values(file: str, use: Sampled, side: int, size: tuple[int, ...], pictures: Pictures) -> F4 | None:
    """Return what a material reads of an image, linear, shape (h, w, 3)."""
    image = pictures.image(file, side)
    if isinstance(image, str):
        return None
    if image.shape[1::-1] != size:  # of two images the smaller one is spread
        rows = np.arange(size[1]) * image.shape[0] // size[1]
        columns = np.arange(size[0]) * image.shape[1] // size[0]
        image = image[rows][:, columns]
    values = image.astype(np.float32) / np.float32(255)
    if not use.raw:
        values[..., :3] = linear(values[..., :3])
    values = values * np.array(use.scale, np.float32) + np.array(use.bias, np.float32)
    if use.channel in _CHANNEL:
        values = np.repeat(values[..., _CHANNEL[use.channel], None], 3, axis=2)
    return np.ascontiguousarray(values[..., :3])


def _levels(image: U1) -> list[U1]:
    """Return an image and its halves down to one texel; each is half as wide and high, rounded down."""
    out = [image]
    while max(image.shape[:2]) > 1:
        height, width = image.shape[:2]
        rows, columns = max(height // 2, 1), max(width // 2, 1)
        wide = image[: rows * 2 if height > 1 else 1, : columns * 2 if width > 1 else 1].astype(np.uint16)
        wide = wide.reshape(rows, -1, wide.shape[1], 4).sum(axis=1, dtype=np.uint16)
        wide = wide.reshape(rows, columns, -1, 4).sum(axis=2, dtype=np.uint16)
        count = (2 if height > 1 else 1) * (2 if width > 1 else 1)
        image = ((wide + count // 2) // count).astype(np.uint8)
        out.append(image)
    return out
