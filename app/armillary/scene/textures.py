"""Images on surfaces: which shape shows which, and at what coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import B1, F4, I4, I8, U1
from armillary.scene.paint import Materials
from armillary.scene.pictures import Pictures
from armillary.scene.place import NOTHING, Levels, flags
from armillary.scene.polygons import Mesh
from armillary.scene.problems import problem
from armillary.scene.shading import Paint
from armillary.scene.shapes import Affine, Gprim, applied
from armillary.scene.survey import Survey
from armillary.scene.texels import first_of, packed


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
    (texel, table), number = packed(paints, pictures)
    textures = Textures(texel, table)
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
    textures.gprims = {
        k: (first_of(paints[m]).affine, number[m]) for k, m in round_ones.items() if m in number
    }
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
        first, image = first_of(paints[material]), number[material]
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
        first = first_of(paint)
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
        first = first_of(paint)
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


def _coordinates(survey: Survey, source: int, primvar: str) -> tuple[F4 | None, str]:
    """Return texture coordinates (n, 2), own or those of a prim above, and what each belongs to."""
    name = f"primvars:{primvar}"
    at = source
    while at >= 0:
        prim = survey.prim[at]
        if prim.HasAttribute(name):
            uv, of = survey.values.primvar(prim, name)
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
