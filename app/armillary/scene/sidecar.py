"""bindings.usda → Binding records, read from the layer itself, so that a cached scene needs no stage."""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pxr import Sdf, Tf

from armillary.model.binding import Binding, FieldSpec, MapSpec
from armillary.model.binding_names import MAPPED, PLAIN
from armillary.model.collector import uncollected
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneProblem
from armillary.scene import plain_text
from armillary.scene.overs import MEMORY, Overs, Stat, parse, stat_of
from armillary.scene.schema import API, FIELDS, NAMESPACE, VERSION
from armillary.scene.sniff import damaged, look

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
FIELD = {
    "method": "method",
    "radius": "radius",
    "neighbours": "neighbours",
    "maxDistance": "max_distance",
    "idwPower": "power",
    "isoLines": "iso_lines",
}
_STAGE_METADATA = (
    "metersPerUnit",
    "upAxis",
    "timeCodesPerSecond",
    "framesPerSecond",
    "defaultPrim",
    "startTimeCode",
    "endTimeCode",
)
_REMEDY = {
    "B01": "Remove the property, or correct its name or type.",
    "B02": "Use one of the tokens that the schema allows.",
    "B03": "Name the binding with letters, digits and underscores, unlike any field of the schema.",
    "B18": "Keep only overs in the binding layer; stage metadata belongs into the scene.",
    "B19": "Open the project with a newer Armillary; nothing is saved here.",
    "B21": "Restore an older copy, or delete the file and bind anew; the scene is shown without it.",
}


def _problem(code: str, severity: str, where: str, what: str) -> SceneProblem:
    return SceneProblem(code=code, severity=severity, where=where, what=what, remedy=_REMEDY[code])


def layer_of(path: str) -> Any:
    """Return a private copy of a layer file; edits of it touch no stage. Raises SceneFault."""
    try:
        look(path)
    except OSError as error:
        raise SceneFault(
            f"The file cannot be read: {error.strerror}.",
            where=path,
            remedy="Check what it is, and its permissions.",
        ) from error
    try:
        layer = Sdf.Layer.OpenAsAnonymous(path)
    except Tf.ErrorException as error:
        raise damaged(path, error) from error
    if layer is None:
        raise damaged(path, None)
    return layer


def _as_written(path: str) -> Overs | None:
    """Return what a layer says, where it is text of bindings as it is written by us; None: ask OpenUSD."""
    try:
        look(path)
        return plain_text.read(Path(path).read_text("utf-8"))
    except (OSError, SceneFault, UnicodeDecodeError):
        return None  # told by who opens it


Read = tuple[tuple[Binding, ...], tuple[SceneProblem, ...]]


