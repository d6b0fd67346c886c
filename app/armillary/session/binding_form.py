"""Every field of a binding as text: how it is shown, how typed text becomes it, what it is refused for.

The card of one binding and the table of many use the same fields, so both refuse the same things.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from armillary.model.binding import (
    AXES,
    CHANNELS,
    INTENTS,
    MAPS,
    ON_BAD,
    ON_STALE,
    UNBOUNDED,
    Binding,
    MapSpec,
)

NO_LIMIT = "none"
Take = Callable[[Binding, str], Binding]


class RefusedText(ValueError):
    """A text that a field cannot take; its words are shown next to the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field of a binding."""

    key: str
    title: str
    hint: str = ""
    choices: tuple[str, ...] = ()
    kind: str = "text"  # text | choice | flag | states | expr | signal | paths | colormap
    text: Callable[[Binding], str] = field(repr=False)
    take: Take = field(repr=False)
    many: bool = True  # it makes sense to give several bindings the same


def number(text: str, *, blank: float = math.nan) -> float:
    """Return a typed number; a decimal comma is one too. Raises RefusedText."""
    plain = text.strip().replace(",", ".").replace("−", "-")
    if not plain:
        if math.isnan(blank):
            raise RefusedText("Give a number.")
        return blank
    try:
        value = float(plain)
    except ValueError:
        raise RefusedText(f"'{text.strip()}' is no number.") from None
    if not math.isfinite(value):
        raise RefusedText("Give a finite number.")
    return value


def _seconds(text: str) -> float:
    value = number(text, blank=0.0)
    if value < 0:
        raise RefusedText("Seconds are 0 (the tag's own) or more.")
    return value


def shown(value: float) -> str:
    """Return a number as a field shows it."""
    return f"{value:.10g}"


# ---------------------------------------------------------------- how fields are made


def _changed(b: Binding, attribute: str, value: Any) -> Binding:  # Any: of whatever field it is
    changes: dict[str, Any] = {attribute: value}
    return replace(b, **changes)


def _plain(attribute: str) -> tuple[Callable[[Binding], str], Take]:
    def take(b: Binding, text: str) -> Binding:
        return _changed(b, attribute, text.strip())

    return lambda b: str(getattr(b, attribute)), take


def _choice(attribute: str, choices: Collection[str]) -> tuple[Callable[[Binding], str], Take]:
    def take(b: Binding, text: str) -> Binding:
        if text.strip() not in choices:
            raise RefusedText(f"Give one of {', '.join(choices)}.")
        return _changed(b, attribute, text.strip())

    return lambda b: str(getattr(b, attribute)), take


def _of_map(**changes: Any) -> Callable[[Binding], Binding]:  # Any: fields of MapSpec
    return lambda b: replace(b, map=replace(b.map, **changes))


def _map_number(attribute: str) -> tuple[Callable[[Binding], str], Take]:
    def take(b: Binding, text: str) -> Binding:
        return _of_map(**{attribute: number(text)})(b)

    return lambda b: shown(getattr(b.map, attribute)), take


def _end(which: int) -> tuple[Callable[[Binding], str], Take]:
    def take(b: Binding, text: str) -> Binding:
        value = number(text)
        return replace(b, ends=(value, b.ends[1]) if which == 0 else (b.ends[0], value))

    return lambda b: shown(b.ends[which]), take


def _clamp(which: int) -> tuple[Callable[[Binding], str], Take]:
    def show(b: Binding) -> str:
        value = b.map.clamp[which]
        return "" if abs(value) >= UNBOUNDED else shown(value)

    def take(b: Binding, text: str) -> Binding:
        value = number(
            "" if text.strip() == NO_LIMIT else text, blank=-UNBOUNDED if which == 0 else UNBOUNDED
        )
        low, high = b.map.clamp
        return _of_map(clamp=(value, high) if which == 0 else (low, value))(b)

    return show, take


def _time(attribute: str) -> tuple[Callable[[Binding], str], Take]:
    def take(b: Binding, text: str) -> Binding:
        return _changed(b, attribute, _seconds(text))

    return lambda b: shown(value) if (value := getattr(b, attribute)) else "", take


def _targets(text: str) -> tuple[str, ...]:
    paths = tuple(text.replace(",", " ").replace(";", " ").split())
    if bad := next((p for p in paths if not p.startswith("/") or p.endswith("/") or p == "/"), ""):
        raise RefusedText(f"'{bad}' is no path of a part: write it like /Plant/Tank.")
    return tuple(dict.fromkeys(paths))


def _flag(text: str) -> bool:
    plain = text.strip().casefold()
    if plain in ("yes", "true", "1", "on"):
        return True
    if plain in ("no", "false", "0", "off"):
        return False
    raise RefusedText("Give yes or no.")


def states_text(spec: MapSpec) -> str:
    """Return a table of states as lines `key = value`."""
    return "\n".join(f"{k} = {v}" for k, v in zip(spec.state_keys, spec.state_values, strict=False))


def states_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (keys, values) of lines `key = value`; a line may hold several, with `;` between."""
    keys: list[str] = []
    values: list[str] = []
    for line in text.replace(";", "\n").splitlines():
        if not line.strip():
            continue
        key, sign, value = line.partition("=")
        if not sign or not key.strip():
            raise RefusedText(f"'{line.strip()}' is no line of the table: write key = value.")
        if key.strip() in keys:
            raise RefusedText(f"The key '{key.strip()}' is there twice.")
        keys.append(key.strip())
        values.append(value.strip())
    return tuple(keys), tuple(values)


