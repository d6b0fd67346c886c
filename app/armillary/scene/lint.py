"""B-codes: what is wrong with bindings, judged against the arrays of the scene and, if open, its stage."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from pxr import Sdf, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.binding import Binding
from armillary.model.scene import SceneArrays, SceneProblem, index_of

_LOOKLESS = {"Material", "Shader", "NodeGraph", "GeomSubset"}  # types that no channel but these can drive:
_ANYWHERE = {"custom", "label", "primvar", "variant"}
_COLOURS = {"displayColor", "emissiveColor", "field"}
MOST_PROPOSALS = 3
MOST_NEAREST, MOST_NAMES = 5, 20_000  # mistakes that get a proposal, and names it is sought among

_Found = Iterator[tuple[str, str, str, str]]  # code, severity, what, remedy


def lint(
    bindings: Sequence[Binding],
    scene: SceneArrays,
    *,
    stage: Callable[[], Any] | None = None,
    tags: Sequence[str] = (),
    colormaps: Sequence[str] | None = None,
    left_out: Collection[int] = (),
    together: bool = True,
) -> tuple[SceneProblem, ...]:
    """Return the problems of bindings, in their order. `tags` and `colormaps` are judged where given.

    `stage` gives the composed stage; it is asked for only where a binding names an attribute. Bindings at
    the places `left_out` are judged `together` with the others only: whether two drive the same.
    """
    out: list[SceneProblem] = []
    rows = index_of(scene.prim_path)
    known_tags = frozenset(tags)
    known_maps = None if colormaps is None else frozenset(colormaps)
    by_leaf = _by_leaf(scene)
    near = _near()
    checks: list[Callable[[Binding], _Found]] = [
        lambda b: _places(b, scene, rows, by_leaf, near, composed),
        lambda b: _values(b, known_tags, known_maps, near),
    ]
    composed: Any = None
    if stage is not None and any(_names_attribute(b) or _missing(b, rows) for b in bindings):
        composed = stage()
        checks.append(lambda b: _attributes(b, composed))
    for place, binding in enumerate(bindings):
        if place not in left_out:
            for check in checks:
                out.extend(_made(binding, *found) for found in check(binding))
    return (*out, *_conflicts(bindings)) if together else tuple(out)


def for_stage(bindings: Sequence[Binding], scene: SceneArrays) -> tuple[int, ...]:
    """Return the places of bindings that can be judged only where the scene is composed."""
    rows = index_of(scene.prim_path)
    return tuple(i for i, b in enumerate(bindings) if _names_attribute(b) or _missing(b, rows))


def _made(binding: Binding, code: str, severity: str, what: str, remedy: str) -> SceneProblem:
    return SceneProblem(
        code=code,
        severity=severity,
        where=binding.origin or binding.where,
        what=what if binding.origin else f"{binding.where}: {what}",  # an origin ends with it
        remedy=remedy,
    )


def _by_leaf(scene: SceneArrays) -> Callable[[str], list[str]]:
    """Return a function that finds prims by their last name; the table is made when first asked."""
    table: dict[str, list[str]] = {}

    def find(path: str) -> list[str]:
        if not table:
            for known in scene.prim_path:
                table.setdefault(known.rpartition("/")[2], []).append(known)
        return table.get(path.rpartition("/")[2], [])[:MOST_PROPOSALS]

    return find


def _near() -> Callable[[str, Collection[str]], str]:
    """Return a function that proposes the nearest known name, for the first mistakes: it is slow."""
    left = itertools.repeat(True, MOST_NEAREST)

    def find(name: str, known: Collection[str]) -> str:
        worth = len(known) <= MOST_NAMES and next(left, False)
        found = difflib.get_close_matches(name, list(known), 1) if worth else []
        return f"Did you mean {found[0]}?" if found else ""

    return find


def _prim_of(target: str) -> str:
    return target.partition(".")[0]


def _places(
    binding: Binding,
    scene: SceneArrays,
    rows: Mapping[str, int],
    by_leaf: Callable[[str], list[str]],
    near: Callable[[str, Collection[str]], str],
    stage: Any,
) -> _Found:
    for path in dict.fromkeys((binding.prim, *map(_prim_of, binding.targets))):
        row = rows.get(path)
        if row is None:
            if (choice := _in_variant(path, stage)) is not None:
                holder, name, selection = choice
                yield (
                    "B33",
                    "warning",
                    f"{path} is a part of the variant {name} = {selection} of {holder}, which is not chosen.",
                    "Choose that variant, or remove the binding.",
                )
                continue
            similar = by_leaf(path)
            remedy = (
                f"Did it move to {' or '.join(similar)}?"
                if similar
                else near(path, scene.prim_path) or "Correct the path, or remove the binding."
            )
            yield "B04", "error", f"{path} is not in the scene.", remedy
            continue
        if path == binding.prim and binding.targets:
            continue
        kind = scene.type_names[scene.prim_type[row]]
        if kind in _LOOKLESS and binding.channel not in _ANYWHERE:
            yield (
                "B07",
                "error",
                f"{binding.channel} does not fit the {kind} {path}.",
                "Bind it to the prim that is drawn.",
            )
        if binding.channel == "variant":
            sets = {v.name for v in scene.variants if v.prim == row}
            if not sets or (binding.property_name and binding.property_name not in sets):
                has = f"has the sets {', '.join(sorted(sets))}" if sets else "has no variant sets"
                yield "B07", "error", f"{path} {has}.", "Name one of its variant sets in `property`."
        up = int(scene.parent[row])
        while up >= 0:
            if scene.instance_root[up]:
                yield (
                    "B15",
                    "error" if path == binding.prim else "info",
                    f"{path} is a part of the instance {scene.prim_path[up]}.",
                    "Make that instance unique (instanceable = false), or bind the instance itself.",
                )
                break
            up = int(scene.parent[up])


def _values(
    binding: Binding,
    tags: frozenset[str],
    maps: frozenset[str] | None,
    near: Callable[[str, Collection[str]], str],
) -> _Found:
    if tags and binding.signal and not binding.address and binding.signal not in tags:
        yield (
            "B05",
            "error",
            f"The tag {binding.signal} is not known.",
            near(binding.signal, tags) or "Correct `signal`, or give its address.",
        )
    if maps is not None and binding.channel in _COLOURS and binding.colormap and binding.colormap not in maps:
        yield (
            "B12",
            "error",
            f"The colour map {binding.colormap} is not known.",
            near(binding.colormap, maps) or f"Declare [colormap.{binding.colormap}] in project.toml.",
        )
    keys, values = len(binding.map.state_keys), len(binding.map.state_values)
    if keys != values:
        yield "B11", "error", f"{keys} state keys for {values} state values.", "Give one value for each key."
    if binding.command and binding.role != "controllable":
        yield (
            "B16",
            "error",
            "It has a command but only observes.",
            "Set role = controllable, or remove the command.",
        )


def _missing(binding: Binding, rows: Mapping[str, int]) -> bool:
    return any(path not in rows for path in (binding.prim, *map(_prim_of, binding.targets)))


def _in_variant(path: str, stage: Any) -> tuple[str, str, str] | None:
    """Return the prim, variant set and choice that would bring a path into the scene; None: none would."""
    if stage is None or not Sdf.Path.IsValidPathString(path):
        return None
    wanted = Sdf.Path(path)
    holder = wanted.GetParentPath()
    while holder.IsPrimPath():
        prim = stage.GetPrimAtPath(holder)
        for spec in prim.GetPrimStack() if prim and prim.HasVariantSets() else ():
            for name in prim.GetVariantSets().GetNames():
                for choice in prim.GetVariantSet(name).GetVariantNames():
                    inside = spec.path.AppendVariantSelection(name, choice)
                    if spec.layer.GetPrimAtPath(wanted.ReplacePrefix(holder, inside)) is not None:
                        return str(holder), str(name), str(choice)
        holder = holder.GetParentPath()
    return None


def _names_attribute(binding: Binding) -> bool:
    return binding.channel in {"custom", "primvar"} or any("." in target for target in binding.targets)


def _attributes(binding: Binding, stage: Any) -> _Found:
    """Judge attributes that a binding names, against the composed stage."""
    for target in binding.targets or (binding.prim,):
        path, _, name = target.partition(".")
        name = name or (binding.property_name if binding.channel in {"custom", "primvar"} else "")
        if binding.channel == "primvar" and name and not name.startswith("primvars:"):
            name = f"primvars:{name}"
        prim = stage.GetPrimAtPath(path)
        if not name or not prim:
            continue
        if name.startswith("xformOp:"):
            order = UsdGeom.Xformable(prim).GetXformOpOrderAttr().Get() or ()
            if name not in order:
                yield (
                    "B09",
                    "error",
                    f"{name} is not in the xformOpOrder of {path}.",
                    "Add it there, or use a channel such as translate.",
                )
        attribute = prim.GetAttribute(name)
        if attribute and binding.value_type and str(attribute.GetTypeName()) != binding.value_type:
            yield (
                "B08",
                "error",
                f"{name} of {path} is {attribute.GetTypeName()}, not {binding.value_type}.",
                "Correct `valueType`.",
            )


def _conflicts(bindings: Sequence[Binding]) -> list[SceneProblem]:
    """Return the bindings that fight over a channel, and ids used twice."""
    out = []
    drives: dict[tuple[str, ...], Binding] = {}
    ids: dict[str, Binding] = {}
    for binding in bindings:
        if binding.id:
            first = ids.setdefault(binding.id, binding)
            if first is not binding:
                out.append(
                    _made(
                        binding,
                        "B17",
                        "error",
                        f"It has the same id as {first.where}.",
                        "Give each binding an id of its own.",
                    )
                )
        if not binding.enabled:
            continue
        for target in binding.targets or (binding.prim,):
            key = (target, binding.channel, binding.axis, binding.property_name)
            first = drives.setdefault(key, binding)
            if first is not binding:
                out.append(
                    _made(
                        binding,
                        "B10",
                        "error",
                        f"{first.where} drives {binding.channel} of {target} too.",
                        "Disable or remove one of them.",
                    )
                )
    return out
