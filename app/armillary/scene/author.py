"""Writes bindings.usda: only overs, sorted, whole or not at all; never the customer's scene."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pxr import Gf, Sdf, Vt

from armillary.model import files
from armillary.model.binding import Binding
from armillary.model.binding_names import MAPPED, PLAIN
from armillary.model.fault import SceneFault
from armillary.scene import branches, sidecar
from armillary.scene.overs import MEMORY
from armillary.scene.schema import API, FIELDS, NAMESPACE, VERSION

TEXT_SUFFIXES = (".usda", ".usd")


def save(
    path: str,
    bindings: Sequence[Binding],
    remove: Sequence[tuple[str, str]] = (),
    *,
    memory: Mapping[str, str] | None = None,
    shelf: sidecar.Shelf | None = None,
) -> list[str]:
    """Write bindings, replaced by (prim, name), drop those in `remove`; return the files that were written.

    A binding stays in the file that holds it; a new one goes into the file of its branch. Above
    branches.MOST bindings `path` is split into files of a branch each. Fields that a record does not know are
    kept. memory: what the part of a prim looks like, kept with it. `shelf` saves reading what is known.
    Raises SceneFault when a name, a path or the file does not allow it; then nothing is written.
    """
    for record in bindings:
        sidecar.refuse(record.name, record.prim)
    shelf = shelf if shelf is not None else sidecar.Shelf()
    existing = sidecar.files(path, shelf=shelf)
    ahead = [file for file in existing if shelf.overs(file).newest > VERSION]
    newer = next((p for p in sidecar.refusals(ahead, shelf)[1] if p.code == "B19"), None)
    if newer is not None:
        raise SceneFault(newer.what, where=newer.where, remedy=newer.remedy)
    said = {file: shelf.overs(file).fields for file in existing}
    layers = _Layers(path, existing)
    for key in remove:
        for file in existing:
            if key in said[file]:
                _drop(layers.of(file), *key)
    chosen = branches.Places(path, existing)
    for record in bindings:
        key = record.prim, record.name
        file = next((f for f in existing if key in said[f]), "") or chosen.of(record.prim)
        _write(layers.of(file), record)
        _tidy(layers.of(file), record.prim)
    for prim, text in (memory or {}).items():
        for layer in layers.touched.values():
            _remember(layer, prim, text)
    texts = _texts(layers, path)
    for file, text in texts.items():
        _replace(Path(file), text)
    return list(texts)


class _Layers:
    """Private copies of the files that an edit touches."""

    def __init__(self, path: str, existing: Sequence[str]) -> None:
        self._existing = frozenset(existing)
        self.touched: dict[str, Any] = {}

    def is_new(self, file: str) -> bool:
        """Return whether there is no such file yet."""
        return file not in self._existing

    def of(self, file: str) -> Any:
        """Return a file's layer, a new one where there is no such file."""
        if file not in self.touched:
            new = self.is_new(file)
            self.touched[file] = Sdf.Layer.CreateAnonymous("new.usda") if new else sidecar.layer_of(file)
        return self.touched[file]


def _texts(layers: _Layers, path: str) -> dict[str, str]:
    """Return what is to be written, in such an order that after a crash nothing is missing.

    First the files that are new, then the layer that names them, then those that something was moved out of.
    """
    made: dict[str, Any] = {}
    for file, layer in layers.touched.items():
        made |= branches.split(layer, file, path)
    new = [file for file in made if file != path and layers.is_new(file)]
    if new:
        made[path] = layers.of(path)
        branches.name(made[path], path, new)
    order = sorted(made, key=lambda file: (not layers.is_new(file), file != path, file))
    return {file: _sorted(made[file]).ExportToString() for file in order}


def _remember(layer: Any, prim: str, text: str) -> None:
    """Keep with a prim that is bound in this layer what its part looks like."""
    spec = layer.GetPrimAtPath(prim)
    if spec is None or not sidecar.instance_names(spec):
        return
    custom = dict(spec.customData)
    custom[MEMORY] = text
    spec.customData = custom


def _drop(layer: Any, prim: str, name: str) -> None:
    """Take a binding out; RemoveAPI would leave its properties and a `delete` opinion behind."""
    spec = layer.GetPrimAtPath(prim)
    for prop in list(spec.properties):
        if prop.name.startswith(f"{NAMESPACE}:{name}:"):
            spec.RemoveProperty(prop)
    _apply(spec, [item for item in _applied(spec) if item != f"{API}:{name}"])
    if not _applied(spec) and MEMORY in spec.customData:
        custom = {key: value for key, value in dict(spec.customData).items() if key != MEMORY}
        if custom:
            spec.customData = custom
        else:
            spec.ClearInfo("customData")
    while spec is not None and not _says_something(spec):
        parent = None if spec.path.IsRootPrimPath() else spec.nameParent
        children = layer.rootPrims if parent is None else parent.nameChildren
        del children[spec.name]
        spec = parent


def _says_something(spec: Any) -> bool:
    """Return whether a spec is more than an empty over."""
    return bool(
        spec.specifier != Sdf.SpecifierOver
        or set(spec.ListInfoKeys()) - {"specifier"}
        or len(spec.properties)
        or len(spec.nameChildren)
        or len(spec.variantSets)
    )


def _applied(spec: Any) -> list[str]:
    return list(spec.GetInfo("apiSchemas").GetAddedOrExplicitItems()) if spec.HasInfo("apiSchemas") else []


