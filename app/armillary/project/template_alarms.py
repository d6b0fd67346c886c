"""Alarms and trends that a template carries, and what they make of rules.toml: a merge of three, key by key.

A line names its tag below the twin, or below the names that the place's tags begin with; `$name` in any text
stands for a parameter, `$thing` for what the place is called. Trends are not written anywhere: a desk offers
them as they are in the template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import tomlkit

from armillary.project.binding_facts import Fact
from armillary.project.rules import Cell, alarm_tables, with_alarms
from armillary.project.template_plan import Change
from armillary.project.templates import AlarmLine, Instance, Made, Template, Templates, Trend

ALARM = "alarm:"  # begins the keys of alarms in what was made
_WORD = re.compile(r"\$([A-Za-z_]\w*)")
_INF = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPlan:
    """What templates make of the alarms; nothing is written yet."""

    text: str  # rules.toml as it would be
    changes: tuple[Change, ...] = ()
    made: Mapping[str, Made] = field(default_factory=dict)


def thing_of(instance: Instance) -> str:
    """Return what a place is called: its twin, else what its tags begin with, else its prim's own name."""
    return instance.twin or instance.tags or instance.prim.rpartition("/")[2]


def plan_alarms(
    known: Templates,
    made: Mapping[str, Made],
    rules: str,
    *,
    prims: Container[str],
    ranges: Mapping[str, tuple[float, float]],
) -> AlarmPlan:
    """Return what the templates make of the alarms of rules.toml. Pure. Raises ProjectFault.

    ranges: of the tags that there are, by name. A key that a person changed stays; an alarm that a person
    removed stays away. One that no template makes any more goes, unless it was changed by hand.
    """
    there = {str(each.get("id")): each for each in alarm_tables(rules)}
    templates = {template.id: template for template in known.templates}
    places = [(i, templates[i.template]) for i in known.instances if i.template in templates]
    changes: list[Change] = []
    wanted: dict[str, dict[str, Cell | None]] = {}
    after: dict[str, Made] = {}
    linked: set[str] = set()
    for instance, template, line in ((i, t, line) for i, t in places for line in t.alarms):
        id_, said, why = _made(line, template, instance, ranges)
        what, key = (template.id, instance.prim, id_), f"{ALARM}{id_}"
        linked.add(key)
        if id_ in instance.unlinked:
            continue
        if instance.prim not in prims:
            why = f"There is no part {instance.prim}."
        ours, base = there.get(id_), made.get(key)
        if why:
            changes.append(_change("missing", what, why))
            after |= {key: base} if base is not None else {}
            continue
        if ours is not None and base is None:
            changes.append(_change("kept", what, "There is an alarm of that id that no template made."))
            continue
        after[key] = Made(template=template.id, version=template.version, said=_frozen(said))
        if ours is None and base is not None:
            changes.append(_change("kept", what, "It was removed by hand."))
            continue
        change, keys = _merged(ours, base, said, what)
        if change is not None:
            changes.append(change)
            wanted[id_] = keys
    gone: list[str] = []
    for key, was in made.items():
        id_ = key.removeprefix(ALARM)
        if not key.startswith(ALARM) or key in linked or id_ not in there:
            continue
        if _frozen(there[id_]) == dict(was.said):
            changes.append(_change("removed", (was.template, "", id_)))
            gone.append(id_)
        else:
            why = "The template no longer makes it, but it was changed by hand."
            changes.append(_change("kept", (was.template, "", id_), why))
    text = with_alarms(rules, wanted) if wanted else rules
    return AlarmPlan(text=_without(text, gone) if gone else text, changes=tuple(changes), made=after)


def _made(
    line: AlarmLine, template: Template, instance: Instance, ranges: Mapping[str, tuple[float, float]]
) -> tuple[str, dict[str, Cell], str]:
    """Return (id, keys, why not) of an alarm at a place."""
    base = instance.twin or instance.tags
    tag = f"{base}.{line.tag}" if base and line.tag else line.tag or base
    low, high = ranges.get(tag, (-_INF, _INF))
    name = instance.prim.rpartition("/")[2]
    given: dict[str, object] = {"low": low, "high": high, "twin": instance.twin, "name": name}
    given |= {"thing": thing_of(instance), **template.parameters, **instance.parameters}
    said = {key: _filled(value, given) for key, value in line.said.items()}
    out: dict[str, Cell] = {"tag": tag} if tag else {}
    out |= said  # type: ignore[arg-type]  # what TOML holds: it is read from such a table
    why = "" if not tag or tag in ranges or f"{tag}.value" in ranges else f"There is no tag {tag}."
    if not why and any(isinstance(v, float) and abs(v) == _INF for v in said.values()):
        why = f"It asks for the range of {tag or 'a tag'}, which has none."
    return str(_filled(line.id, given)), out, why


