"""TwinBindingAPI, registered: import this before anything that may open a stage.

A plug-in that is registered after the schema registry has been built is accepted and then ignored, so the
registration happens on import and is checked at once (formats: TwinBindingAPI).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pxr import Plug, Usd

from armillary.model.binding import AXES, CHANNELS, INTENTS, MAPS, ON_BAD, ON_STALE, ROLES, UNBOUNDED
from armillary.model.fault import SceneFault
from armillary.model.places import data

API = "TwinBindingAPI"
NAMESPACE = "twin"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property of the schema: its Sdf type ("rel" for a relationship), default and allowed tokens."""

    type: str
    default: Any = None  # Any: a number, text, pair or list, as the Sdf type says
    tokens: tuple[str, ...] = ()


FIELDS: dict[str, Field] = {
    "schemaVersion": Field(type="int", default=VERSION),
    "id": Field(type="string", default=""),
    "enabled": Field(type="bool", default=True),
    "intent": Field(type="token", default="value", tokens=INTENTS),
    "role": Field(type="token", default="observable", tokens=ROLES),
    "signal": Field(type="string", default=""),
    "address": Field(type="string", default=""),
    "semanticId": Field(type="string", default=""),
    "target": Field(type="rel"),
    "channel": Field(type="token", default="displayColor", tokens=CHANNELS),
    "axis": Field(type="token", default="none", tokens=AXES),
    "property": Field(type="token", default=""),
    "valueType": Field(type="token", default=""),
    "map": Field(type="token", default="linear", tokens=MAPS),
    "scale": Field(type="double", default=1.0),
    "offset": Field(type="double", default=0.0),
    "clamp": Field(type="double2", default=(-UNBOUNDED, UNBOUNDED)),
    "range": Field(type="double2", default=(0.0, 1.0)),
    "colormap": Field(type="token", default=""),
    "stateKeys": Field(type="string[]", default=()),
    "stateValues": Field(type="string[]", default=()),
    "expr": Field(type="string", default=""),
    "unit": Field(type="string", default=""),
    "targetUnit": Field(type="string", default=""),
    "interval": Field(type="double", default=0.0),
    "staleAfter": Field(type="double", default=0.0),
    "onBad": Field(type="token", default="skip", tokens=ON_BAD),
    "onStale": Field(type="token", default="mark", tokens=ON_STALE),
    "fallback": Field(type="string", default=""),
    "sensors": Field(type="rel"),
    "method": Field(type="token", default="idw", tokens=("idw", "surface", "rbf")),
    "radius": Field(type="double", default=0.0),
    "neighbours": Field(type="int", default=8),
    "isoLines": Field(type="int", default=0),
    "maxDistance": Field(type="double", default=0.0),
    "idwPower": Field(type="double", default=2.0),
    "alarmAspect": Field(type="token", default="active", tokens=("active", "severity", "acked", "enabled")),
    "timeSampled": Field(type="bool", default=False),
    "command": Field(type="string", default=""),
}


def _literal(field: Field) -> str:
    value = field.default
    if field.type == "bool":
        return "1" if value else "0"
    if field.type in {"token", "string"}:
        return f'"{value}"'
    if field.type == "double2":
        return f"({value[0]:g}, {value[1]:g})"
    if field.type == "string[]":
        return "[]"
    return f"{value:g}"


def schema_text() -> str:
    """Return the text of generatedSchema.usda for FIELDS."""
    lines = [
        "#usda 1.0",
        "",
        f'class "{API}" (',
        "    customData = {",
        '        token apiSchemaType = "multipleApply"',
        f'        token propertyNamespacePrefix = "{NAMESPACE}"',
        "    }",
        ")",
        "{",
    ]
    for name, field in FIELDS.items():
        full = f"{NAMESPACE}:__INSTANCE_NAME__:{name}"
        if field.type == "rel":
            lines.append(f"    rel {full}")
            continue
        line = f"    uniform {field.type} {full} = {_literal(field)}"
        if field.tokens:
            allowed = ", ".join(f'"{token}"' for token in field.tokens)
            line += f" (\n        allowedTokens = [{allowed}]\n    )"
        lines.append(line)
    return "\n".join([*lines, "}", ""])


def _register() -> None:
    folder = data("assets/usd")
    Plug.Registry().RegisterPlugins(str(folder))
    if not Usd.SchemaRegistry().IsMultipleApplyAPISchema(API):
        raise SceneFault(
            f"The schema {API} could not be registered with OpenUSD.",
            where=str(folder),
            remedy="Install Armillary again; no stage may be open before armillary.scene.schema is imported.",
        )


_register()
