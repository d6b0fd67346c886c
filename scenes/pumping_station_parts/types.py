"""The DTDL model of the station: its types, out of the twins, and which twin is of which."""

from __future__ import annotations

import re
from typing import Any

STEM = "dtmi:armillary:station"
CONTEXT = [
    "dtmi:dtdl:context;3",
    "dtmi:dtdl:extension:quantitativeTypes;1",
    "dtmi:dtdl:extension:historization;1",
]
# type -> (what it extends, its title); those that twins are of come by the beginning of their ids
TYPES = {
    "Asset": ("", "Asset"),
    "Equipment": ("Asset", "What water goes through"),
    "Instrument": ("Asset", "Instrument"),
    "Pump": ("Equipment", "Pump"),
    "Tank": ("Equipment", "Tank"),
    "Valve": ("Equipment", "Valve"),
    "DosingSkid": ("Equipment", "Dosing skid"),
    "DosingPump": ("Asset", "Dosing pump"),
    "Analyser": ("Instrument", "Analyser"),
    "FlowMeter": ("Instrument", "Flow meter"),
    "PressureTransmitter": ("Instrument", "Pressure transmitter"),
    "TemperatureTransmitter": ("Instrument", "Temperature transmitter"),
    "Controller": ("Asset", "Controller"),
    "PumpingStation": ("Asset", "Pumping station"),
}
OF = {
    "AT-": "Analyser",
    "DS-": "DosingSkid",
    "FT-": "FlowMeter",
    "LIC-": "Controller",
    "P-": "Pump",
    "PIC-": "Controller",
    "PT-": "PressureTransmitter",
    "Station": "PumpingStation",
    "T-": "Tank",
    "TT-": "TemperatureTransmitter",
    "V-": "Valve",
}
EDGES = {
    "Equipment": [("feeds", "Equipment")],
    "Instrument": [("measures", "Asset")],
    "Controller": [("controls", "Equipment")],
}
UNITS = {
    "°C": ("Temperature", "degreeCelsius"),
    "bar": ("Pressure", "bar"),
    "m": ("Length", "metre"),
    "m³": ("Volume", "cubicMetre"),
    "l": ("Volume", "litre"),
    "m³/h": ("VolumeFlowRate", "cubicMetrePerHour"),
    "kW": ("Power", "kilowatt"),
    "kWh": ("Energy", "kilowattHour"),
    "A": ("Current", "ampere"),
    "h": ("TimeSpan", "hour"),
}


def dtmi(name: str) -> str:
    """Return the id of a type."""
    return f"{STEM}:{name};1"


def type_of(twin: str) -> str:
    """Return the type of a twin, by the beginning of its id."""
    return OF[max((head for head in OF if twin.startswith(head)), key=len)]


def typed(twin: dict[str, Any]) -> dict[str, Any]:
    """Return the twin with its type, and its components with theirs."""
    found = {**twin, "model": dtmi(type_of(twin["id"]))}
    if "components" in twin:
        parts = twin["components"].items()
        found["components"] = {name: {"model": dtmi("DosingPump"), **part} for name, part in parts}
    return found


def documents(twins: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the types by the names of their files; twins of one type share what their tags are."""
    contents: dict[str, dict[str, Any]] = {name: {} for name in TYPES}
    units: dict[tuple[str, str], set[str]] = {}

    def take(kind: str, thing: dict[str, Any]) -> None:
        for name, tag in thing.get("tags", {}).items():
            units.setdefault((kind, name), set()).add(tag.get("unit", ""))
            contents[kind].setdefault(name, _signal(name, tag))
        for name in thing.get("properties", {}):
            contents[kind][name] = {"@type": "Property", "name": name, "schema": "double"}
        for name, part in thing.get("components", {}).items():
            contents[kind][name] = {"@type": "Component", "name": name, "schema": dtmi("DosingPump")}
            take("DosingPump", part)

    for twin in twins:
        take(type_of(twin["id"]), twin)
    for (kind, name), found in units.items():
        if len(found) > 1:  # one type for instruments of several quantities
            one = contents[kind][name]
            contents[kind][name] = {
                "@type": ["Telemetry", "Historized"],
                "name": name,
                "displayName": "Value" if name == "value" else one["displayName"],
                "schema": "double",
            }
    for kind, edges in EDGES.items():
        for name, target in edges:
            contents[kind][name] = {"@type": "Relationship", "name": name, "target": dtmi(target)}
    return {f"{name}.json": _interface(name, contents[name]) for name in TYPES}


def _interface(name: str, contents: dict[str, Any]) -> dict[str, Any]:
    above, title = TYPES[name]
    found: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": dtmi(name),
        "@type": "Interface",
        "displayName": title,
    }
    if above:
        found["extends"] = dtmi(above)
    if contents:
        found["contents"] = [contents[key] for key in sorted(contents)]
    return found


def _signal(name: str, tag: dict[str, Any]) -> dict[str, Any]:
    quantity, unit = UNITS.get(tag.get("unit", ""), ("", ""))
    kinds = [
        "Property" if tag.get("writable") else "Telemetry",
        *([quantity] if quantity else []),
        "Historized",
    ]
    found: dict[str, Any] = {
        "@type": kinds,
        "name": name,
        "displayName": tag["title"],
        "schema": _schema(tag),
    }
    if tag.get("writable"):
        found["writable"] = True
    if unit:
        found["unit"] = unit
    elif tag.get("unit"):
        found["comment"] = f"unit: {tag['unit']}"
    return found


def _schema(tag: dict[str, Any]) -> Any:
    kind = tag.get("kind", "number")
    if kind == "enum":
        values = [
            {"name": re.sub(r"\W+", "_", text).strip("_"), "displayName": text, "enumValue": int(number)}
            for number, text in tag["states"].items()
        ]
        return {"@type": "Enum", "valueSchema": "integer", "enumValues": values}
    return {"bool": "boolean", "text": "string"}.get(kind, "double")
