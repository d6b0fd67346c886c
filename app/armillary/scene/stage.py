"""Opens a stage: the customer's scene as root layer, ours above it in the session layer, nothing printed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pxr import Sdf, Tf, Usd, UsdUtils

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneProblem
from armillary.scene.problems import problem


@dataclass(slots=True)
class OpenStage:
    """A composed scene; `layers` keeps the checked layers and their changes in memory alive."""

    stage: Any  # Usd.Stage; pxr ships no type hints
    layers: list[Any]
    problems: list[SceneProblem] = field(default_factory=list)


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Collect what OpenUSD says instead of letting it print; the list is filled when the block ends."""
    said: list[str] = []
    delegate = UsdUtils.CoalescingDiagnosticDelegate()
    try:
        yield said
    finally:
        said.extend(item.commentary for item in delegate.TakeUncoalescedDiagnostics())
        del delegate


def open_stage(
    root: Any,
    layers: Sequence[Any],
    *,
    above: Sequence[str] = (),
    load: str = "all",
    variants: Sequence[tuple[str, str, str]] = (),
    payloads: Sequence[tuple[str, bool]] = (),
    left_out: Sequence[str] = (),
) -> OpenStage:
    """Return a stage on a checked root layer; `above` are layers stronger than it, the strongest first.

    payloads: (prim path, loaded), exceptions from `load`. left_out: prims that are not composed.

    Raises SceneFault when it cannot be composed, or when composing it opened a file that was not checked.
    """
    session = Sdf.Layer.CreateAnonymous("session.usda")
    session.subLayerPaths = [path for path in above if path and os.path.isfile(path)]
    for path, name, choice in variants:
        if not Sdf.Path.IsValidPathString(path) or not Sdf.Path(path).IsPrimPath():
            raise SceneFault(
                f"'{path}' is not the path of a prim.",
                where=path,
                remedy="Choose a variant of a prim of the tree.",
            )
        Sdf.CreatePrimInLayer(session, path).variantSelections[name] = choice
    for path in left_out:
        Sdf.CreatePrimInLayer(session, path).active = False
    rule = Usd.Stage.LoadNone if load == "none" else Usd.Stage.LoadAll
    with quiet() as said:
        try:
            stage = Usd.Stage.Open(root, session, rule)
            _load(stage, payloads)
        except Tf.ErrorException as error:
            raise SceneFault(
                f"The scene cannot be composed: {error}.",
                where=root.realPath,
                remedy="Open it in the tool that made it and mend the layer named here.",
            ) from error
    opened = OpenStage(stage, [*layers, session])
    opened.problems = _composition(stage, said)
    besides(opened)
    return opened


def _load(stage: Any, payloads: Sequence[tuple[str, bool]]) -> None:
    """Load or leave out the payloads of branches, the outer ones first."""
    rules = stage.GetLoadRules()
    for path, wanted in sorted(payloads):
        if Sdf.Path.IsValidPathString(path) and Sdf.Path(path).IsPrimPath():
            (rules.LoadWithDescendants if wanted else rules.Unload)(Sdf.Path(path))
    if payloads:
        stage.SetLoadRules(rules)


def _composition(stage: Any, said: Sequence[str]) -> list[SceneProblem]:
    out = []
    where = stage.GetRootLayer().realPath
    for error in stage.GetCompositionErrors():
        path = str(getattr(error, "rootSite", "") or where)
        out.append(problem("S02", path.rpartition(">")[0].rpartition("<")[2] or path, _one_line(str(error))))
    if not out:
        out.extend(problem("S02", where, _one_line(text)) for text in dict.fromkeys(said) if text)
    return out


def _one_line(text: str) -> str:
    return " ".join(text.split())[:400]


def besides(opened: OpenStage) -> list[str]:
    """Return the files that a stage has read besides the layers that were walked: value clips of its folder.

    Clips are opened when their values are first asked for, so this is to be asked after loading as well.
    Raises SceneFault for a file from elsewhere, by whatever arc it came in.
    """
    known = {layer.identifier for layer in opened.layers}
    folder = os.path.realpath(os.path.dirname(opened.stage.GetRootLayer().realPath))
    out = []
    for layer in opened.stage.GetUsedLayers():
        if layer.identifier in known or layer.anonymous:
            continue
        path = os.path.realpath(layer.realPath)
        if not path.startswith(folder.rstrip(os.sep) + os.sep):
            raise SceneFault(
                "The scene reads a file in a way that could not be checked first.",
                where=layer.realPath or layer.identifier,
                remedy="Refer to the file by a plain reference, payload or sublayer.",
            )
        out.append(path)
    return out
