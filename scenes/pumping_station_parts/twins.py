"""The project's twins and their tags, out of the signals that the plant really serves."""

from __future__ import annotations

from typing import Any

from authoring.tags import ON_OFF, key_of, opcua, ordered

from armillary_plugins.demo_plant.messages import PERIOD_STEPS
from armillary_plugins.demo_plant.signals import (
    BEARINGS,
    NAMESPACE,
    PUMPS,
    SIGNALS,
    TANKS,
    VALVES,
    WINDINGS,
    Signal,
)
from armillary_plugins.demo_plant.station import STEP_S
from pumping_station_parts.layout import HALL, INLET, STORAGE

STATION = "Station"
_SHOWN = {"l/s": "m³/h"}  # unit at the source -> unit shown
_DEADBAND = {"%": 0.02, "°C": 0.02, "bar": 0.002, "m³/h": 0.05, "rpm": 1.0, "A": 0.02}

_PRIMS = {
    **{
        f"TT-1{i + 1}{end}": f"{HALL}/{tag.replace('-', '_')}/{part}"
        for i, tag in enumerate(PUMPS)
        for end, part in ((1, "BearingDE"), (2, "BearingNDE"), (3, "Motor/WindingProbe"))
    },
    **{tag: f"{HALL}/{tag.replace('-', '_')}" for tag in PUMPS},
    **{tag: f"{HALL}/Valves/{tag.replace('-', '_')}" for tag in VALVES},
    **{tag: f"{STORAGE}/{tag.replace('-', '_')}" for tag in TANKS},
    **{
        tag: f"{HALL}/Instruments/{tag.replace('-', '_')}"
        for tag in (
            "FT-102",
            "FT-103",
            "PT-101",
            "PT-102",
            "PT-103",
            "TT-001",
            "TT-100",
            "AT-101",
            "AT-102",
            "AT-103",
        )
    },
    **{tag: f"{INLET}/{tag.replace('-', '_')}" for tag in ("FT-101", "PT-104", "V-100", "V-105")},
    "LIC-101": f"{STORAGE}/T_101/LevelBoard",
    "LIC-102": f"{STORAGE}/T_102/LevelBoard",
    "PIC-103": f"{HALL}/Instruments/PT_103",
    STATION: "/Station",
}
_TITLES = {
    "P-101A": "Transfer pump A",
    "P-101B": "Transfer pump B",
    "P-102A": "Booster pump A",
    "P-102B": "Booster pump B",
    "T-101": "Balancing tank",
    "T-102": "Elevated tank",
    "V-100": "Inlet valve",
    "V-101": "Transfer valve",
    "V-102": "Inlet valve of T-102",
    "V-103": "Booster valve",
    "V-104": "Network valve",
    "V-105": "Drain of T-101",
    "LIC-101": "Level controller of T-101",
    "LIC-102": "Level controller of T-102",
    "PIC-103": "Pressure controller of the network",
    STATION: "Pumping station",
    "DS-201": "Dosing skid",
    "FT-101": "Inlet flow",
    "FT-102": "Transfer flow",
    "FT-103": "Network flow",
}
_PROPERTIES: dict[str, dict[str, Any]] = {
    **{tag: {"rated_power_kw": 7.5, "rated_speed_rpm": 1480} for tag in PUMPS[:2]},
    **{tag: {"rated_power_kw": 18.5, "rated_speed_rpm": 2900} for tag in PUMPS[2:]},
    **{tag: {"area_m2": 19.6, "height_m": 4.4} for tag in TANKS},
    "DS-201": {"drum_l": 200, "strength_g_l": 120},
}


def _opcua(signal: Signal) -> dict[str, Any]:
    return opcua("ctl-ua", NAMESPACE, signal, _SHOWN.get(signal.unit, signal.unit), _DEADBAND)


def _mqtt(
    source: str, topic: str, path: str, title: str, every: str, unit: str = "", **more: object
) -> dict[str, Any]:
    tag: dict[str, Any] = {"address": f"{source}!{topic}" + (f"#$.{path}" if path else ""), "title": title}
    if path:
        tag["time"] = "$.t"
    if unit:
        tag["unit"] = unit
    return {**tag, "expected_interval_s": round(PERIOD_STEPS[every] * STEP_S, 3), "liveness": "tag", **more}


