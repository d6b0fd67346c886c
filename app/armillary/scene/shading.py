"""A material's shader network → one set of plain values: what a part shows before any binding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pxr import Sdf, UsdShade

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.scene.pictures import Mean, Pictures
from armillary.scene.sampling import Sampled, resolved, sampled

Colour = tuple[float, float, float]
# Names that other shaders give to what UsdPreviewSurface calls diffuseColor, and so on.
_INPUTS = {
    "diffuse": ("diffuseColor", "base_color", "baseColor", "diffuse_color_constant", "diffuse_tint"),
    "emissive": ("emissiveColor", "emission_color", "emissive", "emissive_color"),
    "opacity": ("opacity", "geometry_opacity", "alpha", "opacity_constant"),
    "metallic": ("metallic", "base_metalness", "metalness", "metallic_constant"),
    "roughness": ("roughness", "specular_roughness", "reflection_roughness_constant"),
    "normal": ("normal", "geometry_normal"),
    "occlusion": ("occlusion",),
}
_NUMBERS = ("metallic", "roughness", "normal", "occlusion")  # their images are of no colours
SEEN = ("diffuse", "emissive", "opacity", *_NUMBERS)  # inputs whose images are read
_DIFFUSE_FILES = ("diffuse_texture", "base_color_texture", "baseColorTexture")  # of MDL shaders
READER_IDS = ("UsdPrimvarReader", "ND_geompropvalue", "ND_geomcolor", "ND_UsdPrimvarReader")
OWN = ("displayColor", "displayOpacity")
CONTEXTS = ("", "mtlx", "mdl", "glslfx", "ri", "arnold")
DARK = 0.01  # linear; a part below it has no colour of its own
MOST_NODES = 64  # of a network, looked through for a texture
ROUGHNESS = 0.5
_ONE, _ZERO = (1.0,) * 4, (0.0,) * 4
CLEAR = 0.75  # share of the opacity that full transmission takes: glass stays visible
BRIGHT_NITS = 1000.0  # emission_luminance that is drawn as full glow


@dataclass(frozen=True, slots=True)
class Paint:
    """What covers a surface point by point: an image of colours, of opacity, of a glow, or several."""

    diffuse: Sampled | None
    colour: Colour  # linear, where there is no image of colours
    opacity: Sampled | None
    threshold: float  # of opacity: above 0 the image cuts holes, and makes nothing transparent
    emissive: Sampled | None = None  # added to the colours
    glows: bool = False  # nothing but the glow: no light makes it darker
    occlusion: Sampled | None = None
    normal: Sampled | None = None
    roughness: Sampled | None = None
    metallic: Sampled | None = None
    rough: float = ROUGHNESS  # where there is no image of it
    metal: float = 0.0


@dataclass(frozen=True, slots=True)
class Surface:
    """What a material shows: linear colours, None where the part's own colour or opacity is to be shown."""

    diffuse: Colour | None = None
    emissive: Colour = (0.0, 0.0, 0.0)
    opacity: float | None = 1.0
    metallic: float = 0.0
    roughness: float = ROUGHNESS
    textured: tuple[str, ...] = ()  # inputs whose textures are not drawn: one value stands for each
    paint: Paint | None = None
    missing: tuple[str, ...] = ()  # images that gave no colour, and why