def _apply(spec: Any, items: Sequence[str]) -> None:
    """Set a prim's applied schemas, keeping what another layer is told to delete."""
    operation = Sdf.TokenListOp()
    if spec.HasInfo("apiSchemas"):
        operation.deletedItems = spec.GetInfo("apiSchemas").deletedItems
    operation.prependedItems = sorted(items)
    if items or operation.deletedItems:
        spec.SetInfo("apiSchemas", operation)
    else:
        spec.ClearInfo("apiSchemas")


def _write(layer: Any, record: Binding) -> None:
    spec = layer.GetPrimAtPath(record.prim) or Sdf.CreatePrimInLayer(layer, record.prim)
    item = f"{API}:{record.name}"
    if item not in _applied(spec):
        _apply(spec, [*_applied(spec), item])
    values = sidecar.authored(record)
    known = {*PLAIN, *MAPPED, *sidecar.FIELD, "target", "sensors"}
    for field_name, field in FIELDS.items():
        name = f"{NAMESPACE}:{record.name}:{field_name}"
        old = spec.properties.get(name)
        if field_name not in known:
            continue
        if old is not None:
            spec.RemoveProperty(old)
        if field_name not in values:
            continue
        if field.type == "rel":
            relation = Sdf.RelationshipSpec(spec, name, custom=False)
            relation.targetPathList.explicitItems = [Sdf.Path(target) for target in values[field_name]]
            continue
        attribute = Sdf.AttributeSpec(spec, name, Sdf.ValueTypeNames.Find(field.type), Sdf.VariabilityUniform)
        attribute.default = _value(field.type, values[field_name])


def _value(type_name: str, value: Any) -> Any:
    if type_name == "double2":
        return Gf.Vec2d(*value)
    if type_name == "string[]":
        return Vt.StringArray(list(value))
    return value


def _tidy(layer: Any, prim: str) -> None:
    """Put the properties of one prim in order of their names."""
    spec = layer.GetPrimAtPath(prim)
    names = [str(p.name) for p in spec.properties]
    if names == sorted(names):
        return
    aside = Sdf.Layer.CreateAnonymous("aside.usda")
    Sdf.CreatePrimInLayer(aside, "/P")
    for name in names:
        Sdf.CopySpec(layer, f"{prim}.{name}", aside, f"/P.{name}")
    for prop in list(spec.properties):
        spec.RemoveProperty(prop)
    for name in sorted(names):
        Sdf.CopySpec(aside, f"/P.{name}", layer, f"{prim}.{name}")


def _is_sorted(layer: Any) -> bool:
    if not _ascend([str(spec.name) for spec in layer.rootPrims]):
        return False
    for spec in sidecar.prim_specs(layer):
        if spec.variantSets:
            return False
        if not _ascend([str(p.name) for p in spec.properties]):
            return False
        if not _ascend([str(child.name) for child in spec.nameChildren]):
            return False
    return True


def _ascend(names: Sequence[str]) -> bool:
    return all(a < b for a, b in itertools.pairwise(names))


def _sorted(layer: Any) -> Any:
    """Return the same layer with prims and properties in order of their names: small differences in git.

    One that is in order already is not copied: that costs ten times as much as looking.
    """
    if _is_sorted(layer):
        return layer
    out = Sdf.Layer.CreateAnonymous("sorted.usda")
    for key in layer.pseudoRoot.ListInfoKeys():
        if key not in {"subLayers", "subLayerOffsets"}:
            out.pseudoRoot.SetInfo(key, layer.pseudoRoot.GetInfo(key))
    out.subLayerPaths = list(layer.subLayerPaths)
    for i, offset in enumerate(layer.subLayerOffsets):
        out.subLayerOffsets[i] = offset
    waiting = [(child, out) for child in _by_name(layer.rootPrims)]
    while waiting:
        spec, parent = waiting.pop(0)
        if spec.variantSets:  # alternatives hold whole trees: they stay as they are
            Sdf.CreatePrimInLayer(out, spec.path)
            Sdf.CopySpec(layer, spec.path, out, spec.path)
            continue
        copy = Sdf.PrimSpec(parent, spec.name, spec.specifier, spec.typeName)
        for key in spec.ListInfoKeys():
            if key not in {"specifier", "typeName"}:
                copy.SetInfo(key, spec.GetInfo(key))
        for prop in sorted(spec.properties, key=lambda p: str(p.name)):
            Sdf.CopySpec(layer, prop.path, out, prop.path)
        waiting.extend((child, copy) for child in _by_name(spec.nameChildren))
    return out


def _by_name(specs: Any) -> list[Any]:
    return sorted(specs, key=lambda spec: str(spec.name))


def _replace(path: Path, text: str) -> None:
    """Write a file beside the old one and put it in its place; after a crash it is the old or the new one."""
    if path.suffix not in TEXT_SUFFIXES:
        raise SceneFault(
            "The binding layer is not a text file.", where=str(path), remedy="Name it bindings.usda."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, text.encode(), path.stat().st_mode & 0o777 if path.exists() else 0o644)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise SceneFault(
                "Not saved: disk full.", where=str(path), remedy="Free some space and save again."
            ) from error
        raise SceneFault(
            f"The bindings could not be saved: {error.strerror}.",
            where=str(path),
            remedy="Make the folder writable, or save the project elsewhere.",
        ) from error
