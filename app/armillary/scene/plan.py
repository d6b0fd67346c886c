"""Type and authored properties of a prim → what there is to read of it; worked out once for each set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from armillary.scene.shapes import GPRIMS

PLAIN, MESH, CURVES, GPRIM, INSTANCER, POINTS, SUBSET, CAMERA, LIGHT = range(9)
LIGHTS = (
    *("DistantLight", "DomeLight", "DomeLight_1"),
    *("SphereLight", "RectLight", "DiskLight", "CylinderLight"),
)
_KIND_OF = {
    "Mesh": MESH,
    "BasisCurves": CURVES,
    "PointInstancer": INSTANCER,
    "Points": POINTS,
    "GeomSubset": SUBSET,
    "Camera": CAMERA,
    **dict.fromkeys(LIGHTS, LIGHT),
    **dict.fromkeys(GPRIMS, GPRIM),
}
_MESH_EXTRAS = (
    "normals",
    "primvars:normals",
    "holeIndices",
    "orientation",
    "doubleSided",
    "subdivisionScheme",
)
COLOUR, OPACITY = "primvars:displayColor", "primvars:displayOpacity"
SCHEME = "subdivisionScheme"
MESH_ARRAYS = ("points", "faceVertexCounts", "faceVertexIndices")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to read of prims of one type with one set of authored properties; made once for each set."""

    kind: int
    type_id: int
    placed: bool  # has transform operations
    extras: tuple[str, ...]
    sided: bool
    looks: bool  # has any of the properties of `_look`
    reads: bool  # has anything to read at all
    columns: bool  # is a mesh of nothing but what is read of all such meshes together
    names: frozenset[str]


def plan_of(prim: Any, type_name: str, type_id: int, every: frozenset[str]) -> Plan:
    """Return what to read of a prim of this type that authors these properties."""
    # a type that is not known here may name the one it falls back to
    kind = _KIND_OF.get(type_name) or _KIND_OF.get(str(prim.GetPrimTypeInfo().GetSchemaTypeName()), PLAIN)
    looks = every.intersection(("visibility", "purpose", COLOUR, OPACITY))
    return Plan(
        kind=kind,
        type_id=type_id,
        placed="xformOpOrder" in every,
        extras=tuple(name for name in _MESH_EXTRAS if name in every) if kind == MESH else (),
        sided="doubleSided" in every,
        looks=bool(looks),
        columns=kind == MESH
        and every.isdisjoint(set(_MESH_EXTRAS) - {SCHEME})
        and looks <= {COLOUR}
        and f"{COLOUR}:indices" not in every,
        reads=bool(looks) or kind != PLAIN or "xformOpOrder" in every,
        names=every,
    )