@dataclass(slots=True)
class _Reader:
    """Reads the inputs of one shader."""

    shader: Any  # UsdShade.Shader; pxr ships no type hints
    time: Any
    pictures: Pictures
    textured: list[str]
    missing: list[str]
    images: dict[str, Sampled] = field(default_factory=dict)  # by input, where the image gave its mean

    def value(self, what: str) -> Any:
        """Return the value of an input: authored, of a texture's mean, or None."""
        for name in _INPUTS[what]:
            given = self.shader.GetInput(name)
            if not given:
                continue
            for attribute in given.GetValueProducingAttributes():
                if UsdShade.Utils.GetType(attribute.GetName()) != UsdShade.AttributeType.Output:
                    return attribute.Get(self.time)
                return self._upstream(what, UsdShade.Output(attribute))
        return None

    def plain(self, name: str) -> Any:
        """Return the value of an input by its own name, None where it is not authored."""
        given = self.shader.GetInput(name)
        return given.Get(self.time) if given else None

    def _upstream(self, what: str, output: Any) -> Any:
        """Return what the nearest image or constant behind an output gives."""
        waiting, seen = [(UsdShade.Shader(output.GetPrim()), str(output.GetBaseName()))], 0
        while waiting and seen < MOST_NODES:
            node, channel = waiting.pop(0)
            seen += 1
            identifier = str(node.GetShaderId() or "")
            if node.GetInput("file"):
                return self._texture(what, node, channel)
            if identifier.startswith(READER_IDS):
                return self._primvar(node)
            if identifier.startswith("ND_constant"):
                return self._constant(node)
            for given in node.GetInputs():
                for attribute in given.GetValueProducingAttributes():
                    if UsdShade.Utils.GetType(attribute.GetName()) == UsdShade.AttributeType.Output:
                        behind = UsdShade.Output(attribute)
                        waiting.append((UsdShade.Shader(behind.GetPrim()), str(behind.GetBaseName())))
        return None

    def _constant(self, node: Any) -> Any:
        given = node.GetInput("value")
        return given.Get(self.time) if given else None

    def _primvar(self, node: Any) -> Any:
        """Return the fallback of a primvar reader; of the part's own colour, None: that is shown anyway."""
        named = next((n for n in ("varname", "geomprop") if node.GetInput(n)), "")
        if named and str(node.GetInput(named).Get(self.time) or "") in OWN:
            return None
        fallback = next((n for n in ("fallback", "default") if node.GetInput(n)), "")
        return node.GetInput(fallback).Get(self.time) if fallback else None

    def _texture(self, what: str, node: Any, channel: str) -> Any:
        """Return the mean of a texture node's image, or its fallback, in the channels asked for."""
        self.textured.append(what)
        found = self._image(node.GetInput("file")) if what in SEEN else None
        if found is None:
            fallback = node.GetInput("fallback") or node.GetInput("default")
            value = fallback.Get(self.time) if fallback else None
            # black is what exporters write when they mean nothing, and a black part has no shape
            return value if value is not None and np.any(np.asarray(value).ravel()[:3]) else None
        space = node.GetInput("sourceColorSpace")
        said = str(space.Get(self.time)) if space else _colour_space(node.GetInput("file"))
        as_stored = said == "raw" or (what in _NUMBERS and not (space and said == "sRGB"))
        use = sampled(node, channel, as_stored, self.time)
        if use is not None:
            self.images[what] = use
        rgba = np.array(found.raw if as_stored else found.linear)
        if what == "diffuse" and not as_stored and self.shader.GetInput("opacity"):
            rgba[:3] = found.covered
        for name, change in (("scale", np.multiply), ("bias", np.add)):
            given = node.GetInput(name)
            amount = given.Get(self.time) if given else None
            if amount is not None and np.shape(amount) == (4,):
                rgba = change(rgba, np.array(amount, np.float64))
        if len(channel) == 1 and channel in "rgba":
            return float(rgba["rgba".index(channel)])
        return tuple(rgba[:3].tolist())

    def _image(self, given: Any) -> Mean | None:
        attribute = next(iter(given.GetValueProducingAttributes()), None)
        asset = attribute.Get(self.time) if attribute else None
        if not isinstance(asset, Sdf.AssetPath) or not asset.path:
            return None
        mean = self.pictures.mean(resolved(attribute, asset, self.time))
        if isinstance(mean, str):
            self.missing.append(f"{asset.path} {mean}")
            return None
        return mean

    def file(self, names: Sequence[str]) -> Colour | None:
        """Return the mean of an image that the shader itself names, as MDL shaders do."""
        for name in names:
            given = self.shader.GetInput(name)
            asset = given.Get(self.time) if given else None
            if isinstance(asset, Sdf.AssetPath) and asset.path:
                self.textured.append("diffuse")
                mean = self._image(given)
                if mean is not None:
                    return mean.linear[:3]
        return None


