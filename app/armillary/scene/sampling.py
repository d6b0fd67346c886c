"""A texture node of a material → which image it reads, where, and how its numbers are meant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pxr import Sdf, UsdShade

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.scene.shapes import Affine

REPEAT, CLAMP, MIRROR, BLACK = range(4)
# an image file carries no wrap mode, and the specification says black where it does not
_WRAPS = {"repeat": REPEAT, "periodic": REPEAT, "clamp": CLAMP, "mirror": MIRROR, "constant": BLACK}
_SAME: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_UV = "st"  # the name that USD gives to the only texture coordinates of a mesh
_IMAGES = ("UsdUVTexture", "ND_image", "ND_tiledimage", "ND_UsdUVTexture")
_READERS = ("UsdPrimvarReader_float2", "ND_UsdPrimvarReader_vector2", "ND_geompropvalue_vector2")
_MOST_STEPS = 8  # nodes between an image and its texture coordinates
_FIRST_TILE, _TILE_COLUMNS = 1001, 10


@dataclass(frozen=True, slots=True)
class Sampled:
    """One image as a material reads it; `tiles` are (column, row, file), one alone for a plain image."""

    tiles: tuple[tuple[int, int, str], ...]
    is_tiled: bool
    channel: str  # "rgb", or one of r, g, b, a
    raw: bool  # numbers, no colours
    scale: tuple[float, ...]
    bias: tuple[float, ...]
    primvar: str
    affine: Affine
    wrap: tuple[int, int]


def sampled(node: Any, channel: str, raw: bool, time: Any) -> Sampled | None:
    """Return how a texture node reads its image; None when what it does is not understood."""
    identifier = str(node.GetShaderId() or "")
    given = node.GetInput("file")
    if not given or not identifier.startswith(_IMAGES):
        return None
    attribute = next(iter(given.GetValueProducingAttributes()), None)
    asset = attribute.Get(time) if attribute else None
    if not isinstance(asset, Sdf.AssetPath) or not asset.path:
        return None
    where = _coordinates(node, identifier, time)
    if where is None:
        return None
    primvar, affine = where
    tiles, is_tiled = _tiles(attribute, asset, time)
    return Sampled(
        tiles=tiles,
        is_tiled=is_tiled,
        channel=channel if len(channel) == 1 and channel in "rgba" else "rgb",
        raw=raw,
        scale=_four(node, "scale", 1.0, time),
        bias=_four(node, "bias", 0.0, time),
        primvar=primvar,
        affine=affine,
        wrap=(_wrap(node, ("wrapS", "uaddressmode"), time), _wrap(node, ("wrapT", "vaddressmode"), time)),
    )


def _wrap(node: Any, names: tuple[str, str], time: Any) -> int:
    usual = REPEAT if str(node.GetShaderId() or "").startswith("ND_") else BLACK
    for name in names:
        given = node.GetInput(name)
        if given:
            return _WRAPS.get(str(given.Get(time) or ""), usual)
    return usual


def _four(node: Any, name: str, default: float, time: Any) -> tuple[float, ...]:
    given = node.GetInput(name)
    value = given.Get(time) if given else None
    if value is None or np.shape(value) != (4,) or not np.isfinite(np.array(value)).all():
        return (default,) * 4
    return tuple(float(v) for v in value)


def _coordinates(node: Any, identifier: str, time: Any) -> tuple[str, Affine] | None:
    """Return the primvar that a texture node reads and what is done to it on the way; None for neither."""
    affine = _SAME
    name = "texcoord" if identifier.startswith("ND_") and not node.GetInput("st") else "st"
    at: Any = node
    for _ in range(_MOST_STEPS):
        behind = _behind(at, name)
        if behind is None:
            return (_UV, affine) if at is node and identifier.startswith("ND_") else None
        at, kind = behind, str(behind.GetShaderId() or "")
        if kind.startswith(_READERS):
            varname = next((n for n in ("varname", "geomprop") if at.GetInput(n)), "")
            value = _value(at.GetInput(varname), time) if varname else None
            return (str(value), affine) if value else None
        if kind.startswith("ND_texcoord"):
            return _UV, affine
        if kind != "UsdTransform2d":
            return None
        affine = _after(_transform(at, time), affine)
        name = "in"
    return None


def _behind(node: Any, name: str) -> Any:
    """Return the shader that an input is connected to, None for none."""
    given = node.GetInput(name)
    for attribute in given.GetValueProducingAttributes() if given else ():
        if UsdShade.Utils.GetType(attribute.GetName()) == UsdShade.AttributeType.Output:
            return UsdShade.Shader(attribute.GetPrim())
    return None


def _value(given: Any, time: Any) -> Any:
    attribute = next(iter(given.GetValueProducingAttributes()), None)
    return attribute.Get(time) if attribute else None


def _transform(node: Any, time: Any) -> Affine:
    """Return what a UsdTransform2d does: scale, then turn, then move."""

    def read(name: str, default: Any) -> Any:
        given = node.GetInput(name)
        value = _value(given, time) if given else None
        return default if value is None else value

    turn = math.radians(float(read("rotation", 0.0)))
    (sx, sy), (tx, ty) = read("scale", (1.0, 1.0)), read("translation", (0.0, 0.0))
    c, s = math.cos(turn), math.sin(turn)
    out = (c * sx, -s * sy, tx, s * sx, c * sy, ty)
    return out if all(math.isfinite(v) for v in out) else _SAME


def _after(first: Affine, then: Affine) -> Affine:
    a, b, c, d, e, f = then
    g, h, i, j, k, m = first
    return a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f


def _tiles(attribute: Any, asset: Any, time: Any) -> tuple[tuple[tuple[int, int, str], ...], bool]:
    stack = attribute.GetPropertyStack(time)
    if UsdShade.UdimUtils.IsUdimIdentifier(asset.path) and stack:
        found = []
        for path, number in UsdShade.UdimUtils.ResolveUdimTilePaths(asset.path, stack[0].layer):
            row, column = divmod(int(number) - _FIRST_TILE, _TILE_COLUMNS)
            found.append((column, row, str(path)))
        return tuple(found), True
    return ((0, 0, resolved(attribute, asset, time)),), False


def resolved(attribute: Any, asset: Any, time: Any) -> str:
    """Return the file of an asset path; of tiles (`<UDIM>`) the first that is there."""
    if asset.resolvedPath:
        return str(asset.resolvedPath)
    stack = attribute.GetPropertyStack(time)
    if not stack:
        return str(asset.path)
    layer = stack[0].layer
    if UsdShade.UdimUtils.IsUdimIdentifier(asset.path):
        tiles = UsdShade.UdimUtils.ResolveUdimTilePaths(asset.path, layer)
        if tiles:
            return str(tiles[0][0])
    return str(layer.ComputeAbsolutePath(asset.path))