def _filled(value: object, given: Mapping[str, object]) -> object:
    """Return a value with parameters put in; one that is a parameter alone keeps the parameter's type."""
    if isinstance(value, str):
        alone = _WORD.fullmatch(value)
        if alone and alone[1] in given:
            return given[alone[1]]
        return _WORD.sub(lambda m: _plain(given.get(m[1], m[0])), value)
    if isinstance(value, list):
        return [_filled(each, given) for each in value]
    if isinstance(value, dict):
        return {key: _filled(each, given) for key, each in value.items()}
    return value


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _merged(
    ours: Mapping[str, Cell] | None, base: Made | None, said: Mapping[str, Cell], what: tuple[str, str, str]
) -> tuple[Change | None, dict[str, Cell | None]]:
    """Return the change of one alarm: what the template says now, and what a person changed."""
    if ours is None or base is None:
        added: list[tuple[str, object, object]] = [(key, None, value) for key, value in said.items()]
        return replace(_change("new", what), fields=tuple(added)), dict(said)
    mine, was, new = _frozen(ours), base.said, _frozen(said)
    own = tuple(key for key in {**mine, **was} if mine.get(key) != was.get(key))
    keys = {k: said.get(k) for k in {**mine, **new} if k not in own and mine.get(k) != new.get(k)}
    if not keys:
        return None, {}
    fields = tuple((key, mine.get(key), new.get(key)) for key in keys)
    return replace(_change("changed", what), fields=fields, own=own), keys


def _frozen(table: Mapping[str, object]) -> dict[str, Fact]:
    """Return the keys of an alarm but its id, as they are compared and kept: lists and tables as text."""
    return {key: _still(value) for key, value in table.items() if key != "id"}


def _still(value: object) -> Fact:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _without(text: str, ids: Sequence[str]) -> str:
    document = tomlkit.parse(text)
    alarms = document.get("alarm", [])
    for at in range(len(alarms) - 1, -1, -1):
        if str(alarms[at].get("id")) in ids:
            del alarms[at]
    return tomlkit.dumps(document)


def _change(kind: str, what: tuple[str, str, str], why: str = "") -> Change:
    return Change(kind=kind, template=what[0], prim=what[1], name=f"alarm {what[2]}", why=why)


# ---------------------------------------------------------------- making


def alarms_of(thing: str, rules: str) -> tuple[AlarmLine, ...]:
    """Return the alarms of a thing's tags as lines of a template; without those whose id does not name it.

    thing: the twin, or what its tags begin with. Where its name stands in a text, `$thing` stands then.
    """
    out: list[AlarmLine] = []
    for table in alarm_tables(rules):
        tag, id_ = str(table.get("tag", "")), str(_general(str(table.get("id")), thing))
        if (tag == thing or tag.startswith(f"{thing}.")) and "$thing" in id_:
            said = {key: _general(value, thing) for key, value in table.items() if key not in ("id", "tag")}
            out.append(AlarmLine(id=id_, tag=tag[len(thing) + 1 :], said=said))
    return tuple(out)


def _general(value: object, thing: str) -> object:
    """Return a value in which the thing's name is `$thing`."""
    if isinstance(value, str):
        return re.sub(rf"(?<![\w-]){re.escape(thing)}(?!\w)", "$thing", value)
    if isinstance(value, list):
        return [_general(each, thing) for each in value]
    if isinstance(value, dict):
        return {key: _general(each, thing) for key, each in value.items()}
    return value


def remembered(
    template: Template, instance: Instance, ranges: Mapping[str, tuple[float, float]]
) -> dict[str, Made]:
    """Return what is kept of the alarms that a template was made of: they are its first instance."""
    out = {}
    for line in template.alarms:
        id_, said, why = _made(line, template, instance, ranges)
        if not why:
            out[f"{ALARM}{id_}"] = Made(template=template.id, version=template.version, said=_frozen(said))
    return out


def trends_of(known: Templates) -> Iterator[tuple[str, Trend, tuple[str, ...]]]:
    """Return (name, trend, names of tags) of the trends of every place."""
    templates = {template.id: template for template in known.templates}
    for instance in known.instances:
        template = templates.get(instance.template)
        base = instance.twin or instance.tags
        for trend in template.trends if template is not None else ():
            pens = tuple(f"{base}.{pen}" if base else pen for pen in trend.pens)
            yield f"{trend.name}: {thing_of(instance)}", trend, pens