def surface(material: Any, time: Any, pictures: Pictures) -> Surface | None:
    """Return what a material shows; None when it has no surface shader at all."""
    shader = next(
        (found for context in CONTEXTS if (found := material.ComputeSurfaceSource(context)[0])), None
    ) or next((UsdShade.Shader(c) for c in material.GetPrim().GetChildren() if c.IsA(UsdShade.Shader)), None)
    if not shader:
        return None
    read = _Reader(shader, time, pictures, [], [])
    is_mdl = bool(shader.GetPrim().GetAttribute("info:mdl:sourceAsset"))
    diffuse, emissive = _diffuse(read), _emissive(read, is_mdl)
    own = diffuse
    if "emissive" in read.textured:
        # an image that glows shows its own colours, often those of the part, and must not wash them out
        if max(diffuse or (0.0,)) <= DARK:
            diffuse = emissive
        emissive = (0.0, 0.0, 0.0)
    opacity = _opacity(read, is_mdl)
    metallic = scalar(read.value("metallic"), 0.0)
    roughness = scalar(read.value("roughness"), ROUGHNESS)
    for what in ("normal", "occlusion"):
        read.value(what)
    paint = _paint(read, own, _glow(read, is_mdl))
    if paint is not None:
        paint = replace(paint, rough=roughness, metal=metallic)
        read.textured = [what for what in read.textured if getattr(paint, what, None) is None]
    return Surface(
        diffuse=diffuse,
        emissive=emissive,
        opacity=opacity,
        metallic=metallic,
        roughness=roughness,
        textured=tuple(dict.fromkeys(read.textured)),
        missing=tuple(dict.fromkeys(read.missing)),
        paint=paint,
    )


def _paint(read: _Reader, diffuse: Colour | None, glow: float) -> Paint | None:
    """Return the images that are drawn on the surface, None where it has one colour all over.

    glow: weight of the emission, 0…1. Images that are laid on otherwise than the first are left out.
    """
    images = dict(read.images)
    if "emissive" in images:
        images["emissive"] = _scaled(images["emissive"], glow)
        if not glow > 0:
            del images["emissive"]
    if not images or (diffuse is None and "emissive" not in images):
        return None
    if "diffuse" in images:
        weight = scalar(read.plain("base"), 1.0) * scalar(read.plain("base_weight"), 1.0)
        more = (0.0, 0.0, 0.0)
        if read.plain("useSpecularWorkflow") == 1:
            more = colour(read.plain("specularColor")) or more
        images["diffuse"] = _scaled(images["diffuse"], weight, more)
    if "normal" in images and (images["normal"].scale, images["normal"].bias) == (_ONE, _ZERO):
        images["normal"] = _scaled(images["normal"], 2.0, (-1.0, -1.0, -1.0))  # bytes stand for -1…1
    first = next(images[what] for what in SEEN if what in images)
    laid = {what: _alike(image, first) for what, image in images.items()}
    own = diffuse or (0.0, 0.0, 0.0)
    glows = laid.get("emissive") is not None and laid.get("diffuse") is None and max(own) <= DARK
    return Paint(
        diffuse=laid.get("diffuse"),
        colour=own,
        opacity=laid.get("opacity"),
        threshold=max(scalar(read.plain("opacityThreshold"), 0.0), 0.0),
        emissive=laid.get("emissive"),
        glows=glows,
        occlusion=laid.get("occlusion"),
        normal=laid.get("normal"),
        roughness=laid.get("roughness"),
        metallic=laid.get("metallic"),
    )


def _scaled(image: Sampled, weight: float, more: Colour = (0.0, 0.0, 0.0)) -> Sampled:
    """Return an image whose colours are multiplied and added to."""
    scale = (*(s * weight for s in image.scale[:3]), image.scale[3])
    bias = (*(b * weight + m for b, m in zip(image.bias[:3], more, strict=True)), image.bias[3])
    return replace(image, scale=scale, bias=bias)


