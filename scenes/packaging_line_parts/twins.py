"""The project's twins and their tags, out of what the plant really serves and says."""

from __future__ import annotations

from typing import Any

from authoring.tags import ON_OFF, key_of, opcua, ordered

from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.line import STEP_S
from armillary_plugins.demo_plant.line.signals import EVERY, LINE, NAMESPACE, PACKING, SIGNALS, UNITS, Told
from packaging_line_parts import places

_DEADBAND = {"°C": 0.1, "A": 0.02, "l/min": 0.02, "kW": 0.01, "rpm": 2.0}
_NODE_TWIN = {"Line": "Line2"}
_TITLES = {
    "O-210": "Oven",
    **{tag: f"O-210 zone {i} temperature" for i, tag in enumerate(at.ZONES, 1)},
    "BV-212": "Burner of the oven",
    "D-210": "Damper of the oven",
    "C-201": "Conveyor of line 2",
    "M-201": "Motor of C-201",
    "FT-231": "Cooling water",
    "Line2": "Line 2",
    "R-301": "Robot",
    "PL-301": "Palletiser",
    "CS-301": "Carton station",
    "CW-301": "Checkweigher",
    "LB-301": "Labeller",
    "MD-301": "Metal detector",
    "CELL-301": "Packing cell",
}
_PRIMS = {
    "O-210": places.OVEN,
    **{tag: f"{places.zone(i)}/Transmitter" for i, tag in enumerate(at.ZONES, 1)},
    "BV-212": f"{places.OVEN}/BV_212",
    "D-210": f"{places.OVEN}/D_210",
    "C-201": places.CONVEYOR,
    "M-201": f"{places.CONVEYOR}/M_201",
    "FT-231": f"{places.LINE}/Cooling/FT_231",
    "Line2": places.LINE,
    "R-301": places.ROBOT,
    "PL-301": places.GANTRY,
    **{tag: f"{places.PACKING}/{tag.replace('-', '_')}" for tag in ("CS-301", "CW-301", "LB-301", "MD-301")},
    "CELL-301": f"{places.PACKING}/CELL_301",
    **{tag: places.unit(tag) for tag in UNITS},
}
_PROPERTIES: dict[str, dict[str, Any]] = {
    "O-210": {"zones": 4, "length_m": 6.0},
    "C-201": {"length_m": 13.0, "rated_speed_m_s": 0.2},
    "M-201": {"rated_power_kw": 2.2},
    "R-301": {"joints": 6, "payload_kg": 12},
    "PL-301": {"cartons_a_pallet": at.PER_PALLET},
}


def _told(source: str, one: Told) -> dict[str, Any]:
    tag: dict[str, Any] = {
        "address": f"{source}!{one.topic}#$.{one.path}",
        "title": one.title,
        "time": "$.t",
    }
    if one.unit:
        tag["unit"] = one.unit
    if one.kind != "number":
        tag["kind"] = one.kind
    if one.kind == "bool":
        tag["states"] = ON_OFF
    elif one.states:
        tag["states"] = dict(one.states)
    if one.high > one.low and not one.writable:
        tag["range"] = [one.low, one.high]
    tag["expected_interval_s"] = round(EVERY[one.every] * STEP_S, 3)
    tag["liveness"] = "tag"
    if one.writable:
        tag["writable"] = True
        tag["write_range"] = [one.low, one.high]
    return tag


def _tags() -> dict[str, dict[str, Any]]:
    """Return the tags of each twin; a key `a.b` is tag b of its component a."""
    out: dict[str, dict[str, Any]] = {"O-210": {}}
    for signal in SIGNALS:
        twin = _NODE_TWIN.get(signal.unit_of, signal.unit_of)
        key = key_of(signal.name.rpartition(".")[2])
        out.setdefault(twin, {})[key] = opcua("line-ua", NAMESPACE, signal, signal.unit, _DEADBAND)
    for source, told in (("line-mqtt", LINE), ("pack-spb", PACKING)):
        for one in told:
            twin, _, key = one.tag.partition(".")
            out.setdefault(twin, {})[key] = _told(source, one)
    for i, tag in enumerate(at.ZONES, 1):
        out[tag]["value"]["title"] = f"O-210 zone {i} temperature"
    out["O-210"]["hottest"] = {
        "expression": "max(max(TT-211.value, TT-212.value), max(TT-213.value, TT-214.value))",
        "unit": "°C",
        "title": "Hottest zone",
    }
    out["Line2"]["oee"] = {
        "expression": "CELL-301.availability * CELL-301.performance * CELL-301.quality / 10000",
        "unit": "%",
        "title": "Overall equipment effectiveness",
    }
    out["Line2"]["batch_share"] = {
        "expression": "100 * Line2.batch_done / max(Line2.batch_size, 1)",
        "unit": "%",
        "title": "Share of the batch that is packed",
    }
    return out


def document() -> dict[str, Any]:
    """Return twins.json: twins by id, and how product goes from one to the other."""
    twins = []
    for name, tags in _tags().items():
        own = {key: tag for key, tag in tags.items() if "." not in key}
        parts: dict[str, dict[str, Any]] = {}
        for key, tag in tags.items():
            part, dot, inner = key.partition(".")
            if dot:
                number = part.removeprefix("zone")
                made = {"title": f"Zone {number}", "prim": places.zone(int(number)), "tags": {}}
                parts.setdefault(part, made)["tags"][inner] = tag
        title = _TITLES.get(name) or f"Tracker {name.removeprefix('U-')}"
        twin: dict[str, Any] = {"id": name, "prim": _PRIMS[name], "title": title, "tags": own}
        if name in _PROPERTIES:
            twin["properties"] = _PROPERTIES[name]
        if parts:
            twin["components"] = parts
        twins.append(ordered(twin))
    return {
        "schema": 1,
        "twins": sorted(twins, key=lambda t: str(t["id"])),
        "relationships": _relationships(),
    }


def _relationships() -> list[dict[str, Any]]:
    feeds = [("O-210", "C-201"), ("C-201", "R-301"), ("R-301", "CS-301"), ("CS-301", "PL-301")]
    rows = [(a, "feeds", b) for a, b in feeds]
    rows += [(tag, "measures", "O-210") for tag in at.ZONES]
    rows += [("BV-212", "heats", "O-210"), ("D-210", "vents", "O-210"), ("M-201", "drives", "C-201")]
    rows += [("FT-231", "cools", "C-201")]
    rows += [("Line2", "contains", unit) for unit in ("O-210", "C-201", "CELL-301")]
    rows += [
        ("CELL-301", "contains", unit) for unit in ("R-301", "PL-301", "CS-301", "CW-301", "LB-301", "MD-301")
    ]
    return [{"from": a, "name": name, "to": b} for a, name, b in rows]
