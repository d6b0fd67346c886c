"""Colours and materials: what each source has of its own, then what each row shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pxr import UsdShade

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import B1, F4, I8, U1
from armillary.model.scene import SceneProblem
from armillary.scene.pictures import Pictures
from armillary.scene.problems import problem
from armillary.scene.shading import SEEN, Surface, surface
from armillary.scene.survey import Survey

GREY = (180, 180, 180)  # sRGB of what nobody coloured
NO_SURFACE = -1
MOST_COLOURS = 256  # of one prim's points
_STEP = 51
_LINEAR_END, _SLOPE, _GAIN, _SHIFT, _GAMMA = 0.0031308, 12.92, 1.055, 0.055, 2.4


def srgb(linear: F4) -> U1:
    """Return linear colours or values 0…1 of any shape as sRGB bytes; NaN is 0."""
    value = np.clip(np.nan_to_num(np.asarray(linear, np.float32), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    bent = np.where(value <= _LINEAR_END, value * _SLOPE, _GAIN * value ** (1 / _GAMMA) - _SHIFT)
    out: U1 = np.rint(bent * 255).astype(np.uint8)
    return out


def byte(value: Any) -> U1:
    """Return values 0…1 as bytes 0…255; NaN is 0."""
    clean = np.clip(np.nan_to_num(np.asarray(value, np.float64), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    out: U1 = np.rint(clean * 255).astype(np.uint8)
    return out


@dataclass(slots=True)
class Materials:
    """Materials of a scene, K of them, and which one each source is bound to."""

    of_source: dict[int, int] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    surface: list[Surface] = field(default_factory=list)
    problems: list[SceneProblem] = field(default_factory=list)

    def rgb(self) -> U1:
        """Return base colours, shape (K, 3) sRGB; grey where a material says none."""
        colours = srgb(
            np.array([s.diffuse or (0.0, 0.0, 0.0) for s in self.surface], np.float32).reshape(-1, 3)
        )
        colours[~self.coloured()] = GREY
        return colours

    def coloured(self) -> B1:
        """Return which materials say a base colour, shape (K,); parts of the others show their own."""
        return np.array([s.diffuse is not None for s in self.surface], np.bool_)

    def clear(self) -> B1:
        """Return which materials say an opacity, shape (K,); parts of the others show their own."""
        return np.array([s.opacity is not None for s in self.surface], np.bool_)

    def opacity(self) -> U1:
        """Return opacities, shape (K,); 255 where a material says none."""
        return byte([1.0 if s.opacity is None else s.opacity for s in self.surface])

    def metallic(self) -> U1:
        """Return 0…255, shape (K,)."""
        return byte([s.metallic for s in self.surface])

    def roughness(self) -> U1:
        """Return 0…255, shape (K,)."""
        return byte([s.roughness for s in self.surface])

    def emissive(self) -> U1:
        """Return colours that materials glow with, shape (K, 3) sRGB."""
        return srgb(np.array([s.emissive for s in self.surface], np.float32).reshape(-1, 3))

    def of(self, source: int) -> int | None:
        """Return the material whose base colour a source shows instead of its own, else None."""
        material = self.of_source.get(source)
        return material if material is not None and self.surface[material].diffuse is not None else None


def materials(survey: Survey, sources: Sequence[int], pictures: Pictures) -> Materials:
    """Return the materials that sources are bound to: strength, collections and purposes considered."""
    found = Materials()
    if not survey.has_materials or not sources:
        return found
    number: dict[str, int] = {}
    left = list(sources)
    for purpose in ("preview", "full") if survey.has_full_materials else ("preview",):
        prims = [survey.prim[s] for s in left]
        bound, _ = UsdShade.MaterialBindingAPI.ComputeBoundMaterials(prims, purpose)
        for source, material in zip(left, bound, strict=True):
            if not material:
                continue
            path = material.GetPath().pathString
            if path not in number:
                number[path] = _read(found, material, path, survey.time, pictures)
            if number[path] != NO_SURFACE:
                found.of_source[source] = number[path]
        left = [source for source in left if source not in found.of_source]
        if not left:
            break
    return found


def _read(found: Materials, material: Any, path: str, time: Any, pictures: Pictures) -> int:
    """Read a material and return its number; NO_SURFACE when it says nothing of surfaces."""
    read = surface(material, time, pictures)
    if read is None:
        return NO_SURFACE
    for code, seen in (("S17", True), ("S11", False)):
        named = [what for what in read.textured if (what in SEEN and not read.missing) is seen]
        if named:
            what = f"Textures of its {', '.join(named)} are not drawn; one value stands for each."
            found.problems.append(problem(code, path, what))
    for missing in read.missing:
        code = "S03" if missing.endswith("outside the project") else "S11"
        found.problems.append(problem(code, path, f"The texture {missing}.", severity="warning"))
    found.path.append(path)
    found.surface.append(read)
    return len(found.surface) - 1


def point_colours(survey: Survey, found: Materials) -> None:
    """Give shapes the colours of their faces, points or corners; elsewhere the mean colour is the prim's.

    A material with a base colour stands above all of them.
    """
    mesh_of = {source: k for k, source in enumerate(survey.mesh_source)}
    shape_of = {source: k for k, source in enumerate(survey.shape_source)}
    constant = dict(zip(survey.opacity_source, survey.opacity, strict=True))
    own = _own(survey)
    for source in sorted({*survey.many_colours, *survey.many_opacities}):
        colours, of = survey.many_colours.get(source, (None, ""))
        opacities, opacity_of = survey.many_opacities.get(source, (None, ""))
        by_face = opacities if opacity_of == "uniform" and source in mesh_of else None
        if opacities is not None and by_face is None:
            # opacity that varies within a face is drawn as one value
            constant[source] = float(np.nanmean(opacities))
            survey.opacity_source.append(source)
            survey.opacity.append(constant[source])
        if colours is None:
            if by_face is not None and found.of_source.get(source) is None:
                mesh = survey.mesh[mesh_of[source]]
                mesh.colours = np.tile(_base(survey, source, own), (len(by_face), 1))
                mesh.colours[:, 3] = byte(by_face)
                mesh.colours_of = "uniform"
                survey.self_coloured.add(source)
            continue
        # where the prim is shown in one colour (a list, a legend) it is the mean
        survey.colour_source.append(source)
        survey.colour.append(np.nanmean(colours, axis=0, keepdims=True))
        if of == "constant" or found.of(source) is not None:
            continue
        clear = byte(constant.get(source, 1.0))
        if source in mesh_of:
            rgba = np.full((len(colours), 4), clear, np.uint8)
            rgba[:, :3] = srgb(colours)
            if by_face is not None and of == "uniform" and len(by_face) == len(colours):
                rgba[:, 3] = byte(by_face)
            mesh = survey.mesh[mesh_of[source]]
            mesh.colours, mesh.colours_of = rgba, of
            survey.self_coloured.add(source)
        elif source in shape_of and (tint := survey.shape[shape_of[source]].tint) is not None:
            rgba = np.full((len(tint), 4), clear, np.uint8)
            rgba[:, :3] = srgb(tint)
            survey.shape_rgba[shape_of[source]] = rgba
            survey.self_coloured.add(source)


def by_colour(survey: Survey, found: Materials, source: int, kept: I8) -> list[tuple[U1, I8]]:
    """Return the points of a Points prim by colour: (r, g, b) and which of the kept ones; [] for one colour.

    More than MOST_COLOURS are rounded to 6 steps a channel: each colour is a run of triangles of its own.
    """
    colours, of = survey.many_colours.get(source, (None, ""))
    if colours is None or of not in {"vertex", "varying"} or found.of(source) is not None:
        return []
    if len(kept) and kept[-1] >= len(colours):
        return []
    rgb = srgb(colours)[kept]
    distinct, which = np.unique(rgb, axis=0, return_inverse=True)
    if len(distinct) > MOST_COLOURS:
        what = (
            f"Its points have {len(distinct):,} colours: they are rounded to 6 steps of red, green and blue."
        )
        survey.problems.append(problem("S11", survey.path[source], what))
        rounded = (np.rint(rgb / _STEP) * _STEP).astype(np.uint8)
        distinct, which = np.unique(rounded, axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    runs = np.split(order, np.cumsum(np.bincount(which.ravel()))[:-1])
    return list(zip(distinct, runs, strict=True))


def subset_colours(survey: Survey, found: Materials) -> None:
    """Give faces the colour of the material of the GeomSubset they are in."""
    mesh_of = {source: k for k, source in enumerate(survey.mesh_source)}
    rgb, opacity, coloured, clear = found.rgb(), found.opacity(), found.coloured(), found.clear()
    own, glow = (_own(survey), found.emissive()) if survey.subsets else ({}, np.zeros((0, 3), np.uint8))
    for source in survey.subsets:
        parent, material = mesh_of.get(survey.up[source]), found.of_source.get(source)
        if parent is None or material is None:
            continue
        prim, mesh = survey.prim[source], survey.mesh[parent]
        indices = prim.GetAttribute("indices").Get(survey.time)
        if indices is None or prim.GetAttribute("elementType").Get() not in {"face", None}:
            continue
        faces = np.asarray(indices)
        inside = faces[(faces >= 0) & (faces < len(mesh.counts))]
        if len(inside) < len(faces):
            survey.problems.append(
                problem(
                    "S06",
                    survey.path[source],
                    f"{len(faces) - len(inside)} faces of the subset do not exist.",
                )
            )
        if mesh.colours is None or mesh.colours_of != "uniform" or len(mesh.colours) != len(mesh.counts):
            mesh.colours = np.tile(_base(survey, survey.up[source], own, found), (len(mesh.counts), 1))
            mesh.colours_of = "uniform"
        survey.self_coloured.discard(survey.up[source])
        if coloured[material]:  # faces have no glow of their own: it is part of their colour
            lit = rgb[material].astype(np.uint16) + glow[material]
            mesh.colours[inside, :3] = np.minimum(lit, 255).astype(np.uint8)
        if clear[material]:
            mesh.colours[inside, 3] = opacity[material]


def _own(survey: Survey) -> dict[int, F4]:
    """Return the display colours of sources that author one."""
    return dict(zip(survey.colour_source, survey.colour, strict=True))


def _base(survey: Survey, source: int, own: dict[int, F4], found: Materials | None = None) -> U1:
    """Return the one colour of a source, shape (4,): its material's, its own or inherited one, or grey."""
    out = np.array((*GREY, 255), np.uint8)
    at = source
    while at >= 0 and at not in own:
        at = survey.up[at]
    if at >= 0:
        out[:3] = srgb(own[at][0])
    material = None if found is None else found.of_source.get(source)
    if found is not None and material is not None:
        if found.coloured()[material]:
            out[:3] = found.rgb()[material]
        out[3] = found.opacity()[material]
    return out
