"""Things (W3C WoT Thing Description 1.1) as twins: properties with an address are tags."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from armillary.twin.imports import MOST_DEEP, Imported, Json, Known, Taking, clean, nobody, refused, text_of

_KINDS = {"boolean": "bool", "string": "text", "integer": "", "number": "", "array": "array"}
_TOPICS = ("mqv:topic", "mqv:filter", "mqtt:topic")
_TAKEN = frozenset(
    ("@context", "@type", "id", "title", "titles", "base", "properties", "actions", "events", "links")
)


def is_thing(document: Json) -> bool:
    """Return whether a document is a Thing Description or a list of them."""
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and "title" in first and ("properties" in first or "security" in first)


def imported(document: Json, known: Known = nobody) -> Imported:
    """Return the twins of things. Raises ProjectFault for what is none."""
    things = document if isinstance(document, list) else [document]
    if not things or not is_thing(document):
        raise refused("This is no Thing Description: `title` or `properties` is missing.")
    taking = Taking("wot")
    for i, thing in enumerate(things):
        if isinstance(thing, dict) and isinstance(thing.get("title"), str):
            _thing(thing, taking)
        else:
            taking.leave("thing", f"number {i + 1}", "It has no title.")
    return taking.done(known)


def _thing(thing: Mapping[str, Json], taking: Taking) -> None:
    foreign = str(thing.get("id") or thing["title"])
    types = thing.get("@type")
    kinds = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    kinds = [str(kind) for kind in kinds if kind not in ("Thing", "tm:ThingModel")]
    twin = taking.twin(
        foreign, name=str(thing["title"]), model=str(kinds[0]) if kinds else "", title=str(thing["title"])
    )
    for more in kinds[1:]:
        taking.leave("type", f"{foreign} {more}", "A twin has one type: the first was taken.")
    for name in thing:
        if name not in _TAKEN:
            taking.leave("statement", f"{foreign}.{name}", "The twin keeps no such thing.")
    affordances(thing, twin, foreign, str(thing.get("base") or ""), taking)
    for kind in ("actions", "events"):
        found = thing.get(kind)
        for name in found if isinstance(found, dict) else ():
            why = (
                "Commands are templates in commands.toml."
                if kind == "actions"
                else "Alarms are rules in rules.toml."
            )
            taking.leave(kind.removesuffix("s"), f"{foreign}.{name}", why)
    links = thing.get("links")
    for link in links if isinstance(links, list) else ():
        href = link.get("href") if isinstance(link, dict) else None
        if isinstance(href, str):
            taking.relate(foreign, clean(str(link.get("rel") or "linkedTo")), href)
        else:
            taking.leave("link", foreign, "It leads to nothing.")


def affordances(
    thing: Mapping[str, Json], holder: dict[str, Json], told: str, base: str, taking: Taking
) -> None:
    """Take the properties of a thing, or of an interface that is described alike, as tags."""
    found = thing.get("properties")
    for name, given in found.items() if isinstance(found, dict) else ():
        where = f"{told}.{name}"
        if isinstance(given, dict):
            _property(str(name), given, holder, where, base, taking)
        else:
            taking.leave("property", where, "It is no description.")


def _property(
    name: str, given: Mapping[str, Json], holder: dict[str, Json], told: str, base: str, taking: Taking
) -> None:
    if "const" in given and "forms" not in given:
        taking.put(holder, name, given["const"], told)
        return
    address, why = _address(given.get("forms"), base, taking)
    if why:
        taking.leave("address", told, why)
    leaf_count = 0
    for path, schema in _leaves(given):
        own = f"{name}.{path}" if path else name
        where = f"{told}.{path}" if path else told
        begin = f"$.{path}" if path and address and "#" in address else ""
        facts = _facts(schema, is_writable=not given.get("readOnly", False))
        if address:
            if path and not begin:
                taking.leave("signal", where, "A part of a structure has no address of its own here.")
                continue
            facts["address"] = address + begin
        else:
            facts.pop("writable", None)
            facts["imported"] = where
        taking.tag(holder, own, facts, where)
        leaf_count += 1
    forms = given.get("forms")
    for extra in forms[1:] if isinstance(forms, list) else ():
        href = extra.get("href", "") if isinstance(extra, dict) else ""
        taking.leave("form", f"{told} {href}", "A tag has one address: the first that fits was taken.")


def _leaves(
    schema: Mapping[str, Json], path: str = "", depth: int = 0
) -> list[tuple[str, Mapping[str, Json]]]:
    inner = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(inner, dict) or not inner or depth > MOST_DEEP:
        return [(path, schema)]
    out: list[tuple[str, Mapping[str, Json]]] = []
    for key, part in inner.items():
        own = clean(str(key))
        out += _leaves(part if isinstance(part, dict) else {}, f"{path}.{own}" if path else own, depth + 1)
    return out


def _facts(schema: Mapping[str, Json], *, is_writable: bool) -> dict[str, Json]:
    out: dict[str, Json] = {"title": text_of(schema.get("title"))}
    kind = _KINDS.get(str(schema.get("type", "")), "")
    low, high = schema.get("minimum"), schema.get("maximum")
    unit = schema.get("unit")
    if isinstance(unit, str):
        out["unit"] = _unit(unit)
    if kind:
        out["kind"] = kind
    elif schema.get("type") == "object":
        out["kind"] = "struct"
    values = schema.get("oneOf")
    states = {
        f"{one['const']:g}": text_of(one.get("title")) or f"{one['const']:g}"
        for one in (values if isinstance(values, list) else ())
        if isinstance(one, dict)
        and isinstance(one.get("const"), int | float)
        and not isinstance(one["const"], bool)
    }
    if states and not kind:
        out["states"], out["kind"] = states, "enum"
    is_span = isinstance(low, int | float) and isinstance(high, int | float) and low < high
    if is_span and not states and kind == "":
        out["range"] = [low, high]
    if is_writable and kind in ("", "bool"):
        out["writable"] = True
        if is_span and kind == "":
            out["write_range"] = [low, high]
    return out


_UNITS = {
    "celsius": "°C", "degreecelsius": "°C", "degc": "°C", "kelvin": "K", "fahrenheit": "°F", "percent": "%",
    "pascal": "Pa", "volt": "V", "ampere": "A", "watt": "W", "kilowatt": "kW", "hertz": "Hz", "metre": "m",
    "meter": "m", "second": "s", "litre": "l", "liter": "l", "kilogram": "kg",
}  # fmt: skip


def _unit(unit: str) -> str:
    name = unit.rpartition(":")[2].rpartition("/")[2]  # om2:degreeCelsius, http://…/celsius
    return _UNITS.get(name.lower(), name if ":" in unit and "/" not in name else unit)


def _address(forms: Json, base: str, taking: Taking) -> tuple[str, str]:
    """Return the address of a property, else why it has none."""
    whys: list[str] = []
    for form in forms if isinstance(forms, list) else ():
        if not isinstance(form, dict):
            continue
        href = str(form.get("href") or "")
        try:
            url = f"{base.rstrip('/')}/{href.lstrip('/')}" if base and "://" not in href else href
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            whys.append(f"'{href[:60]}' is no address.")
            continue
        host = f"{parts.hostname}:{port}" if port else parts.hostname or ""
        if parts.scheme in ("mqtt", "mqtts"):
            topic = next((str(form[key]) for key in _TOPICS if isinstance(form.get(key), str)), "")
            topic = topic or parts.path.strip("/")
            if not host or not topic or any(sign in topic for sign in "#+!"):
                whys.append(f"'{href[:60]}' names no broker or no topic.")
                continue
            return taking.source(f"{parts.scheme}://{host}", "mqtt", topic) + f"{topic}#", ""
        if parts.scheme == "opc.tcp":
            node = parse_qs(parts.query).get("id", [""])[0]
            if not host or not node.startswith("nsu="):
                whys.append(
                    "OPC UA nodes are named by the URI of their namespace (nsu=…), not by its number."
                )
                continue
            path = parts.path.rstrip("/")
            return taking.source(f"opc.tcp://{host}{path}", "opcua") + node, ""
        whys.append(f"No source speaks {parts.scheme or 'what'} '{href[:60]}' names.")
    return "", " ".join(dict.fromkeys(whys)) or "It has no form."