class Shelf:
    """Layers as they were read last; a file is read again when it is another. One thread."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Stat, Overs]] = {}
        self.read: tuple[list[Overs], Read] | None = None  # what was read last, and of which layers

    def overs(self, path: str) -> Overs:
        """Return what a layer says. Raises SceneFault for one that cannot be read."""
        stat = stat_of(path)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == stat:
            return kept[1]
        found = _as_written(path) or parse(layer_of(path), path, _STAGE_METADATA)
        if stat is not None:
            self._kept[path] = stat, found
        return found

    def take(self, path: str, stat: Stat, layer: Any) -> None:
        """Read a layer that was opened for a stage after its file was as `stat` says, instead of again."""
        kept = self._kept.get(path)
        if layer is None or layer.dirty or stat_of(path) != stat or (kept is not None and kept[0] == stat):
            return
        self._kept[path] = stat, parse(layer, path, _STAGE_METADATA)

    def only(self, paths: Sequence[str]) -> None:
        """Forget all other files."""
        self._kept = {path: self._kept[path] for path in paths if path in self._kept}


def files(path: str, problems: list[SceneProblem] | None = None, shelf: Shelf | None = None) -> list[str]:
    """Return a binding layer and the layers it is split into, strongest first; those that exist.

    Only files in the layer's own folder belong to it. One that cannot be read is left out and noted in
    `problems`; without that list SceneFault is raised.
    """
    out: dict[str, None] = {}
    shelf = shelf if shelf is not None else Shelf()
    folder = str(Path(path).resolve().parent) + os.sep
    waiting = deque([path])
    while waiting:
        here = waiting.popleft()
        if here in out or not os.path.exists(here) or not os.path.realpath(here).startswith(folder):
            continue
        try:
            below = shelf.overs(here).sublayers
        except SceneFault as fault:
            if problems is None:
                raise
            problems.append(_problem("B21", "error", here, f"This binding layer is left out: {fault.what}"))
            continue
        out[here] = None
        waiting.extend(str(Path(here).parent / name) for name in below)
    return list(out)


def is_plain(paths: Sequence[str], shelf: Shelf) -> bool:
    """Return whether these layers hold bindings alone, and name no layer but each other."""
    known = {os.path.realpath(path) for path in paths}
    below = (Path(path).parent / name for path in paths for name in shelf.overs(path).sublayers)
    return all(shelf.overs(path).is_plain for path in paths) and known.issuperset(
        map(os.path.realpath, below)
    )


def read(paths: Sequence[str], shelf: Shelf | None = None) -> Read:
    """Return the bindings of layers, strongest first, sorted by prim and name, and problems of the layers.

    A field of a stronger layer hides that of a weaker one. Raises SceneFault for a layer that cannot be read.
    """
    shelf = shelf if shelf is not None else Shelf()
    layers = [shelf.overs(path) for path in paths]
    if shelf.read is not None and _same(shelf.read[0], layers):
        return shelf.read[1]
    with uncollected():
        told, problems = fields_of(paths, shelf)
        bindings = tuple(Binding(**one) for one in told)
    shelf.read = layers, (bindings, problems)
    return shelf.read[1]


def fields_of(paths: Sequence[str], shelf: Shelf) -> tuple[list[dict[str, Any]], tuple[SceneProblem, ...]]:
    """Return what `read` does, each binding as the fields of its record: to be made where it is wanted."""
    layers = [shelf.overs(path) for path in paths]
    fields: dict[tuple[str, str], dict[str, Any]] = {}
    origin: dict[tuple[str, str], str] = {}
    memory: dict[str, str] = {}
    problems: list[SceneProblem] = []
    for path, overs in zip(paths, layers, strict=True):
        problems.extend(_problem(*trouble) for trouble in overs.troubles)
        memory = {**overs.memory, **memory}
        good = _accepted(overs, path, problems)
        for key in fields.keys() & good.keys():
            fields[key] = {**good[key], **fields[key]}
        fields = {**good, **fields}
        origin = {**dict.fromkeys(good, path), **origin}
    with uncollected():
        out = [
            _record(*key, fields[key], f"{origin[key]}:{key[0]}#{key[1]}", memory.get(key[0], ""))
            for key in sorted(fields)
        ]
    return out, tuple(problems)


def _accepted(overs: Overs, path: str, problems: list[SceneProblem]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the fields of the bindings of a layer without those that are refused, which are told."""
    names = {name for _, name in overs.fields}
    if overs.newest <= VERSION and not any(name in FIELDS or not NAME.match(name) for name in names):
        return overs.fields
    return {key: found for key, found in overs.fields.items() if not _refused(key, found, path, problems)}