def _alike(image: Sampled | None, first: Sampled) -> Sampled | None:
    """Return an image that is laid on as the first one is; None, and its mean stays, for another."""
    if image is None or (image.primvar, image.affine) != (first.primvar, first.affine):
        return None
    tiled = image.is_tiled or first.is_tiled
    places = [tuple(tile[:2] for tile in each.tiles) for each in (image, first)]
    return None if tiled and places[0] != places[1] else image


def _diffuse(read: _Reader) -> Colour | None:
    image = read.file(_DIFFUSE_FILES)
    if image is not None:
        tint = colour(read.plain("diffuse_tint")) or (1.0, 1.0, 1.0)
        return image[0] * tint[0], image[1] * tint[1], image[2] * tint[2]
    found = colour(read.value("diffuse"))
    if found is None:
        return None
    weight = scalar(read.plain("base"), 1.0) * scalar(read.plain("base_weight"), 1.0)
    r, g, b = (c * weight for c in found)
    if read.plain("useSpecularWorkflow") == 1:  # metals of this workflow have no diffuse colour at all
        more = colour(read.plain("specularColor")) or (0.0, 0.0, 0.0)
        r, g, b = r + more[0], g + more[1], b + more[2]
    return r, g, b


def _emissive(read: _Reader, is_mdl: bool) -> Colour:
    if not _may_glow(read, is_mdl):
        return 0.0, 0.0, 0.0
    found = colour(read.value("emissive"))
    if found is None:
        return 0.0, 0.0, 0.0
    weight = _glow(read, is_mdl)
    return found[0] * weight, found[1] * weight, found[2] * weight


def _may_glow(read: _Reader, is_mdl: bool) -> bool:
    enabled = read.plain("enable_emission")
    return not (enabled is False or (is_mdl and enabled is None))


def _glow(read: _Reader, is_mdl: bool) -> float:
    """Return the weight of the emission, 0…1."""
    if not _may_glow(read, is_mdl):
        return 0.0
    if not read.shader.GetInput("emission_color"):
        return 1.0
    # standard_surface and OpenPBR glow by a weight of their own
    weight = scalar(read.plain("emission"), 0.0)
    weight += scalar(read.plain("emission_luminance"), 0.0) / BRIGHT_NITS
    return min(max(weight, 0.0), 1.0)


def _opacity(read: _Reader, is_mdl: bool) -> float | None:
    if is_mdl and read.plain("enable_opacity") is not True:
        return 1.0
    given = next((n for n in _INPUTS["opacity"] if read.shader.GetInput(n)), "")
    value = read.value("opacity")
    if given and value is None and read.shader.GetInput(given).HasConnectedSource():
        return None if "opacity" not in read.textured else 1.0
    if scalar(read.plain("opacityThreshold"), 0.0) > 0 and "opacity" in read.textured:
        return 1.0  # a mask cuts holes, it makes nothing transparent
    passes = max(scalar(read.plain("transmission"), 0.0), scalar(read.plain("transmission_weight"), 0.0))
    return scalar(value, 1.0) * (1.0 - CLEAR * min(max(passes, 0.0), 1.0))


def _colour_space(given: Any) -> str:
    """Return "raw" for an image whose numbers are no colours, by the colour space of its attribute."""
    name = str(given.GetAttr().GetColorSpace() or "")
    return "raw" if name.startswith(("raw", "lin", "Raw", "none")) else "sRGB"


def colour(value: Any) -> Colour | None:
    """Return a value as a colour; one number is a grey, anything else None."""
    if value is None or isinstance(value, str):
        return None
    try:
        array = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError):
        return None
    if len(array) == 1:
        array = np.repeat(array, 3)
    if len(array) < 3 or not np.isfinite(array[:3]).all():  # noqa: PLR2004 - red, green, blue
        return None
    return float(array[0]), float(array[1]), float(array[2])


def scalar(value: Any, default: float) -> float:
    """Return a value as a number, the first of many; the default where it is none."""
    if value is None or isinstance(value, str):
        return default
    try:
        array = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError):
        return default
    return float(array[0]) if len(array) and np.isfinite(array[0]) else default
