"""What devices say of themselves → items for Browse: names, units, ranges, states, where to write.

Zigbee2MQTT `bridge/devices`, Home Assistant discovery, Homie 5 `$description`, Tasmota discovery; of LwM2M
the topics themselves, with the names and units of the IPSO registry. Payloads are foreign text: whatever is
not as it should be is passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from armillary.model.link import BrowseItem
from armillary.model.payload import Undecodable
from armillary.telemetry.payload import document

MOST_ITEMS = 500  # of one device
_SETTABLE = 2  # Zigbee2MQTT: a bit of `access`
OBJECTS = {
    3300: ("generic sensor", ""), 3301: ("illuminance", "lx"), 3303: ("temperature", "°C"),
    3304: ("humidity", "%"), 3305: ("power", "W"), 3315: ("barometer", "hPa"), 3316: ("voltage", "V"),
    3317: ("current", "A"), 3323: ("pressure", "Pa"), 3336: ("location", ""), 3342: ("on/off switch", ""),
}  # fmt: skip
"""IPSO objects by number: name, usual unit. Others keep their number."""
RESOURCES = {
    5601: "minimum measured", 5602: "maximum measured", 5700: "value", 5701: "unit", 5850: "on/off",
}  # fmt: skip
_IN_UNIT = frozenset({5601, 5602, 5700})
_TYPES = {"numeric": "number", "binary": "bool", "enum": "enum", "text": "text"}
_HOMIE = {"integer": "number", "float": "number", "boolean": "bool", "enum": "enum", "duration": "text"}
_TEMPLATE = re.compile(
    r"\{\{\s*value_json((?:\.\w+|\[\s*'[^']*'\s*\]|\[\s*\"[^\"]*\"\s*\]|\[\d+\])*)\s*(?:\|[^}]*)?\}\}"
)
_BARE = re.compile(r"\{\{\s*value\s*(?:\|[^}]*)?\}\}")
_SHORT = {
    "stat_t": "state_topic", "val_tpl": "value_template", "unit_of_meas": "unit_of_measurement",
    "dev_cla": "device_class", "cmd_t": "command_topic", "pl_on": "payload_on", "pl_off": "payload_off",
    "dev": "device", "mf": "manufacturer", "mdl": "model", "ids": "identifiers", "cmps": "components",
    "p": "platform", "uniq_id": "unique_id", "ops": "options", "avty_t": "availability_topic",
}  # fmt: skip
Devices = dict[str, tuple[BrowseItem, ...]]


def devices(profile: str, prefix: str, topic: str, payload: bytes) -> Devices:
    """Return the devices that one message describes, each with its values."""
    try:
        told = document(payload)
    except Undecodable:
        return {}
    readers = {
        "zigbee2mqtt": _zigbee, "home-assistant": _home_assistant, "homie-5": _homie, "tasmota": _tasmota,
        "lwm2m": _lwm2m,
    }  # fmt: skip
    reader = readers.get(profile)
    return {} if reader is None else dict(reader(prefix, topic, told))


_Found = Iterator[tuple[str, tuple[BrowseItem, ...]]]


def _zigbee(prefix: str, _topic: str, told: Any) -> _Found:  # Any: a foreign document
    for device in told if isinstance(told, list) else ():
        name = _text(device, "friendly_name")
        exposes = _table(_table(device).get("definition")).get("exposes", [])
        items = tuple(_exposed(f"{prefix}/{name}", exposes))
        if name and items:
            yield name, items[:MOST_ITEMS]


def _exposed(topic: str, exposes: Any) -> Iterator[BrowseItem]:
    for one in exposes if isinstance(exposes, list) else ():
        if "features" in _table(one):
            yield from _exposed(topic, one["features"])
            continue
        kind = _TYPES.get(_text(one, "type"), "")
        path = _text(one, "property")
        if not kind or not path:
            continue
        values = one.get("values")
        states = tuple((float(i), str(v)) for i, v in enumerate(values)) if isinstance(values, list) else ()
        if kind == "bool":
            states = ((0.0, str(one.get("value_off", "OFF"))), (1.0, str(one.get("value_on", "ON"))))
        access = one.get("access", 0)
        yield BrowseItem(
            address=f"{topic}#{_path(path)}",
            name=_text(one, "label") or path,
            has_children=False,
            kind="field",
            data_type=kind,
            unit=_text(one, "unit"),
            low=_number(one.get("value_min")),
            high=_number(one.get("value_max")),
            writable=isinstance(access, int) and bool(access & _SETTABLE),
            states=states,
        )


def _home_assistant(_prefix: str, topic: str, told: Any) -> _Found:
    whole = _long(_table(told))
    device = _ha_name(topic, whole)
    parts = whole.get("components")
    if isinstance(parts, dict):
        shared = {k: v for k, v in whole.items() if k not in ("components", "device", "name")}
        items = [_ha_item(f"{key}", {**shared, **_long(_table(part))}) for key, part in parts.items()]
    else:
        items = [_ha_item(topic.split("/")[-2], whole)]
    found = tuple(item for item in items[:MOST_ITEMS] if item is not None)
    if found:
        yield device, found


def _ha_item(key: str, told: dict[str, Any]) -> BrowseItem | None:
    base = str(told.get("~", ""))
    topic = str(told.get("state_topic", "")).replace("~", base)
    if not topic:
        return None
    path, is_known = _translated(_text(told, "value_template"))
    on, off = told.get("payload_on"), told.get("payload_off")
    options = told.get("options")
    states: tuple[tuple[float, str], ...] = ()
    if on is not None and off is not None:
        states = ((0.0, str(off)), (1.0, str(on)))
    elif isinstance(options, list):
        states = tuple((float(i), str(option)) for i, option in enumerate(options))
    unit = _text(told, "unit_of_measurement")
    return BrowseItem(
        address=f"{topic}#{path}" if path else topic,
        name=_text(told, "name") or key,
        has_children=False,
        kind="field",
        data_type="number" if unit else "bool" if on is not None else "enum" if states else "text",
        unit=unit,
        value="" if is_known else "needs a hand: its template is more than a path",
        low=_number(told.get("min")),
        high=_number(told.get("max")),
        writable="command_topic" in told,
        states=states,
    )


def _translated(template: str) -> tuple[str, bool]:
    """Return the path of a template of the forms `value` and `value_json.a.b`, and whether it is one."""
    if not template or _BARE.fullmatch(template.strip()):
        return "", True
    found = _TEMPLATE.fullmatch(template.strip())
    return (found.group(1).removeprefix("."), True) if found is not None else ("", False)


def _ha_name(topic: str, told: dict[str, Any]) -> str:
    device = _long(_table(told.get("device")))
    return _text(device, "name") or "/".join(topic.split("/")[1:-1])


def _homie(_prefix: str, topic: str, told: Any) -> _Found:
    if not topic.endswith("/$description"):
        return
    base = topic.removesuffix("/$description")
    items: list[BrowseItem] = []
    for node, inside in _table(_table(told).get("nodes")).items():
        for key, one in _table(_table(inside).get("properties")).items():
            kind = _text(one, "datatype")
            form = _text(one, "format")
            states: tuple[tuple[float, str], ...] = ()
            low = high = math.nan
            if kind == "enum":
                states = tuple((float(i), word) for i, word in enumerate(form.split(",")))
            elif kind in ("integer", "float") and ":" in form:
                ends = form.split(":")
                low, high = _number(ends[0]), _number(ends[1])
            items.append(
                BrowseItem(
                    address=f"{base}/{node}/{key}",
                    name=_text(one, "name") or f"{node}/{key}",
                    has_children=False,
                    kind="topic",
                    data_type=_HOMIE.get(kind, "text"),
                    unit=_text(one, "unit"),
                    low=low,
                    high=high,
                    writable=_table(one).get("settable") is True,
                    states=states,
                )
            )
    yield base.rsplit("/", 1)[-1], tuple(items[:MOST_ITEMS])


def _tasmota(prefix: str, topic: str, told: Any) -> _Found:
    if topic.endswith("/sensors"):
        items = tuple(_leaves(f"{prefix}tele/{topic.split('/')[-2]}/SENSOR", "", _table(told).get("sn"), 0))
        yield topic.split("/")[-2], items[:MOST_ITEMS]


def _lwm2m(_prefix: str, topic: str, told: Any) -> _Found:
    levels = topic.split("/")
    place = [level for level in levels if level.isdecimal()][-3:]
    if len(place) < len(("object", "instance", "resource")):
        return
    kind, instance, resource = map(int, place)
    name, unit = OBJECTS.get(kind, (f"object {kind}", ""))
    what = RESOURCES.get(resource, f"resource {resource}")
    value = _table(told).get("value")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    yield (
        levels[max(0, len(levels) - len(place) - 1)],
        (
            BrowseItem(
                address=f"{topic}#value",
                name=f"{name} {instance} {what}",
                has_children=False,
                kind="field",
                data_type="bool" if isinstance(value, bool) else "number" if is_number else "text",
                unit=unit if resource in _IN_UNIT else "",
                value=str(value)[:80],
            ),
        ),
    )


def _leaves(topic: str, prefix: str, told: Any, depth: int) -> Iterator[BrowseItem]:
    for key, value in _table(told).items():
        path = f"{prefix}.{_path(str(key))}" if prefix else _path(str(key))
        if isinstance(value, dict) and depth < 4:  # noqa: PLR2004  levels of a sensor report
            yield from _leaves(topic, path, value, depth + 1)
        elif isinstance(value, int | float):
            yield BrowseItem(
                address=f"{topic}#{path}", name=path, has_children=False, kind="field", data_type="number"
            )


def _long(told: dict[str, Any]) -> dict[str, Any]:
    return {_SHORT.get(key, key): value for key, value in told.items()}


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, key: str) -> str:
    found = _table(value).get(key)
    return found if isinstance(found, str) else ""


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _path(key: str) -> str:
    return key if key.isidentifier() else f"`{key}`"
