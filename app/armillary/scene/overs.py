"""One layer of bindings, read in a few passes: 100,000 bindings are half a million properties.

Asking a prim spec for its properties one by one costs several times what the layer needs to be read. Most
prims of a layer author the same few properties, so these are read of all such prims, one property after the
other, each value by its path.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pxr import Sdf

from armillary.model.collector import uncollected
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
    with uncollected():
        _read(layer, path, out)
    return out


class _Name:
    """A property's name taken apart, once for all prims that have it."""

    __slots__ = ("binding", "field", "key", "kind", "text", "tokens")

    def __init__(self, name: str) -> None:
        self.text = name
        head, _, rest = name.partition(":")
        self.binding, _, self.key = rest.partition(":") if head == NAMESPACE else ("", "", "")
        self.field: Field | None = FIELDS.get(self.key) if self.binding else None
        is_value = self.field is not None and self.field.type != "rel"
        self.kind = Sdf.ValueTypeNames.Find(self.field.type) if self.field and is_value else None
        self.tokens = frozenset(self.field.tokens) if self.field is not None else frozenset()


@dataclass(slots=True)
class _Alike:
    """Prims that apply the same bindings and author the same properties."""

    prim: list[str] = field(default_factory=list)
    path: list[Any] = field(default_factory=list)  # Sdf.Path


def _read(layer: Any, file: str, out: Overs) -> None:
    """Read all prims from the root downwards; what stands in variants is left out, and told as not plain."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], _Alike] = {}
    at, over = layer.GetPrimAtPath, Sdf.SpecifierOver
    is_composed = file.endswith("composed.usda")  # ours too, and made to add parts
    waiting = [Sdf.Path.absoluteRootPath]
    while waiting:
        path = waiting.pop()
        spec = layer.pseudoRoot if path.IsAbsoluteRootPath() else at(path)
        keys = spec.ListInfoKeys()
        children = spec.GetInfo("primChildren")
        if children:
            waiting.extend(map(path.AppendChild, reversed(children)))
        if path.IsAbsoluteRootPath():
            continue
        prim = path.pathString
        if spec.specifier != over and not is_composed:
            out.troubles.append(("B18", "warning", file, f"{prim} is a def or class."))
            out.is_plain = False
        applied: tuple[str, ...] = ()
        if "apiSchemas" in keys:
            items = spec.GetInfo("apiSchemas").GetAddedOrExplicitItems()
            applied = tuple(item[len(_HEAD) :] for item in items if item.startswith(_HEAD))
            out.is_plain &= len(applied) == len(items)
        if "customData" in keys:
            custom = spec.GetInfo("customData")
            if MEMORY in custom:
                out.memory[prim] = str(custom[MEMORY])
            out.is_plain &= set(custom) == {MEMORY}
        if not _OURS.issuperset(keys) or spec.GetInfo("variantSetChildren"):
            out.is_plain = False
        names = tuple(spec.GetInfo("properties") or ())
        if names or applied:
            group = groups.setdefault((applied, names), _Alike())
            group.prim.append(prim)
            group.path.append(path)
    known: dict[str, _Name] = {}
    for (applied, names), group in groups.items():
        for name in names:
            known.setdefault(name, _Name(name))
        if not _columns(layer, applied, [known[name] for name in names], group, out):
            for prim, path in zip(group.prim, group.path, strict=True):
                _prim(layer, file, prim, applied, [path.AppendProperty(name) for name in names], known, out)


def _columns(layer: Any, applied: Sequence[str], names: Sequence[_Name], group: _Alike, out: Overs) -> bool:
    """Read the properties of prims one property after the other; False, and nothing: not all is in order."""
    keys: dict[str, list[str]] = {one: [] for one in applied}
    columns: dict[str, list[list[Any]]] = {one: [] for one in applied}
    attribute = layer.GetAttributeAtPath
    for name in names:
        kind = name.kind
        if kind is None or name.field is None or name.binding not in keys:
            return False
        found = [attribute(path.AppendProperty(name.text)) for path in group.path]
        if None in found or any(one.typeName != kind for one in found):
            return False
        values = [one.default for one in found]
        if None in values or (name.tokens and not name.tokens.issuperset(values)):
            return False
        if (
            name.field.type == "double2"
        ):  # a Gf.Vec2d is no sequence of Python's: by a tuple it is 20 times slower
            values = [(value[0], value[1]) for value in values]
        elif name.field.type == "string[]":
            values = list(map(tuple, values))
        keys[name.binding].append(name.key)
        columns[name.binding].append(values)
    for one in applied:
        mine = tuple(keys[one])
        rows = zip(*columns[one], strict=True) if mine else (() for _ in group.prim)
        fields = [dict(zip(mine, row, strict=True)) for row in rows]
        out.fields.update(zip(((prim, one) for prim in group.prim), fields, strict=True))
        out.newest = max(out.newest, *(each.get("schemaVersion", 0) for each in fields))
    return True


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
