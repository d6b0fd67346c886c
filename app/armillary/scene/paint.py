"""Colours and materials: what each source has of its own, then what each row shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pxr import UsdShade

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F4, U1
from armillary.model.scene import SceneProblem
from armillary.scene.problems import problem
from armillary.scene.survey import Survey

GREY = (180, 180, 180)  # sRGB of what nobody coloured
_LINEAR_END, _SLOPE, _GAIN, _SHIFT, _GAMMA = 0.0031308, 12.92, 1.055, 0.055, 2.4
_ROUGHNESS = 0.5
# Names that other shaders give to what UsdPreviewSurface calls diffuseColor, and so on.
_INPUTS = {
    "diffuse": ("diffuseColor", "diffuse_color_constant", "base_color", "baseColor", "diffuse_tint"),
    "emissive": ("emissiveColor", "emissive_color", "emission_color"),
    "opacity": ("opacity", "opacity_constant", "geometry_opacity"),
    "metallic": ("metallic", "metallic_constant", "base_metalness", "metalness"),
    "roughness": ("roughness", "reflection_roughness_constant", "specular_roughness"),
}
_TEXTURES = ("UsdUVTexture",)


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
    diffuse: list[tuple[float, float, float]] = field(default_factory=list)  # linear
    emissive: list[tuple[float, float, float]] = field(default_factory=list)
    opacity: list[float] = field(default_factory=list)
    metallic: list[float] = field(default_factory=list)
    roughness: list[float] = field(default_factory=list)
    has_base: list[bool] = field(default_factory=list)
    problems: list[SceneProblem] = field(default_factory=list)
    textured: int = 0

    def rgb(self) -> U1:
        """Return base colours, shape (K, 3) sRGB; grey where a material says none."""
        colours = srgb(np.array(self.diffuse, np.float32).reshape(-1, 3))
        colours[~np.array(self.has_base, np.bool_)] = GREY
        return colours


def materials(survey: Survey, sources: Sequence[int]) -> Materials:
    """Return the materials that sources are bound to, strength and collections considered."""
    found = Materials()
    if not survey.has_materials or not sources:
        return found
    bound, _ = UsdShade.MaterialBindingAPI.ComputeBoundMaterials([survey.prim[s] for s in sources])
    number: dict[str, int] = {}
    for source, material in zip(sources, bound, strict=True):
        if not material:
            continue
        path = material.GetPath().pathString
        if path not in number:
            number[path] = len(found.path)
            _read(found, material, path, survey.time)
        found.of_source[source] = number[path]
    return found


def _read(found: Materials, material: Any, path: str, time: Any) -> None:
    shader = material.ComputeSurfaceSource()[0]
    if not shader:
        shader = next(iter(_shaders(material)), None)
    values: dict[str, Any] = {}
    if shader:
        for what, names in _INPUTS.items():
            value, texture = _input(shader, names, time)
            if texture:
                found.textured += 1
                found.problems.append(
                    problem("S11", path, f"The texture of its {what} is not shown; one colour stands for it.")
                )
            if value is not None:
                values[what] = value
    found.path.append(path)
    diffuse = _colour(values.get("diffuse"))
    found.has_base.append(diffuse is not None)
    found.diffuse.append(diffuse or (0.0, 0.0, 0.0))
    found.emissive.append(_colour(values.get("emissive")) or (0.0, 0.0, 0.0))
    found.opacity.append(_scalar(values.get("opacity"), 1.0))
    found.metallic.append(_scalar(values.get("metallic"), 0.0))
    found.roughness.append(_scalar(values.get("roughness"), _ROUGHNESS))


def _shaders(material: Any) -> list[Any]:
    """Return shaders below a material whose outputs are for another renderer (`mdl:surface`)."""
    return [
        UsdShade.Shader(child) for child in material.GetPrim().GetChildren() if child.IsA(UsdShade.Shader)
    ]


def _input(shader: Any, names: Sequence[str], time: Any) -> tuple[Any, bool]:
    """Return the value of the first authored input of these names, and whether a texture stands there."""
    for name in names:
        given = shader.GetInput(name)
        if not given:
            continue
        for attribute in given.GetValueProducingAttributes():
            if UsdShade.Utils.GetType(attribute.GetName()) != UsdShade.AttributeType.Output:
                return attribute.Get(time), False
            source = UsdShade.Shader(attribute.GetPrim())
            if source.GetShaderId() in _TEXTURES:
                fallback = source.GetInput("fallback")
                value = fallback.Get(time) if fallback else None
                return value, True
            return None, False  # a primvar reader: the prim's own colour, which wins anyway
    return None, False


def _colour(value: Any) -> tuple[float, float, float] | None:
    if value is None:
        return None
    array = np.asarray(value, np.float64).ravel()
    if len(array) < 3 or not np.isfinite(array[:3]).all():  # noqa: PLR2004 - red, green, blue
        return None
    return float(array[0]), float(array[1]), float(array[2])


def _scalar(value: Any, default: float) -> float:
    if value is None:
        return default
    array = np.asarray(value, np.float64).ravel()
    return float(array[0]) if len(array) and np.isfinite(array[0]) else default


def point_colours(survey: Survey) -> None:
    """Give meshes the colours of their faces, points or corners; elsewhere the mean colour is the prim's."""
    mesh_of = {source: k for k, source in enumerate(survey.mesh_source)}
    constant = dict(zip(survey.opacity_source, survey.opacity, strict=True))
    for source in sorted({*survey.many_colours, *survey.many_opacities}):
        colours, of = survey.many_colours.get(source, (None, ""))
        opacities, opacity_of = survey.many_opacities.get(source, (None, ""))
        if colours is None:
            # opacity alone varies: it is drawn as one value
            survey.opacity_source.append(source)
            survey.opacity.append(float(np.nanmean(np.asarray(opacities))))
            continue
        if source not in mesh_of or of == "constant":
            survey.colour_source.append(source)
            survey.colour.append(np.nanmean(colours, axis=0, keepdims=True))
            continue
        mesh = survey.mesh[mesh_of[source]]
        rgba = np.full((len(colours), 4), 255, np.uint8)
        rgba[:, :3] = srgb(colours)
        if opacities is not None and opacity_of == of and len(opacities) == len(colours):
            rgba[:, 3] = byte(opacities)
        else:
            rgba[:, 3] = byte(constant.get(source, 1.0))
        mesh.colours, mesh.colours_of = rgba, of
        # where the prim is shown in one colour (a list, a legend) it is the mean
        survey.colour_source.append(source)
        survey.colour.append(np.nanmean(colours, axis=0, keepdims=True))


def subset_colours(survey: Survey, found: Materials) -> None:
    """Give faces the colour of the material of the GeomSubset they are in."""
    mesh_of = {source: k for k, source in enumerate(survey.mesh_source)}
    rgb = found.rgb()
    opacity = byte(np.array(found.opacity, np.float64))
    own = dict(zip(survey.colour_source, survey.colour, strict=True)) if survey.subsets else {}
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
            mesh.colours = np.tile(_base(own, found, rgb, survey.up[source]), (len(mesh.counts), 1))
            mesh.colours_of = "uniform"
        mesh.colours[inside, :3] = rgb[material]
        mesh.colours[inside, 3] = opacity[material]


def _base(own: dict[int, F4], found: Materials, rgb: U1, source: int) -> U1:
    """Return the colour of a mesh's faces that are in no subset, shape (4,)."""
    out = np.full(4, 255, np.uint8)
    material = found.of_source.get(source)
    if source in own:
        out[:3] = srgb(own[source][0])
    else:
        out[:3] = GREY if material is None else rgb[material]
    return out
