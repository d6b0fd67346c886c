"""Skeletons: what hangs on bones is given points by time while a scene is read, in a layer of its own.

OpenUSD works the skins out (blend shapes too) and writes them as time samples, which then play as any others.
The layer lives in memory, stronger than the scene, and is taken away when the scene has been read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdSkel

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.scene import SceneProblem
from armillary.scene.problems import problem
from armillary.scene.survey import Survey

ROOT = "SkelRoot"
NOT_POSED = "S20"
MOST_POINTS = 8_000_000  # points times times: 100 MB while the scene is read
_CODES = 1.0  # OpenUSD works out every time code


@contextmanager
def posed(survey: Survey) -> Iterator[list[SceneProblem]]:
    """Pose the skeletons of a surveyed stage for the time of the block, and yield what could not be.

    The stage is to be surveyed anew inside. Skeletons within native instances cannot be posed.
    """
    stage = survey.stage
    told: list[SceneProblem] = []
    layer = Sdf.Layer.CreateAnonymous("skins.usda")
    session, before = stage.GetSessionLayer(), stage.GetEditTarget()
    session.subLayerPaths.insert(0, layer.identifier)
    try:
        stage.SetEditTarget(Usd.EditTarget(layer))
        left = MOST_POINTS
        number = survey.type_number[ROOT]
        for source in (s for s, kind in enumerate(survey.type_id) if kind == number):
            left -= _pose(survey.prim[source], survey.time.GetValue(), left, told)
            told += _left(survey.prim[source], layer)
        _keep_types(layer)
        yield told
    finally:
        stage.SetEditTarget(before)
        if layer.identifier in session.subLayerPaths:
            session.subLayerPaths.remove(layer.identifier)


def _pose(root: Any, start: float, most: int, told: list[SceneProblem]) -> int:
    """Work out one skeleton and return how many points at how many times that made."""
    path = str(root.GetPath())
    if root.IsInPrototype() or root.IsInstanceProxy():
        told.append(problem(NOT_POSED, path, "The skeleton is inside an instance; its bind pose is drawn."))
        return 0
    points, low, high = _extent(root, start)
    times = (high - low) / _CODES + 2  # as a float: a file may say 1e308
    interval = Gf.Interval(low, high)
    if not max(points, 1) * times <= most:
        what = f"{points:,} points at {times:,.0f} times are too many; it stands as at the start."
        told.append(problem(NOT_POSED, path, what))
        interval, times = Gf.Interval(low, low), 1.0
    try:
        done = UsdSkel.BakeSkinning(UsdSkel.Root(root), interval)
    except (Tf.ErrorException, RuntimeError):  # RuntimeError: of the standard library, numbers out of range
        done = False
    if not done:
        told.append(problem(NOT_POSED, path, "The skeleton cannot be worked out; its bind pose is drawn."))
    return int(points * times)


def _left(root: Any, layer: Any) -> list[SceneProblem]:
    """Return what hangs on a skeleton by numbers that do not fit, so that nothing was written for it."""
    what = "What binds it to the bones does not fit its points; its bind pose is drawn."
    return [
        problem(NOT_POSED, str(prim.GetPath()), what)
        for prim in Usd.PrimRange(root)
        if prim.GetAttribute("primvars:skel:jointIndices").HasAuthoredValue()
        and not ((spec := layer.GetPrimAtPath(prim.GetPath())) and spec.properties)
        and not root.IsInPrototype()
    ]


def _extent(root: Any, start: float) -> tuple[int, float, float]:
    """Return how many points hang on a skeleton, and its first and last time within the scene's range."""
    points, samples = 0, {start}
    for prim in Usd.PrimRange(root):
        if prim.IsA(UsdGeom.PointBased):
            value = prim.GetAttribute("points").Get(start)
            points += len(value) if hasattr(value, "__len__") else 0
        for source in UsdSkel.BindingAPI(prim).GetAnimationSourceRel().GetForwardedTargets():
            animation = root.GetStage().GetPrimAtPath(source)
            if animation:
                for attribute in animation.GetAuthoredAttributes():
                    samples.update(attribute.GetTimeSamples())
    finite = [t for t in samples if math.isfinite(t)] or [0.0]
    low, high = min(finite), max(finite)
    stage = root.GetStage()
    if stage.HasAuthoredTimeCodeRange():
        low, high = stage.GetStartTimeCode(), max(stage.GetEndTimeCode(), stage.GetStartTimeCode())
    return points, low, high


def _keep_types(layer: Any) -> None:
    """Leave the types of prims to the scene: a skeleton that is worked out is written as a plain Xform."""

    def visit(path: Any) -> None:
        spec = layer.GetPrimAtPath(path) if path.IsPrimPath() else None
        if spec is not None:
            spec.specifier, spec.typeName = Sdf.SpecifierOver, ""

    layer.Traverse(Sdf.Path.absoluteRootPath, visit)
