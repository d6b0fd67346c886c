"""bindings.usda → Binding records, read from the layer itself, so that a cached scene needs no stage."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pxr import Sdf, Tf

from armillary.model.binding import Binding, FieldSpec, MapSpec
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneProblem
from armillary.scene.schema import API, FIELDS, NAMESPACE, VERSION
from armillary.scene.sniff import damaged, look

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
# TwinBindingAPI field -> field of Binding, for those of the same shape
PLAIN = {
    "schemaVersion": "schema_version",
    "id": "id",
    "enabled": "enabled",
    "intent": "intent",
    "role": "role",
    "signal": "signal",
    "address": "address",
    "channel": "channel",
    "axis": "axis",
    "property": "property_name",
    "valueType": "value_type",
    "range": "ends",
    "colormap": "colormap",
    "unit": "unit",
    "targetUnit": "target_unit",
    "interval": "interval_s",
    "staleAfter": "stale_after_s",
    "onBad": "on_bad",
    "onStale": "on_stale",
    "fallback": "fallback",
    "command": "command",
    "semanticId": "semantic_id",
    "alarmAspect": "alarm_aspect",
    "timeSampled": "time_sampled",
}
MAPPED = {
    "map": "kind",
    "scale": "scale",
    "offset": "offset",
    "clamp": "clamp",
    "stateKeys": "state_keys",
    "stateValues": "state_values",
    "expr": "expr",
}
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


def files(path: str, problems: list[SceneProblem] | None = None) -> list[str]:
    """Return a binding layer and the layers it is split into, strongest first; those that exist.

    Only files in the layer's own folder belong to it. One that cannot be read is left out and noted in
    `problems`; without that list SceneFault is raised.
    """
    out: list[str] = []
    folder = str(Path(path).resolve().parent) + os.sep
    waiting = [path]
    while waiting:
        here = waiting.pop(0)
        if here in out or not os.path.exists(here) or not os.path.realpath(here).startswith(folder):
            continue
        try:
            layer = layer_of(here)  # held: a list of a layer that has gone cannot be read
        except SceneFault as fault:
            if problems is None:
                raise
            problems.append(_problem("B21", "error", here, f"This binding layer is left out: {fault.what}"))
            continue
        out.append(here)
        waiting.extend(str(Path(here).parent / name) for name in layer.subLayerPaths)
    return out


def read(paths: Sequence[str]) -> tuple[tuple[Binding, ...], tuple[SceneProblem, ...]]:
    """Return the bindings of layers, strongest first, sorted by prim and name, and problems of the layers.

    A field of a stronger layer hides that of a weaker one. Raises SceneFault for a layer that cannot be read.
    """
    fields: dict[tuple[str, str], dict[str, Any]] = {}
    origin: dict[tuple[str, str], str] = {}
    problems: list[SceneProblem] = []
    for path in paths:
        layer = layer_of(path)
        problems.extend(
            _problem("B18", "warning", path, f"The binding layer sets {key}.")
            for key in _STAGE_METADATA
            if layer.pseudoRoot.HasInfo(key)
        )
        for spec in prim_specs(layer):
            if spec.specifier != Sdf.SpecifierOver:
                problems.append(_problem("B18", "warning", path, f"{spec.path} is a def or class."))
            for name in instance_names(spec):
                key2 = (str(spec.path), name)
                found = _fields(spec, name, path, problems)
                if found is None:
                    continue
                fields[key2] = {**found, **fields.get(key2, {})}
                origin.setdefault(key2, f"{path}:{spec.path}#{name}")
            _strays(spec, path, problems)
    bindings = tuple(binding(*key, values, origin[key]) for key, values in sorted(fields.items()))
    return bindings, tuple(problems)


def remainder(path: str) -> str:
    """Return a hash of what a binding layer says besides bindings: only that changes what a scene looks like.

    A layer that holds bindings alone hashes like one that does not exist: saving a binding keeps the cache.
    """
    if not os.path.isfile(path):
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


def _fields(spec: Any, name: str, path: str, problems: list[SceneProblem]) -> dict[str, Any] | None:
    """Return the authored fields of one binding; None when its name or its version is refused."""
    where = f"{path}:{spec.path}#{name}"
    if not NAME.match(name) or name in FIELDS:
        problems.append(_problem("B03", "error", where, f"'{name}' cannot be the name of a binding."))
        return None
    head = f"{NAMESPACE}:{name}:"
    out: dict[str, Any] = {}
    for prop in spec.properties:
        if not prop.name.startswith(head):
            continue
        field_name = prop.name[len(head) :]
        field = FIELDS.get(field_name)
        if field is None:
            problems.append(_problem("B01", "warning", where, f"There is no field '{field_name}'."))
            continue
        if field.type == "rel":
            if isinstance(prop, Sdf.RelationshipSpec):
                items = prop.targetPathList.GetAddedOrExplicitItems()
                out[field_name] = tuple(str(p) for p in items)
            continue
        if not isinstance(prop, Sdf.AttributeSpec) or str(prop.typeName) != field.type:
            problems.append(_problem("B01", "error", where, f"'{field_name}' is not of type {field.type}."))
            continue
        value = prop.default
        if value is None:
            continue
        value = tuple(value) if field.type in {"double2", "string[]"} else value
        if field.tokens and value not in field.tokens:
            problems.append(
                _problem(
                    "B02", "error", where, f"{field_name} = '{value}' is none of {', '.join(field.tokens)}."
                )
            )
            continue
        out[field_name] = value
    if int(out.get("schemaVersion", VERSION)) > VERSION:
        problems.append(
            _problem(
                "B19", "error", where, f"The binding has version {out['schemaVersion']}; {VERSION} is known."
            )
        )
        return None
    return out


def _strays(spec: Any, path: str, problems: list[SceneProblem]) -> None:
    """Report `twin:` properties that belong to no applied binding."""
    names = set(instance_names(spec))
    stray = {
        p.name.split(":")[1]
        for p in spec.properties
        if p.name.startswith(f"{NAMESPACE}:") and ":" in p.name[5:]
    }
    problems.extend(
        _problem(
            "B01",
            "warning",
            f"{path}:{spec.path}#{name}",
            f"twin:{name}: is set, but {API}:{name} is not applied.",
        )
        for name in sorted(stray - names)
    )


def binding(prim: str, name: str, values: dict[str, Any], origin: str = "") -> Binding:
    """Return the record of one binding from its authored fields; the rest is the schema's defaults."""
    plain = {PLAIN[k]: v for k, v in values.items() if k in PLAIN}
    mapped = {MAPPED[k]: v for k, v in values.items() if k in MAPPED}
    spread = {FIELD[k]: v for k, v in values.items() if k in FIELD}
    return Binding(
        prim=prim,
        name=name,
        targets=tuple(values.get("target", ())),
        map=MapSpec(**mapped),
        field=FieldSpec(sensors=tuple(values.get("sensors", ())), **spread),
        origin=origin,
        **plain,
    )


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