def _take_states(b: Binding, text: str) -> Binding:
    keys, values = states_of(text)
    return _of_map(state_keys=keys, state_values=values)(b)


def _take_map(b: Binding, text: str) -> Binding:
    if text.strip() not in MAPS:
        raise RefusedText(f"Give one of {', '.join(MAPS)}.")
    return _of_map(kind=text.strip())(b)


def _take_expr(b: Binding, text: str) -> Binding:
    return _of_map(expr=" ".join(text.split()))(b)


def _entry(
    key: str, title: str, pair: tuple[Callable[[Binding], str], Take], hint: str = "", **more: Any
) -> Entry:  # Any: the other fields of Entry
    return Entry(key=key, title=title, text=pair[0], take=pair[1], hint=hint, **more)


ENTRIES: tuple[Entry, ...] = (
    _entry("signal", "Tag", _plain("signal"), "The tag that drives it", kind="signal"),
    _entry("channel", "Drives", _choice("channel", CHANNELS), kind="choice", choices=CHANNELS),
    _entry(
        "targets",
        "Parts",
        (lambda b: " ".join(b.targets), lambda b, t: replace(b, targets=_targets(t))),
        "Other parts that it drives, paths with spaces between; blank: the part itself",
        kind="paths",
        many=False,
    ),
    _entry("axis", "Axis", _choice("axis", AXES), kind="choice", choices=AXES),
    _entry(
        "property",
        "Property",
        _plain("property_name"),
        "Variant set, primvar or attribute; id:20 of copies",
    ),
    _entry("map", "Map", (lambda b: b.map.kind, _take_map), kind="choice", choices=MAPS),
    _entry("scale", "Times", _map_number("scale"), "y = times · x + plus, after the unit"),
    _entry("offset", "Plus", _map_number("offset")),
    _entry("clampLow", "Not below", _clamp(0), "Blank: no limit"),
    _entry("clampHigh", "Not above", _clamp(1), "Blank: no limit"),
    _entry("rangeLow", "Range from", _end(0), "y at the low end of the colours"),
    _entry("rangeHigh", "Range to", _end(1), "y at the high end of the colours"),
    _entry("colormap", "Colours", _plain("colormap"), kind="colormap"),
    _entry(
        "states",
        "Table",
        (lambda b: states_text(b.map), _take_states),
        "key = value, one a line; * = otherwise. Steps: ascending limits",
        kind="states",
    ),
    _entry(
        "expr",
        "Expression",
        (lambda b: b.map.expr, _take_expr),
        "of x (this tag), t (s), q (quality) and other tags",
        kind="expr",
    ),
    _entry("unit", "Read as", _plain("unit"), "Unit that x is converted to; blank: the tag's own"),
    _entry("targetUnit", "Gives", _plain("target_unit"), "Unit of the result; blank: the channel's own"),
    _entry("interval", "Expected, s", _time("interval_s"), "Blank: the tag's own"),
    _entry("staleAfter", "Stale after, s", _time("stale_after_s"), "Stricter than the tag's; blank: its own"),
    _entry("onBad", "When bad", _choice("on_bad", ON_BAD), kind="choice", choices=ON_BAD),
    _entry("onStale", "When stale", _choice("on_stale", ON_STALE), kind="choice", choices=ON_STALE),
    _entry("fallback", "Fallback", _plain("fallback"), "What `fallback` shows: a number, a colour or a word"),
    _entry("intent", "Shows", _choice("intent", INTENTS), kind="choice", choices=INTENTS),
    _entry(
        "enabled",
        "Enabled",
        (lambda b: "yes" if b.enabled else "no", lambda b, t: replace(b, enabled=_flag(t))),
        kind="flag",
        choices=("yes", "no"),
    ),
)
BY_KEY: Mapping[str, Entry] = {entry.key: entry for entry in ENTRIES}


