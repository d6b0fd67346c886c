"""Other scenes put into one by composed.usda, a layer of ours: the customer's files stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pxr import Gf, Sdf, Tf

from armillary.model.fault import SceneFault
from armillary.scene import schema
from armillary.scene.stage import quiet

_ = schema.API  # registered before pxr builds its registry
WHERE = "composed.usda"
_OPS = ("xformOp:translate", "xformOp:rotateX", "xformOp:scale")


def added(
    text: str,
    prim: str,
    asset: str,
    *,
    translate: Sequence[float],
    rotate_x: float,
    scale: float,
    as_payload: bool,
) -> str:
    """Return composed.usda with a reference (or payload) at a prim that it makes.

    text: the layer as it is, "" = none. asset: path as the layer will have it, relative to its folder.
    translate in units of the stage; rotate_x in degrees and scale fit an asset of another up axis or unit.
    Raises SceneFault for a path that is none, a prim that is there already, and a layer that cannot be read.
    """
    with quiet():
        layer = _layer(text)
        path = _path(prim)
        if layer.GetPrimAtPath(path) is not None:
            raise SceneFault(
                f"There is something at {prim} already.", where=WHERE, remedy="Choose another place."
            )
        spec = Sdf.CreatePrimInLayer(layer, path)
        spec.specifier, spec.typeName = Sdf.SpecifierDef, "Xform"
        if as_payload:
            spec.payloadList.prependedItems = [Sdf.Payload(asset)]
        else:
            spec.referenceList.prependedItems = [Sdf.Reference(asset)]
        _pose(spec, translate, rotate_x, scale)
        return str(layer.ExportToString())


def removed(text: str, prim: str) -> str:
    """Return composed.usda without what it makes at a prim, "" when nothing is left. Raises SceneFault."""
    with quiet():
        layer = _layer(text)
        spec = layer.GetPrimAtPath(_path(prim))
        if spec is None or spec.specifier != Sdf.SpecifierDef:
            raise SceneFault(
                f"Nothing was added at {prim}.", where=WHERE, remedy="Name a prim that was added here."
            )
        while spec is not None:
            parent = None if spec.path.IsRootPrimPath() else spec.nameParent
            children = layer.rootPrims if parent is None else parent.nameChildren
            del children[spec.name]
            spec = parent if parent is not None and _says_nothing(parent) else None
        return str(layer.ExportToString()) if len(layer.rootPrims) else ""


def _layer(text: str) -> Any:  # Any: a layer of pxr
    layer = Sdf.Layer.CreateAnonymous(WHERE)
    try:
        read = not text or layer.ImportFromString(text)
    except Tf.ErrorException:
        read = False
    if not read:
        raise SceneFault(
            f"{WHERE} cannot be read.", where=WHERE, remedy="Correct it, or restore an older one."
        )
    return layer


def _path(prim: str) -> Any:
    path = Sdf.Path(prim) if prim.startswith("/") and Sdf.Path.IsValidPathString(prim)[0] else Sdf.Path()
    if not path.IsAbsoluteRootOrPrimPath() or path.ContainsPrimVariantSelection():
        raise SceneFault(f"'{prim}' is no path of a prim.", where=WHERE, remedy="Write it as /Plant/Dosing2.")
    if path == Sdf.Path.absoluteRootPath:
        raise SceneFault("A prim needs a name.", where=WHERE, remedy="Write it as /Plant/Dosing2.")
    return path


def _pose(spec: Any, translate: Sequence[float], rotate_x: float, scale: float) -> None:
    """Author the ops that are needed, in the order that reads from outside in."""
    values: list[tuple[str, Any, Any]] = []
    if any(translate):
        values.append((_OPS[0], Sdf.ValueTypeNames.Double3, Gf.Vec3d(*translate)))
    if rotate_x:
        values.append((_OPS[1], Sdf.ValueTypeNames.Double, rotate_x))
    if scale != 1.0:
        values.append((_OPS[2], Sdf.ValueTypeNames.Double3, Gf.Vec3d(scale, scale, scale)))
    for name, kind, value in values:
        Sdf.AttributeSpec(spec, name, kind).default = value
    if values:
        order = Sdf.AttributeSpec(spec, "xformOpOrder", Sdf.ValueTypeNames.TokenArray, Sdf.VariabilityUniform)
        order.default = [name for name, _, _ in values]


def _says_nothing(spec: Any) -> bool:
    return bool(
        spec.specifier == Sdf.SpecifierOver
        and not set(spec.ListInfoKeys()) - {"specifier"}
        and not len(spec.properties)
        and not len(spec.nameChildren)
        and not len(spec.variantSets)
    )