def _conditions(tags: dict[str, dict[str, Any]]) -> None:
    """Add vibration and energy of each pump, the site's totals, heartbeat and hall temperature."""
    for pump in PUMPS:
        own, shaken, metered = tags[pump], f"station/{pump}/vibration", f"station/energy/{pump}"
        own["vibration_de"] = _mqtt(
            "cond-mqtt", shaken, "de", "Vibration, drive end", "vibration", "mm/s", range=[0.0, 50.0]
        )
        own["vibration_nde"] = _mqtt(
            "cond-mqtt", shaken, "nde", "Vibration, non-drive end", "vibration", "mm/s", range=[0.0, 50.0]
        )
        own["sensor_temperature"] = _mqtt(
            "cond-mqtt", shaken, "temp", "Temperature of the vibration sensor", "vibration", "°C"
        )
        own["power"] = _mqtt("cond-mqtt", metered, "kw", "Electrical power", "energy", "kW")
        own["energy"] = _mqtt("cond-mqtt", metered, "kwh", "Energy counted", "energy", "kWh")
        own["meter_current"] = _mqtt("cond-mqtt", metered, "a", "Current at the meter", "energy", "A")
        own["power_factor"] = _mqtt("cond-mqtt", metered, "pf", "Power factor", "energy")
        own["efficiency"] = {
            "expression": f"0.2719 * {pump}.head * {pump}.flow / max({pump}.power, 0.1)",
            "unit": "%",
            "title": "Efficiency, wire to water",
        }
    site = tags[STATION]
    site["power"] = _mqtt(
        "cond-mqtt", "station/energy/site", "kw", "Electrical power of the site", "energy", "kW"
    )
    site["energy"] = _mqtt("cond-mqtt", "station/energy/site", "kwh", "Energy of the site", "energy", "kWh")
    site["ambient"] = _mqtt(
        "cond-mqtt", "station/site/ambient", "", "Temperature of the hall, by MQTT", "ambient", "°C"
    )
    site["beat"] = _mqtt(
        "cond-mqtt", "station/site/heartbeat", "seq", "Heartbeat of the simulator", "heartbeat"
    )
    site["specific_energy"] = {
        "expression": "Station.power / FT-103.flow",
        "unit": "kWh/m³",
        "title": "Energy for each cubic metre delivered",
    }
    site["stored"] = {"expression": "T-101.volume + T-102.volume", "unit": "m³", "title": "Water in store"}
    site["balance"] = {
        "expression": "FT-101.flow - FT-103.flow",
        "unit": "m³/h",
        "title": "Inflow less delivery",
    }
    site["pumps_running"] = {
        "expression": " + ".join(f"({pump}.speed > 30)" for pump in PUMPS),
        "title": "Pumps that turn",
    }


def _skid() -> dict[str, Any]:
    topic = "skid/DS-201/status"

    def own(path: str, title: str, unit: str = "", **more: object) -> dict[str, Any]:
        return _mqtt("skid-mqtt", topic, path, title, "skid", unit, **more)

    dose = _mqtt("cond-mqtt", "station/DS-201", "dose", "Dose setpoint", "setpoint", "mg/l")
    return {
        "id": "DS-201",
        "prim": f"{HALL}/DS_201",
        "tags": {
            "level": own("level", "Level of the drum", "%", range=[0.0, 100.0]),
            "dose_flow": own("flow", "Dose flow", "l/h", range=[0.0, 10.0]),
            "pressure": own("pressure", "Pressure of dosing", "bar"),
            "chlorine": own("chlorine", "Free chlorine", "mg/l", range=[0.0, 10.0]),
            "dosed": own("dosed", "Solution dosed", "l"),
            "dose_sp": {**dose, "writable": True, "write_range": [0.0, 4.0]},
        },
        "components": {
            name: {
                "title": f"Dosing pump {name[-1].upper()}",
                "prim": f"{HALL}/DS_201/P_201{name[-1].upper()}",
                "tags": {
                    "speed": own(f"pump.{name[-1]}.speed", "Speed", "%", range=[0.0, 100.0]),
                    "run": own(f"pump.{name[-1]}.run", "Runs", kind="bool", states=ON_OFF),
                },
            }
            for name in ("pump_a", "pump_b")
        },
    }


def document() -> dict[str, Any]:
    """Return twins.json: twins by id, and how water goes from one to the other."""
    tags: dict[str, dict[str, Any]] = {}
    for signal in SIGNALS:
        tags.setdefault(signal.unit_of, {})[key_of(signal.name.rpartition(".")[2])] = _opcua(signal)
    _conditions(tags)
    twins = []
    for tag, own in tags.items():
        twin: dict[str, Any] = {"id": tag, "prim": _prim(tag)}
        if tag in _PROPERTIES:
            twin["properties"] = _PROPERTIES[tag]
        twins.append({**twin, "title": _title(tag, own), "tags": own})
    twins.append({**_skid(), "title": _TITLES["DS-201"], "properties": _PROPERTIES["DS-201"]})
    return {
        "schema": 1,
        "twins": [ordered(twin) for twin in sorted(twins, key=lambda t: str(t["id"]))],
        "relationships": _relationships(),
    }


def _prim(tag: str) -> str:
    return _PRIMS[tag]


def _title(tag: str, own: dict[str, Any]) -> str:
    return _TITLES.get(tag) or str(next(iter(own.values()))["title"])


def _relationships() -> list[dict[str, Any]]:
    feeds = [
        ("V-100", "T-101"),
        ("T-101", "P-101A"),
        ("T-101", "P-101B"),
        ("P-101A", "V-101"),
        ("P-101B", "V-101"),
        ("V-101", "V-102"),
        ("V-102", "T-102"),
        ("T-102", "P-102A"),
        ("T-102", "P-102B"),
        ("P-102A", "V-103"),
        ("P-102B", "V-103"),
        ("V-103", "V-104"),
        ("DS-201", "V-104"),
    ]
    of = [
        (sensor, pump)
        for i, pump in enumerate(PUMPS)
        for sensor in (BEARINGS[2 * i], BEARINGS[2 * i + 1], WINDINGS[i])
    ]
    rows = [(a, "feeds", b) for a, b in feeds] + [(a, "measures", b) for a, b in of]
    rows += [
        ("LIC-101", "controls", "V-100"),
        ("LIC-102", "controls", "V-102"),
        ("PIC-103", "controls", "P-102A"),
    ]
    return [{"from": a, "name": name, "to": b} for a, name, b in rows]
