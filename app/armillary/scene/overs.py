"""One layer of bindings, read in a few passes: 100,000 bindings are half a million properties.

Asking a prim spec for its properties one by one costs several times what the layer needs to be read. The
layer is walked once for its paths, in which a prim comes after its properties, and each value is asked for by
path.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pxr import Sdf

from armillary.scene.schema import API, FIELDS, NAMESPACE, Field

MEMORY = "armillaryPart"  # in customData of a prim: what its part looked like when it was bound
_HEAD = f"{API}:"
_OURS = frozenset({"specifier", "apiSchemas", "customData", "typeName"})
Stat = tuple[int, int, int]
Trouble = tuple[str, str, str, str]  # code, severity, where, what


@dataclass(slots=True)
class Overs:
    """What one layer says: authored fields by (prim, name), and what else it holds."""

    fields: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    memory: dict[str, str] = field(default_factory=dict)  # prim -> MEMORY
    troubles: list[Trouble] = field(default_factory=list)
    sublayers: tuple[str, ...] = ()
    is_plain: bool = True  # it holds bindings and nothing else
    newest: int = 0  # version of the newest binding


def stat_of(path: str) -> Stat | None:
    """Return what tells one content of a file from another without reading it; None: there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def parse(layer: Any, path: str, stage_metadata: Sequence[str]) -> Overs:
    """Return what a layer says; `path` is named in troubles. Any: Sdf's own types."""
    out = Overs(sublayers=tuple(layer.subLayerPaths))
    root = layer.pseudoRoot
    keys = set(root.ListInfoKeys())
    for key in stage_metadata:
        if key in keys:
            out.troubles.append(("B18", "warning", path, f"The binding layer sets {key}."))
    out.is_plain = not keys - {"subLayers", "subLayerOffsets", "documentation", "comment"}
    paths: list[Any] = []
    with uncollected():
        layer.Traverse(Sdf.Path.absoluteRootPath, paths.append)
        _read(layer, _without_variants(paths, out), path, out)
    return out


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector rest: it would look again and again through a million objects that all stay."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _without_variants(paths: list[Any], out: Overs) -> Iterable[Any]:
    if not any(p.IsPrimVariantSelectionPath() for p in paths):
        return paths
    out.is_plain = False
    return (p for p in paths if not p.ContainsPrimVariantSelection())


class _Name:
    """A property's name taken apart, once for all prims that have it."""

    __slots__ = ("binding", "field", "key", "kind", "tokens")

    def __init__(self, name: str) -> None:
        head, _, rest = name.partition(":")
        self.binding, _, self.key = rest.partition(":") if head == NAMESPACE else ("", "", "")
        self.field: Field | None = FIELDS.get(self.key) if self.binding else None
        is_value = self.field is not None and self.field.type != "rel"
        self.kind = Sdf.ValueTypeNames.Find(self.field.type) if self.field and is_value else None
        self.tokens = frozenset(self.field.tokens) if self.field is not None else frozenset()


def _read(layer: Any, paths: Iterable[Any], file: str, out: Overs) -> None:
    names: dict[str, _Name] = {}
    waiting: list[Any] = []  # properties of the prim that comes next
    prim_at, over = layer.GetPrimAtPath, Sdf.SpecifierOver
    is_composed = file.endswith("composed.usda")  # ours too, and made to add parts
    for path in paths:
        if path.IsPropertyPath():
            waiting.append(path)
            continue
        if not path.IsPrimPath():
            continue
        spec = prim_at(path)
        infos = spec.ListInfoKeys()
        prim = path.pathString
        if spec.specifier != over and not is_composed:
            out.troubles.append(("B18", "warning", file, f"{prim} is a def or class."))
            out.is_plain = False
        applied: list[str] = []
        if "apiSchemas" in infos:
            items = spec.GetInfo("apiSchemas").GetAddedOrExplicitItems()
            applied = [item[len(_HEAD) :] for item in items if item.startswith(_HEAD)]
            out.is_plain &= len(applied) == len(items)
        if "customData" in infos:
            custom = spec.GetInfo("customData")
            if MEMORY in custom:
                out.memory[prim] = str(custom[MEMORY])
            out.is_plain &= set(custom) == {MEMORY}
        if not _OURS.issuperset(infos):
            out.is_plain = False
        if waiting or applied:
            _prim(layer, file, prim, applied, waiting, names, out)
            waiting = []


def _prim(
    layer: Any,
    file: str,
    prim: str,
    applied: Sequence[str],
    properties: Sequence[Any],
    names: dict[str, _Name],
    out: Overs,
) -> None:
    found: dict[str, dict[str, Any]] = {name: {} for name in applied}
    strays: set[str] = set()
    trouble = out.troubles.append
    for path in properties:
        text = path.name
        name = names.get(text)
        if name is None:
            name = names[text] = _Name(text)
        if not name.key:
            out.is_plain &= bool(name.binding)
            continue
        values = found.get(name.binding)
        if values is None:
            strays.add(name.binding)
            continue
        if name.field is None:
            where = f"{file}:{prim}#{name.binding}"
            trouble(("B01", "warning", where, f"There is no field '{name.key}'."))
            continue
        if name.kind is None:
            relation = layer.GetRelationshipAtPath(path)
            if relation is not None:
                items = relation.targetPathList.GetAddedOrExplicitItems()
                values[name.key] = tuple(str(item) for item in items)
            continue
        attribute = layer.GetAttributeAtPath(path)
        if attribute is None or attribute.typeName != name.kind:
            where = f"{file}:{prim}#{name.binding}"
            trouble(("B01", "error", where, f"'{name.key}' is not of type {name.field.type}."))
            continue
        value = attribute.default
        if value is None:
            continue
        if name.field.type in {"double2", "string[]"}:
            value = tuple(value)
        if name.tokens and value not in name.tokens:
            where = f"{file}:{prim}#{name.binding}"
            allowed = ", ".join(name.field.tokens)
            trouble(("B02", "error", where, f"{name.key} = '{value}' is none of {allowed}."))
            continue
        values[name.key] = value
    for one in applied:
        out.fields[prim, one] = found[one]
        out.newest = max(out.newest, found[one].get("schemaVersion", 0))
    for stray in sorted(strays):
        what = f"{NAMESPACE}:{stray}: is set, but {API}:{stray} is not applied."
        trouble(("B01", "warning", f"{file}:{prim}#{stray}", what))