def with_texts(binding: Binding, texts: Mapping[str, str]) -> tuple[Binding, dict[str, str]]:
    """Return a binding with typed texts, and field → why for those it cannot take: they stay."""
    refused: dict[str, str] = {}
    for entry in ENTRIES:
        if entry.key in texts and texts[entry.key] != entry.text(binding):
            try:
                binding = entry.take(binding, texts[entry.key])
            except RefusedText as why:
                refused[entry.key] = str(why)
    return binding, refused


def with_text(binding: Binding, key: str, text: str) -> Binding:
    """Return a binding with one field typed. Raises RefusedText."""
    return BY_KEY[key].take(binding, text)


def needed(binding: Binding) -> frozenset[str]:
    """Return the fields that mean something for the channel and the map as they are chosen now."""
    keys = {"signal", "channel", "targets", "unit", "staleAfter", "onBad", "onStale", "interval", "enabled"}
    channel, kind = binding.channel, binding.map.kind
    coloured = channel in COLOURED
    if channel not in AS_IT_IS_ALWAYS:
        keys.add("map")
    if kind in ("linear", "range"):
        keys |= {"scale", "offset", "clampLow", "clampHigh"}
    if kind in ("steps", "states"):
        keys |= {"states"}
    if kind == "expr":
        keys |= {"expr", "clampLow", "clampHigh"}
    if coloured or (channel == "highlight" and binding.colormap):
        keys |= {"colormap", "rangeLow", "rangeHigh"}
    if channel in AXIAL:
        keys.add("axis")
    if channel in NAMED:
        keys.add("property")
    if channel not in COLOURED and channel not in AS_IT_IS_ALWAYS:
        keys.add("targetUnit")
    if "fallback" in (binding.on_bad, binding.on_stale):
        keys.add("fallback")
    return frozenset(keys)


COLOURED = ("displayColor", "emissiveColor", "primvar", "field")
AXIAL = ("translate", "rotate", "scale", "level", "spin", "flow")
NAMED = ("variant", "primvar", "custom")
AS_IT_IS_ALWAYS = ("transform", "primvar", "field")


def seen_states(states: Sequence[tuple[float, str]], values: Collection[float], *, colours: bool) -> str:
    """Return a first table of states: of a tag's own states, else of the values that were seen; then `*`."""
    keys = [name for _, name in states] or [f"{v:g}" for v in sorted(set(values))]
    span = max(1, len(keys) - 1)
    rows = [
        f"{key} = {GREYS[round(i * (len(GREYS) - 1) / span)] if colours else i}" for i, key in enumerate(keys)
    ]
    return "\n".join([*rows, f"* = {GREYS[0] if colours else 0}"])


GREYS = ("#5f676f", "#7a828a", "#969da4", "#b2b8be", "#ced2d6")
