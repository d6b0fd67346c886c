"""Three versions of one USD layer made one, by spec and by field; where both clash ours is kept and told.

Lists of arcs (references, payloads, API schemas) are merged by item: two scenes added to one prim are both
there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pxr import Sdf, Tf

from armillary.model.fault import SceneFault
from armillary.scene import schema
from armillary.scene.stage import quiet

_ = schema.API  # registered before pxr builds its registry
_GONE = object()
_LISTS = ("explicitItems", "prependedItems", "appendedItems", "deletedItems")
_LONGEST = 120  # letters of a value in a conflict


@dataclass(frozen=True, slots=True)
class Clash:
    """Both versions changed one thing otherwise: what, and how it was, is in ours and in theirs."""

    what: str
    base: str
    ours: str
    theirs: str


def merged(name: str, base: str, ours: str, theirs: str) -> tuple[str, tuple[Clash, ...]]:
    """Return the layer that has both changes, and what could not be merged. "" as text = not there.

    Raises SceneFault when one of them cannot be read.
    """
    with quiet():
        texts = {"base": base, "ours": ours, "theirs": theirs}
        sides = [_layer(name, side, text) for side, text in texts.items()]
        work = _Merge(name, sides[0], sides[1], sides[2])
        work.run()
        return str(sides[1].ExportToString()), tuple(work.clashes)


def as_json(name: str, base: str, ours: str, theirs: str) -> str:
    """Return what `merged` does as a JSON object: `text`, and `clashes` as lists of their four sentences."""
    text, clashes = merged(name, base, ours, theirs)
    found = [[each.what, each.base, each.ours, each.theirs] for each in clashes]
    return json.dumps({"text": text, "clashes": found})


def _layer(name: str, side: str, text: str) -> Any:  # Any: a layer of pxr
    layer = Sdf.Layer.CreateAnonymous(f"{side}.usda")
    try:
        read = not text.strip() or layer.ImportFromString(text)
    except Tf.ErrorException:
        read = False
    if not read:
        what = f"The version '{side}' of {name} cannot be read."
        raise SceneFault(what, where=name, remedy="Correct it, or take one of the versions whole.")
    return layer


class _Merge:  # Any below: layers, specs and values of pxr
    def __init__(self, name: str, base: Any, ours: Any, theirs: Any) -> None:
        self._name, self._base, self._ours, self._theirs = name, base, ours, theirs
        self.clashes: list[Clash] = []

    def run(self) -> None:
        in_base, in_theirs = list(_paths(self._base)), list(_paths(self._theirs))
        there, settled = frozenset(in_theirs), set[Any]()  # settled: with all below it
        for path in in_theirs:  # from the root down: a spec comes with all below it
            if path.GetParentPath() in settled:
                settled.add(path)
            elif self._ours.GetObjectAtPath(path) is None:
                self._take(path)
                settled.add(path)
            else:
                self._fields(path)
        settled.clear()
        for path in in_base:
            if path not in there:  # they removed it
                if path.GetParentPath() not in settled:
                    self._drop(path)
                settled.add(path)

    def _take(self, path: Any) -> None:
        if self._base.GetObjectAtPath(path) is not None:  # we removed it
            if _said(self._theirs, path) != _said(self._base, path):
                self._clash(str(path), "there", "not there", "changed")
            return
        above = path.GetParentPath()
        if above.IsAbsoluteRootPath() or self._ours.GetObjectAtPath(above) is not None:
            Sdf.CopySpec(self._theirs, path, self._ours, path)

    def _drop(self, path: Any) -> None:
        spec = self._ours.GetObjectAtPath(path)
        if spec is None:
            return
        if _said(self._ours, path) != _said(self._base, path):
            self._clash(str(path), "there", "changed", "not there")
        elif isinstance(spec, Sdf.VariantSetSpec | Sdf.VariantSpec):  # what chooses it may be elsewhere
            self._clash(str(path), "there", "there", "not there")
        elif isinstance(spec, Sdf.PropertySpec):
            del spec.owner.properties[spec.name]
        elif isinstance(spec, Sdf.PrimSpec):
            root = path.IsRootPrimPath()
            del (self._ours.rootPrims if root else spec.nameParent.nameChildren)[spec.name]

    def _fields(self, path: Any) -> None:
        specs = [layer.GetObjectAtPath(path) for layer in (self._base, self._ours, self._theirs)]
        base, ours, theirs = specs
        for key in dict.fromkeys(
            [*theirs.ListInfoKeys(), *(base.ListInfoKeys() if base is not None else ())]
        ):
            was, mine, other = (_info(spec, key) for spec in specs)
            what = key if path == Sdf.Path.absoluteRootPath else f"{path}.{key}"
            value = self._value(what, was, mine, other)
            if value is _GONE:
                ours.ClearInfo(key)
            elif value is not mine:
                ours.SetInfo(key, value)

    def _value(self, what: str, base: Any, ours: Any, theirs: Any) -> Any:
        if _same(base, theirs) or _same(ours, theirs):
            return ours
        if _same(base, ours):
            return theirs
        if isinstance(ours, dict) and isinstance(theirs, dict):
            was = base if isinstance(base, dict) else {}
            out = {}
            for key in dict.fromkeys([*ours, *theirs]):
                sides = [each.get(key, _GONE) for each in (was, ours, theirs)]
                value = self._value(f"{what}:{key}", sides[0], sides[1], sides[2])
                if value is not _GONE:
                    out[key] = value
            return out
        if hasattr(ours, "prependedItems") and hasattr(theirs, "prependedItems"):
            items = _items(base, ours, theirs)
            if items is not None:
                return items
        self._clash(what, _text(base), _text(ours), _text(theirs))
        return ours

    def _clash(self, what: str, base: str, ours: str, theirs: str) -> None:
        self.clashes.append(Clash(f"{self._name}: {what}", base, ours, theirs))


def _paths(layer: Any) -> Iterator[Any]:
    """Yield the paths of prims, properties and variants, from the root down."""
    found: list[Any] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, found.append)
    kinds = (Sdf.PrimSpec, Sdf.PropertySpec, Sdf.VariantSetSpec, Sdf.VariantSpec, Sdf.PseudoRootSpec)
    for path in sorted(found, key=lambda path: int(path.pathElementCount)):  # stable: as written
        if isinstance(layer.GetObjectAtPath(path), kinds):
            yield path


def _said(layer: Any, path: Any) -> str:
    """Return all that a layer says at a path and below it."""
    alone = Sdf.Layer.CreateAnonymous(".usda")
    if path.IsPrimPropertyPath():
        Sdf.CreatePrimInLayer(alone, "/P")
        Sdf.CopySpec(layer, path, alone, Sdf.Path("/P").AppendProperty(path.name))
    elif path.IsPrimPath():
        Sdf.CopySpec(layer, path, alone, "/P")
    return str(alone.ExportToString())


def _info(spec: Any, key: str) -> Any:
    return spec.GetInfo(key) if spec is not None and spec.HasInfo(key) else _GONE


def _same(a: Any, b: Any) -> bool:
    if a is _GONE or b is _GONE:
        return a is b
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return str(a) == str(b)


def _items(base: Any, ours: Any, theirs: Any) -> Any:
    """Return a list of arcs with the items of both; None where one replaces it, and one adds to it."""
    if ours.isExplicit != theirs.isExplicit:
        return None
    out = type(ours)()
    for name in _LISTS:
        was = list(getattr(base, name)) if base is not _GONE else []
        mine, other = list(getattr(ours, name)), list(getattr(theirs, name))
        kept = [item for item in mine if item in other or item not in was]
        added = [item for item in other if item not in was and item not in mine]
        if kept or added:
            setattr(out, name, kept + added)
    return out


def _text(value: Any) -> str:
    if value is _GONE:
        return "not there"
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
