"""Fleets of twins.json: one description with named parts, one twin and its tags for each that matches.

    {"for": {"pump": ["P-101", "P-102"]}, "twin": "{pump}",
     "tags": {"vibration": {"address": "site!site/{pump}/vibration#v", "unit": "mm/s"}}}

What matches is a list, or every twin of a type. A newcomer on the broker is listed in Browse; with `auto` the
world writes it down, and it has its tags when the project is opened again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from armillary.model.link import TopicTemplate
from armillary.model.topic import filled, filter_of, names_in
from armillary.model.twin import TwinInstance
from armillary.project.table import Table, nearest
from armillary.project.twins import Twins, add_tags

MOST = 100_000  # matches of one fleet
SEEN_FILE = "newcomers.json"  # in .armillary
_PLAIN = re.compile(r"[^\s!`#'\"/]+")
Parts = dict[str, str]


def read(root: Table, out: Twins, seen: Mapping[str, Sequence[Parts]]) -> tuple[TopicTemplate, ...]:
    """Add the twins and tags of every fleet; return the topics that newcomers of them would use.

    seen: parts of newcomers by topic template, for fleets that take them by themselves.
    """
    templates: list[TopicTemplate] = []
    for table in root.tables("fleets"):
        templates += _fleet(table, out, seen)
    return tuple(templates)


def _fleet(table: Table, out: Twins, seen: Mapping[str, Sequence[Parts]]) -> list[TopicTemplate]:
    tags = table.table("tags").data
    names = names_in(json.dumps(tags))
    twin, prim = table.text("twin", f"{{{names[0]}}}" if names else ""), table.text("prim")
    model, title, auto = table.text("model"), table.text("title"), table.flag("auto", False)
    templates = _templates(tags, auto)
    lists = _lists(table, names, out)
    table.done()
    if lists is None:
        return []
    if not names:
        table.wrong("tags", "No address of the fleet has a named part.", "Write it like site/{pump}/level.")
        return []
    matches: list[Parts] = [dict(zip(lists, row, strict=True)) for row in product(*lists.values())]
    for template in templates:
        for parts in seen.get(template.filter, ()) if auto else ():
            if set(parts) == set(names) and parts not in matches and all(map(_usable, parts.values())):
                matches.append(parts)
    if len(matches) > MOST:
        table.wrong("for", f"The fleet has {len(matches)} members, more than {MOST}.", "Make several of it.")
        return []
    ids = {one.id for one in out.twins}
    for parts in matches:
        name = filled(twin, parts)
        if names_in(name):
            table.wrong("twin", f"'{twin}' has a part that is not in `for`.", f"Use {{{', '.join(lists)}}}.")
            return []
        if name not in ids:
            ids.add(name)
            out.twins.append(
                TwinInstance(
                    id=name, model=model, prim=filled(prim, parts), title=filled(title, parts), properties={}
                )
            )
        before = len(out.specs)
        add_tags(Table(table.document, {"tags": _filled(tags, parts)}, table.path), name, name, out)
        out.specs[before:] = [
            replace(spec, device=spec.device or (name if spec.link else "")) for spec in out.specs[before:]
        ]
    return templates


def _lists(table: Table, names: Sequence[str], out: Twins) -> dict[str, list[str]] | None:
    """Return what each named part may be. None where a list is wrong (noted)."""
    given = table.table("for")
    lists: dict[str, list[str]] = {}
    for name in names:
        value = given.raw(name)
        if isinstance(value, dict) and isinstance(value.get("model"), str):
            found = [one.id for one in out.twins if one.model == value["model"]]
            if not found:
                known = sorted({one.model for one in out.twins if one.model})
                remedy = nearest(value["model"], known).strip() or "Name the type of some twins."
                given.wrong(name, f"No twin is of the type '{value['model']}'.", remedy)
                return None
            lists[name] = found
        elif isinstance(value, list) and all(isinstance(item, str) and _usable(item) for item in value):
            lists[name] = list(dict.fromkeys(value))
        else:
            what = f"'{name}' has no list of what it may be."
            remedy = f'Give "for": {{"{name}": ["a", "b"]}} or {{"{name}": {{"model": "dtmi:…"}}}}.'
            given.wrong(name, what, remedy)
            return None
    given.done()
    return lists


def _usable(part: str) -> bool:
    """Return whether a part may stand in a name and in a level of a topic."""
    return bool(_PLAIN.fullmatch(part)) and "+" not in part


def _filled(value: Any, parts: Parts) -> Any:  # Any: parsed JSON
    if isinstance(value, str):
        return filled(value, parts)
    if isinstance(value, list):
        return [_filled(item, parts) for item in value]
    if isinstance(value, dict):
        return {filled(str(key), parts): _filled(item, parts) for key, item in value.items()}
    return value


def _templates(tags: Mapping[str, Any], auto: bool) -> list[TopicTemplate]:
    """Return the topics with named parts that a fleet's tags come from, each with all its values."""
    found: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for tag in tags.values():
        text = tag.get("address", "") if isinstance(tag, dict) else ""
        link, mark, address = text.partition("!") if isinstance(text, str) else ("", "", "")
        topic, _, path = address.partition("#")
        if mark and names_in(topic) and not topic.startswith("@"):
            value = (path, str(tag.get("kind", "number")), str(tag.get("unit", "")))
            found.setdefault((link, topic), []).append(value)
    return [
        TopicTemplate(filter=topic, pattern=filter_of(topic), values=tuple(values), link=link, auto=auto)
        for (link, topic), values in found.items()
    ]


def seen_in(private: Path) -> dict[str, list[Parts]]:
    """Return what the world wrote down of newcomers; nothing where it cannot be read."""
    try:
        told = json.loads((private / SEEN_FILE).read_text("utf-8"))
        return {str(topic): list(_parts(rows)) for topic, rows in told["newcomers"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def _parts(rows: Any) -> Iterator[Parts]:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and all(isinstance(v, str) for v in row.values()):
            yield {str(name): value for name, value in row.items()}


def seen_text(newcomers: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """Return newcomers by topic template as the file has them."""
    out: dict[str, list[Parts]] = {}
    for topic, parts in newcomers:
        out.setdefault(topic, []).append(dict(parts))
    return json.dumps({"schema": 1, "newcomers": out}, indent=1, ensure_ascii=False) + "\n"
