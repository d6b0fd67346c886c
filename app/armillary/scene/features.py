"""What of OpenUSD is not drawn as it is written: every such feature by name, and which a prim uses.

`docs/reference/usd-fidelity.md` lists the same names; a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pxr import Sdf, Tf, Usd, UsdGeom, UsdShade

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.scene import timing
from armillary.scene.plan import COLOUR, OPACITY
from armillary.scene.shading import OWN, READER_IDS

BOXED = "instances past 4 million triangles in a picture (those that look smallest are drawn as their boxes)"
MATERIALX = "MaterialX materials (their plain colours are used)"
MDL = "MDL materials (their plain colours are used)"
ANIMATION = "animation (the start time is shown)"
SUBDIVISION = "subdivision (the control mesh is drawn, shaded smooth)"
UNKNOWN = "types that OpenUSD does not know"
DRAW_MODES = "draw modes (the full geometry is drawn)"
LIGHTS = "lights of the scene"
SHAPING = "shaping, linking and filters of lights"
DOME_IMAGE = "images of lights (their mean colour is used)"
IMAGES_MEAN = "textures (the mean colour of each is drawn)"
IMAGES_OFF = "textures of what is not drawn (clearcoat, displacement)"
RELIEF = "clearcoat, displacement and even occlusion of materials"
VARYING_OPACITY = "opacity that varies within a face (its mean is drawn)"
PURPOSE_VISIBILITY = "visibility by purpose"
SUBSETS = "subsets of points or edges"
VELOCITIES = "motion between samples (velocities)"
LENS = "lenses and cuts of cameras (blur, shift, clipping planes)"
ONE_SIDED = "surfaces that vanish seen from behind (both sides are drawn)"
RIBBONS = "ribbons and oriented points (curves with normals are drawn as tubes, points as balls)"
READERS = "primvars that materials read (their fallback is used)"
LODS = "levels of detail of the scene (all are drawn)"
COLOUR_SPACES = "colour spaces other than linear Rec. 709 (colours are taken as that)"
BACK_PLATES = "back plates of cameras"
SKINNING = "skinning (the bind pose is drawn)"

BY_TYPE = {
    "NurbsPatch": "NURBS patches",
    "NurbsCurves": "NURBS curves",
    "HermiteCurves": "Hermite curves",
    "TetMesh": "tetrahedral meshes",
    "Volume": "volumes",
    "GeometryLight": LIGHTS,
    "PluginLight": LIGHTS,
    "PortalLight": LIGHTS,
    "ParticleField3DGaussianSplat": "Gaussian splats",
    "ParticleField": "Gaussian splats",
    "GenerativeProcedural": "geometry that a procedure generates",
    "SpatialAudio": "sounds",
    "LightFilter": SHAPING,
    "PluginLightFilter": SHAPING,
}
BY_API = {
    "LODRootAPI": LODS,
    "MeshLightAPI": LIGHTS,
    "VolumeLightAPI": LIGHTS,
    "ColorSpaceAPI": COLOUR_SPACES,
    "BackPlateAPI": BACK_PLATES,
    "HydraGenerativeProceduralAPI": "geometry that a procedure generates",
}
ALL = tuple(
    dict.fromkeys(
        (
            *BY_TYPE.values(),
            *(
                BOXED,
                MATERIALX,
                MDL,
                ANIMATION,
                SUBDIVISION,
                UNKNOWN,
                DRAW_MODES,
                SHAPING,
                DOME_IMAGE,
                IMAGES_MEAN,
            ),
            *(IMAGES_OFF, RELIEF, VARYING_OPACITY, PURPOSE_VISIBILITY, SUBSETS, VELOCITIES, LENS),
            *(ONE_SIDED, SKINNING, RIBBONS, READERS, LODS, COLOUR_SPACES, BACK_PLATES),
        )
    )
)
_DRAWN_AS_IT_IS = ("", "default", "inherited")  # draw modes
_PLAYED = ("xformOp:", "visibility")
_FOLLOWS = ("extent", "extentsHint", "velocities", "accelerations", "angularVelocities")  # tell of others
_NOT_LAID = ("clearcoat", "clearcoatRoughness", "displacement")
_RELIEF = {"clearcoat": 0.0, "displacement": 0.0, "occlusion": 1.0}
_LIGHT_APIS = ("ShapingAPI", "ShadowAPI", "LightFilter")
_LENS = ("fStop", "horizontalApertureOffset", "verticalApertureOffset")
_MOST_STEPS = 16


def of_prim(prim: Any, name: str, *, animated: bool, played: bool) -> list[str]:
    """Return what of a prim is not drawn as it is written.

    animated: the scene has time samples at all. played: it has a time range, so that some of them play.
    """
    out = [BY_TYPE[name]] if name in BY_TYPE else []
    if name == "Shader":
        out += _shading(prim)
    elif name == "Mesh":
        out += _mesh(prim)
    elif name == "GeomSubset":
        if prim.GetAttribute("elementType").Get() not in {"face", None}:
            out.append(SUBSETS)
    elif name == "Camera":
        out += _camera(prim)
    elif name.endswith(("Light", "Light_1")):
        out += _light(prim)
    elif name and not prim.GetPrimTypeInfo().GetSchemaTypeName():
        out.append(UNKNOWN)
    if name in {"BasisCurves", "Points"}:
        out += _thin(prim)
    applied = {str(api).partition(":")[0] for api in prim.GetAppliedSchemas()}
    out += [feature for api, feature in BY_API.items() if api in applied]
    if name in {"PointInstancer", "Mesh", "Points"} and prim.GetAttribute("velocities").HasAuthoredValue():
        out.append(VELOCITIES)
    mode = prim.GetAttribute("model:drawMode")
    if mode and str(mode.Get() or "") not in _DRAWN_AS_IT_IS:
        out.append(DRAW_MODES)
    if prim.HasAPI(UsdGeom.VisibilityAPI) and any(
        prim.GetAttribute(f"{purpose}Visibility").HasAuthoredValue()
        for purpose in ("guide", "proxy", "render")
    ):
        out.append(PURPOSE_VISIBILITY)
    try:
        held = animated and _is_held(prim, played)
    except Tf.ErrorException:  # OpenUSD lists an attribute that it cannot name
        held = False
    if held:
        out.append(ANIMATION)
    return out


def _is_held(prim: Any, played: bool) -> bool:
    """Tell whether a prim has values over time that are not played."""
    name = str(prim.GetTypeName())
    if name == "SkelAnimation":  # it plays, or a problem of its skeleton says why not
        return False
    also = timing.PLAYED.get(name, ())
    return any(
        not (played and (a.GetName().startswith(_PLAYED) or a.GetName() in also or _is_tint(a)))
        for a in prim.GetAuthoredAttributes()
        if a.GetNumTimeSamples() > 1 and a.GetName() not in _FOLLOWS and not a.IsCustom()
    )


def _is_tint(attribute: Any) -> bool:
    """Tell whether an attribute is one colour or opacity of a whole part."""
    if attribute.GetName() not in {COLOUR, OPACITY}:
        return False
    value = attribute.Get(Usd.TimeCode.EarliestTime())
    return value is not None and len(value) == 1


def _mesh(prim: Any) -> list[str]:
    out = []
    if prim.GetAttribute("subdivisionScheme").Get() not in {"none", None}:
        out.append(SUBDIVISION)
    out += _opacity(prim, ("vertex", "varying", "faceVarying"))
    sided = prim.GetAttribute("doubleSided")
    if sided.HasAuthoredValue() and not sided.Get():
        out.append(ONE_SIDED)
    return out


def _opacity(prim: Any, varying: Sequence[str]) -> list[str]:
    opacity = prim.GetAttribute("primvars:displayOpacity")
    return [VARYING_OPACITY] if opacity and opacity.GetMetadata("interpolation") in varying else []


def _thin(prim: Any) -> list[str]:
    """Return what of curves and points is not drawn: they have a radius, and one opacity."""
    out = _opacity(prim, ("uniform", "vertex", "varying"))
    if any(prim.GetAttribute(name).HasAuthoredValue() for name in ("normals", "primvars:normals")):
        out.append(RIBBONS)
    return out


def _camera(prim: Any) -> list[str]:
    shifted = any(prim.GetAttribute(name).Get() not in {None, 0.0} for name in _LENS)
    return [LENS] if shifted or prim.GetAttribute("clippingPlanes").Get() else []


def _light(prim: Any) -> list[str]:
    out = []
    applied = [str(schema) for schema in prim.GetAppliedSchemas()]
    linked = any(prim.GetAuthoredPropertiesInNamespace("collection"))
    if linked or any(schema.startswith(_LIGHT_APIS) for schema in applied):
        out.append(SHAPING)
    image = prim.GetAttribute("inputs:texture:file")
    asset = image.Get() if image else None
    if isinstance(asset, Sdf.AssetPath) and asset.path:
        out.append(DOME_IMAGE)
    return out


def _shading(prim: Any) -> list[str]:
    identifier = str(prim.GetAttribute("info:id").Get() or "")
    out = []
    if prim.GetAttribute("info:mdl:sourceAsset"):
        out.append(MDL)
    if identifier.startswith("ND_") and identifier.endswith("surfaceshader"):
        out.append(MATERIALX)
    if identifier == "UsdPreviewSurface" or out:
        out += _surface(UsdShade.Shader(prim))
    return out


def _surface(shader: Any) -> list[str]:
    out: list[str] = []
    for given in shader.GetInputs():
        name = str(given.GetBaseName())
        if _reads_primvar(given):
            out.append(READERS)
        if _reads_image(given):
            if name in _NOT_LAID:
                out.append(IMAGES_OFF)
        elif name in _RELIEF and (value := given.Get()) is not None and value != _RELIEF[name]:
            out.append(RELIEF)
    return list(dict.fromkeys(out))


def _reads_primvar(given: Any) -> bool:
    """Tell whether an input takes a primvar that is no colour or opacity of the part itself."""
    for attribute in given.GetValueProducingAttributes():
        if UsdShade.Utils.GetType(attribute.GetName()) != UsdShade.AttributeType.Output:
            continue
        node = UsdShade.Shader(attribute.GetPrim())
        if str(node.GetShaderId() or "").startswith(READER_IDS):
            named = next((n for n in ("varname", "geomprop") if node.GetInput(n)), "")
            return not named or str(node.GetInput(named).Get() or "") not in OWN
    return False


def _reads_image(given: Any) -> bool:
    """Tell whether an image is behind an input, through a few nodes."""
    waiting = [given]
    for _ in range(_MOST_STEPS):
        if not waiting:
            return False
        for attribute in waiting.pop(0).GetValueProducingAttributes():
            if UsdShade.Utils.GetType(attribute.GetName()) != UsdShade.AttributeType.Output:
                continue
            node = UsdShade.Shader(attribute.GetPrim())
            if node.GetInput("file"):
                return True
            waiting += node.GetInputs()
    return False


def traversed(stage: Any) -> Any:
    """Return all prims that `armillary info` counts, the parts of instances included."""
    return Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate))