def _same(a: Sequence[Overs], b: Sequence[Overs]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def refusals(paths: Sequence[str], shelf: Shelf) -> tuple[int, list[SceneProblem]]:
    """Return how many bindings layers hold, and which of them are refused."""
    problems: list[SceneProblem] = []
    count = 0
    for path in paths:
        fields = shelf.overs(path).fields
        count += len(fields)
        for key, found in fields.items():
            _refused(key, found, path, problems)
    return count, problems


def _refused(key: tuple[str, str], found: Mapping[str, Any], path: str, problems: list[SceneProblem]) -> bool:
    """Tell whether a binding's name or version is refused, and say so."""
    prim, name = key
    if name in FIELDS or not NAME.match(name):
        where = f"{path}:{prim}#{name}"
        problems.append(_problem("B03", "error", where, f"'{name}' cannot be the name of a binding."))
        return True
    version = found.get("schemaVersion", VERSION)
    if version > VERSION:
        what = f"The binding has version {version}; {VERSION} is known."
        problems.append(_problem("B19", "error", f"{path}:{prim}#{name}", what))
        return True
    return False


def remainder(path: str, shelf: Shelf | None = None) -> str:
    """Return a hash of what a binding layer says besides bindings: only that changes what a scene looks like.

    A layer that holds bindings alone hashes like one that does not exist: saving a binding keeps the cache.
    """
    if not os.path.isfile(path):
        return ""
    if shelf is not None and shelf.overs(path).is_plain:
        return ""
    layer = layer_of(path)
    for spec in list(prim_specs(layer)):
        for prop in list(spec.properties):
            if prop.name.startswith(f"{NAMESPACE}:"):
                spec.RemoveProperty(prop)
        if spec.HasInfo("apiSchemas"):
            applied = spec.GetInfo("apiSchemas").GetAddedOrExplicitItems()
            if all(item.startswith(f"{API}:") for item in applied):
                spec.ClearInfo("apiSchemas")
        if spec.HasInfo("customData") and MEMORY in spec.GetInfo("customData"):
            spec.ClearInfo("customData")
    layer.subLayerPaths.clear()
    layer.RemoveInertSceneDescription()
    text = layer.ExportToString()
    plain = Sdf.Layer.CreateAnonymous("plain.usda").ExportToString()
    return "" if text == plain else hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def prim_specs(layer: Any) -> Iterator[Any]:
    """Return all prim specs of a layer in depth-first order, without recursion: the depth is not ours."""
    waiting = list(reversed(layer.rootPrims))
    while waiting:
        spec = waiting.pop()
        yield spec
        waiting.extend(reversed(spec.nameChildren))


def instance_names(spec: Any) -> list[str]:
    """Return the names of the bindings that a prim spec applies."""
    applied = spec.GetInfo("apiSchemas") if spec.HasInfo("apiSchemas") else None
    items = applied.GetAddedOrExplicitItems() if applied else []
    head = f"{API}:"
    return [item[len(head) :] for item in items if item.startswith(head)]


def binding(prim: str, name: str, values: dict[str, Any], origin: str = "", part: str = "") -> Binding:
    """Return the record of one binding from its authored fields; the rest is the schema's defaults."""
    return Binding(**_record(prim, name, values, origin, part))


def _record(prim: str, name: str, values: dict[str, Any], origin: str, part: str) -> dict[str, Any]:
    """Return the fields of a Binding; those that are not authored are left out."""
    plain: dict[str, Any] = {"prim": prim, "name": name, "origin": origin, "part": part}
    if values.keys() <= PLAIN.keys():  # most say what and in which colours, no more
        for key, value in values.items():
            plain[PLAIN[key]] = value
        return plain
    mapped: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    for key, value in values.items():
        if key in PLAIN:
            plain[PLAIN[key]] = value
        elif key in MAPPED:
            mapped[MAPPED[key]] = value
        elif key in FIELD:
            spread[FIELD[key]] = value
    sensors = tuple(values.get("sensors", ()))
    if "target" in values:
        plain["targets"] = tuple(values["target"])
    if mapped:
        plain["map"] = MapSpec(**mapped)
    if sensors or spread:
        plain["field"] = FieldSpec(sensors=sensors, **spread)
    return plain


def authored(record: Binding) -> dict[str, Any]:
    """Return the fields to write for a record: every one that is not the default, and the version."""
    values: dict[str, Any] = {k: getattr(record, v) for k, v in PLAIN.items()}
    values |= {k: getattr(record.map, v) for k, v in MAPPED.items()}
    values |= {k: getattr(record.field, v) for k, v in FIELD.items()}
    out = {k: v for k, v in values.items() if v != FIELDS[k].default}
    out["schemaVersion"] = VERSION
    if record.targets:
        out["target"] = record.targets
    if record.field.sensors:
        out["sensors"] = record.field.sensors
    return out


def refuse(record_name: str, prim: str) -> None:
    """Raise SceneFault when a binding could not be written under this name on this prim."""
    where = f"{prim}#{record_name}"
    if not NAME.match(record_name) or record_name in FIELDS:
        raise SceneFault(
            f"'{record_name}' cannot be the name of a binding.", where=where, remedy=_REMEDY["B03"]
        )
    path = Sdf.Path(prim) if Sdf.Path.IsValidPathString(prim) else Sdf.Path.emptyPath
    if not (path.IsAbsolutePath() and path.IsPrimPath()) or path.ContainsPrimVariantSelection():
        raise SceneFault(
            f"'{prim}' is not the path of a prim.",
            where=where,
            remedy="Give an absolute path such as /Plant/Tank.",
        )
