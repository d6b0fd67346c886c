"""Topics of MQTT: filters with `+` and `#`, and templates with named parts, `site/{pump}/vibration`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PART = re.compile(r"\{([A-Za-z_]\w*)\}")


def matches(pattern: str, topic: str) -> bool:
    """Return whether a filter (`+` a level, `#` the rest) matches a topic; `$…` only if it says so."""
    if topic.startswith("$") and pattern[:1] in ("+", "#"):
        return False
    wanted, levels = pattern.split("/"), topic.split("/")
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)


def overlap(one: str, other: str) -> bool:
    """Return whether some topic matches both filters; `$…` topics only where both say so."""
    a, b = one.split("/"), other.split("/")
    if (one[:1] == "$") != (other[:1] == "$"):
        return False
    for i in range(max(len(a), len(b))):
        here, there = (levels[i] if i < len(levels) else None for levels in (a, b))
        if "#" in (here, there):
            return True  # `#` brings the level above it too
        if here is None or there is None:
            return False
        if here != there and "+" not in (here, there):
            return False
    return True


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a template's parts, each once, in order."""
    return tuple(dict.fromkeys(_PART.findall(text)))


def filled(text: str, parts: Mapping[str, str]) -> str:
    """Return a text with its named parts filled in; one that is not given stays."""
    return _PART.sub(lambda m: parts.get(m.group(1), m.group(0)), text)


def filter_of(template: str) -> str:
    """Return the filter that brings all topics of a template: a level with a named part is `+`."""
    return "/".join("+" if _PART.search(level) else level for level in template.split("/"))


def parts_of(template: str, topic: str) -> dict[str, str] | None:
    """Return the named parts of a topic, None where it does not fit. A part is never empty."""
    wanted, levels = template.split("/"), topic.split("/")
    if len(wanted) != len(levels):
        return None
    out: dict[str, str] = {}
    for pattern, level in zip(wanted, levels, strict=True):
        if pattern == level or pattern == "+":
            continue
        found = re.fullmatch(_PART.sub("([^/]+)", _escaped(pattern)), level)
        names = _PART.findall(pattern)
        if found is None or not names:
            return None
        for name, value in zip(names, found.groups(), strict=True):
            if out.setdefault(name, value) != value:
                return None
    return out


def _escaped(pattern: str) -> str:
    """Return a level's pattern as a regular expression but for its named parts."""
    pieces = _PART.split(pattern)
    return "".join(f"{{{p}}}" if i % 2 else re.escape(p) for i, p in enumerate(pieces))
