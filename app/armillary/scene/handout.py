"""Parts of the open scene as one USDZ for AR viewers: metres, Y up, standing on the floor, few and plain.

Only what is asked for goes in, with the materials it wears. What tells of the plant (bindings, addresses)
stays out, and so do cameras and lights, which no viewer of such files uses. The scene is only read.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdLux, UsdUtils

from armillary.model.fault import SceneFault
from armillary.scene.schema import API, NAMESPACE

ALIGNED = 64  # bytes: where the data of each file of a package begin
LIGHT_BYTES = 25_000_000  # a phone opens that at once
MOST_BYTES = 200_000_000  # and nothing beyond
LIGHT_POINTS = 500_000
MOST_PRIMS = 50_000
CONTEXTS = ("parts", "near", "all")
_LOCAL_HEADER = 30  # bytes of a file's header in a ZIP, before its name
_DEPTH = 2  # parts so near to the root have no neighbours: those would be the scene
_DROPPED = re.compile(rf"{re.escape(NAMESPACE)}:|userProperties:")


def write(
    stage: Any, output: Path, prims: Sequence[str], context: str = "parts", *, force: bool = False
) -> dict[str, Any]:  # Any: a stage; what is told as JSON
    """Write prims with all below them; return what was written and what a viewer may not like.

    context: `parts`: nothing else; `near`: their neighbours too; `all`: the scene. Raises SceneFault.
    """
    if output.suffix.lower() != ".usdz":
        raise SceneFault(f"'{output.name}' is no USDZ.", where=str(output), remedy="End it in .usdz.")
    if output.exists() and not force:
        raise SceneFault(
            "The file is there already.", where=str(output), remedy="Choose another name, or use --force."
        )
    wanted = _wanted(stage, prims, context)
    flat = _flattened(stage, wanted)
    folder = Path(tempfile.mkdtemp(prefix=".handout-", dir=output.parent))
    try:
        told = _pack(flat, folder, output.stem)
        made = folder / "made.usdz"
        checked(made)
        size = made.stat().st_size
        if size > MOST_BYTES:
            raise SceneFault(
                f"The package has {size / 1e6:.0f} MB, more than {MOST_BYTES / 1e6:.0f} MB.",
                where=str(output),
                remedy="Show fewer or simpler parts.",
            )
        os.replace(made, output)
    except OSError as error:
        raise SceneFault(
            f"The package cannot be written: {error.strerror or error}.",
            where=str(output),
            remedy="Choose a folder that can be written to, with room on its disk.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"output": str(output), "bytes": size, **told, "notes": _notes(size, told)}


def checked(package: Path) -> tuple[str, ...]:
    """Return the files of a package that is as it must be. Raises SceneFault for one that is not.

    Nothing compressed, each file's data at a multiple of 64 bytes, a layer first, and it opens.
    """
    with zipfile.ZipFile(package) as held, package.open("rb") as raw:
        for info in held.infolist():
            raw.seek(info.header_offset)
            head = raw.read(_LOCAL_HEADER)
            names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            at = info.header_offset + _LOCAL_HEADER + names
            if info.compress_type != zipfile.ZIP_STORED or at % ALIGNED:
                raise _bad(package, f"{info.filename} is compressed, or not at a multiple of {ALIGNED} bytes")
        files = tuple(held.namelist())
    if not files or not files[0].endswith((".usdc", ".usda", ".usd")):
        raise _bad(package, "no layer comes first")
    stage = Usd.Stage.Open(str(package))
    root = stage.GetDefaultPrim() if stage else None
    if not root or UsdGeom.GetStageUpAxis(stage) != UsdGeom.Tokens.y:
        raise _bad(package, "it does not open with a default prim and Y up")
    return files


def _bad(package: Path, why: str) -> SceneFault:
    return SceneFault(
        f"The package is not as it must be: {why}.", where=str(package), remedy="Report it with the scene."
    )


# ---------------------------------------------------------------- which parts


def _wanted(stage: Any, prims: Sequence[str], context: str) -> list[str]:
    if context not in CONTEXTS:
        raise SceneFault(
            f"'{context}' is no context.", where="procedure", remedy=f"Give {', '.join(CONTEXTS)}."
        )
    if context == "all":
        return [str(Sdf.Path.absoluteRootPath)]
    known = [p for p in dict.fromkeys(prims) if Sdf.Path.IsValidPathString(p) and stage.GetPrimAtPath(p)]
    if not known:
        raise SceneFault(
            "None of the parts is in the scene.",
            where=", ".join(prims[:3]) or "procedure",
            remedy="Give the steps parts, or export with the whole scene as context.",
        )
    if context == "parts":
        return known
    return [str(Sdf.Path(p).GetParentPath()) if p.count("/") > _DEPTH else p for p in known]


def _flattened(stage: Any, wanted: Sequence[str]) -> Any:
    """Return the wanted parts with their materials as a stage of one layer, instances as plain prims."""
    session = Sdf.Layer.CreateAnonymous("handout.usda")
    before = stage.GetSessionLayer()
    if before is not None:
        session.subLayerPaths.append(before.identifier)
    masked = Usd.Stage.OpenMasked(
        stage.GetRootLayer(), session, stage.GetPathResolverContext(), Usd.StagePopulationMask(list(wanted))
    )
    masked.ExpandPopulationMask(
        lambda rel: rel.GetName().startswith(("material:binding", "skel:")), lambda _attribute: True
    )
    masked.SetEditTarget(session)
    while instances := [prim for prim in masked.Traverse() if prim.IsInstance()]:
        for prim in instances:
            prim.SetInstanceable(False)
        if sum(1 for _ in masked.Traverse()) > MOST_PRIMS:
            raise SceneFault(
                f"The parts are more than {MOST_PRIMS:,} prims.",
                where=wanted[0],
                remedy="Show fewer parts, or none around them.",
            )
    return Usd.Stage.Open(masked.Flatten(addSourceFileComment=False))


# ---------------------------------------------------------------- one layer, one package


def _pack(flat: Any, folder: Path, name: str) -> dict[str, Any]:
    """Write the package into a folder; return counts."""
    layer = folder / f"{Tf.MakeValidIdentifier(name)}.usdc"
    made = Usd.Stage.CreateNew(str(layer))
    UsdGeom.SetStageUpAxis(made, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(made, 1.0)
    root = UsdGeom.Xform.Define(made, f"/{Tf.MakeValidIdentifier(name)}")
    made.SetDefaultPrim(root.GetPrim())
    source, target, base = flat.GetRootLayer(), made.GetRootLayer(), root.GetPath()
    for prim in flat.GetPseudoRoot().GetAllChildren():
        Sdf.CopySpec(source, prim.GetPath(), target, base.AppendChild(prim.GetName()))
    _redirect(target, base)
    told = _strip(made)
    metres = UsdGeom.GetStageMetersPerUnit(flat)
    is_z_up = UsdGeom.GetStageUpAxis(flat) == UsdGeom.Tokens.z
    place = root.AddTranslateOp(UsdGeom.XformOp.PrecisionDouble)
    if is_z_up:
        root.AddRotateXOp(UsdGeom.XformOp.PrecisionFloat).Set(-90.0)
    root.AddScaleOp(UsdGeom.XformOp.PrecisionFloat).Set(Gf.Vec3f(metres))
    box = UsdGeom.BBoxCache(
        Usd.TimeCode.EarliestTime(), [UsdGeom.Tokens.default_, UsdGeom.Tokens.render]
    ).ComputeWorldBound(root.GetPrim())
    span = box.ComputeAlignedRange()
    if span.IsEmpty():
        raise SceneFault("The parts have no geometry.", where=str(base), remedy="Name parts that are drawn.")
    middle, low = span.GetMidpoint(), span.GetMin()
    place.Set(Gf.Vec3d(-middle[0], -low[1], -middle[2]))  # it stands on the floor, where a person puts it
    told["metres"] = [round(float(v), 3) for v in span.GetSize()]
    target.Save()
    if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(layer)), str(folder / "made.usdz")):
        raise SceneFault(
            "The package could not be made.", where=str(layer), remedy="See that all images can be read."
        )
    return told


def _redirect(layer: Any, base: Any) -> None:
    """Let relationships and connections point to where things are now."""

    def moved(path: Any) -> Any:
        inside = path.IsAbsolutePath() and not path.HasPrefix(base)
        return path.ReplacePrefix(Sdf.Path.absoluteRootPath, base) if inside else path

    def visit(path: Any) -> None:
        spec = layer.GetObjectAtPath(path)
        if isinstance(spec, Sdf.RelationshipSpec):
            targets = spec.targetPathList
        elif isinstance(spec, Sdf.AttributeSpec):
            targets = spec.connectionPathList
        else:
            return
        now = [moved(p) for p in targets.GetAddedOrExplicitItems()]
        if now and now != list(targets.GetAddedOrExplicitItems()):
            targets.ClearEdits()
            targets.explicitItems = now

    layer.Traverse(base, visit)


def _strip(stage: Any) -> dict[str, Any]:
    """Take out what no viewer uses, and what tells of the plant; return counts of what stays."""
    drop = []
    points = prims = 0
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Camera) or prim.HasAPI(UsdLux.LightAPI):
            drop.append(prim.GetPath())
            continue
        prims += 1
        for name in [n for n in prim.GetAuthoredPropertyNames() if _DROPPED.match(n)]:
            prim.RemoveProperty(name)
        for schema in [s for s in prim.GetAppliedSchemas() if s.split(":")[0] == API]:
            prim.RemoveAppliedSchema(schema)
        prim.ClearCustomData()
        if prim.IsA(UsdGeom.PointBased):
            points += len(UsdGeom.PointBased(prim).GetPointsAttr().Get(Usd.TimeCode.EarliestTime()) or ())
    for path in drop:
        stage.RemovePrim(path)
    return {"prims": prims, "points": points}


def _notes(size: int, told: dict[str, Any]) -> list[str]:
    """Return what a person should know before handing it out."""
    out = []
    if size > LIGHT_BYTES:
        out.append(f"{size / 1e6:.0f} MB: phones take long for more than {LIGHT_BYTES / 1e6:.0f} MB.")
    if told["points"] > LIGHT_POINTS:
        out.append(f"{told['points']:,} points: phones draw up to {LIGHT_POINTS:,} smoothly.")
    return out
