"""What templates make of the bindings that there are: a merge of three, field by field.

What was made the last time is the base, what the template says now is theirs, what stands there is ours.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from armillary.model.binding import Binding
from armillary.project.binding_facts import Fact, facts, with_facts
from armillary.project.templates import MARK, Instance, Line, Made, Template, Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an update does to one binding."""

    kind: str  # new | changed | removed | kept (a person's) | missing (part or tag)
    template: str
    prim: str
    name: str
    fields: tuple[tuple[str, object, object], ...] = ()  # (field, before, after)
    own: tuple[str, ...] = ()  # fields that a person changed: they stay
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that an update does; nothing is written yet."""

    changes: tuple[Change, ...]
    new: tuple[Binding, ...]
    old: tuple[Binding, ...]  # replaced or removed
    made: Mapping[str, Made]


def plan(
    known: Templates,
    made: Mapping[str, Made],
    existing: Sequence[Binding],
    *,
    prims: Container[str],
    ranges: Mapping[str, tuple[float, float]],
) -> Plan:
    """Return what the templates make of the bindings that there are. Pure.

    prims: of the scene. ranges: of the tags that there are, by name; infinite where a tag has none.
    A field that a person changed stays; a binding that a person removed stays away.
    """
    by_key = {f"{b.prim}#{b.name}": b for b in existing}
    templates = {template.id: template for template in known.templates}
    changes: list[Change] = []
    new: list[Binding] = []
    old: list[Binding] = []
    after: dict[str, Made] = {}
    linked: set[str] = set()
    for instance in known.instances:
        template = templates.get(instance.template)
        if template is None:
            continue
        for line in template.lines:
            prim = f"{instance.prim}/{line.part}" if line.part else instance.prim
            key = f"{prim}#{line.name}"
            if line.name in instance.unlinked:
                linked.add(key)  # the binding is the person's from now on
                continue
            thing = instance.twin or instance.tags
            signal = f"{thing}.{line.tag}" if thing and line.tag else line.tag
            why = _missing(prim, signal, prims, ranges)
            said = None if why else _said(line, template, instance, signal, ranges)
            what = (template.id, prim, line.name)
            if isinstance(said, str) or said is None:
                changes.append(_change("missing", what, why or str(said)))
                if key in made:
                    after[key] = made[key]
                linked.add(key)
                continue
            linked.add(key)
            ours, base = by_key.get(key), made.get(key)
            if ours is not None and base is None:
                changes.append(
                    _change("kept", what, "There is a binding of that name that no template made.")
                )
                continue
            after[key] = Made(template=template.id, version=template.version, said=said)
            if ours is None and base is not None:
                changes.append(_change("kept", what, "It was removed by hand."))
                continue
            change, binding = _merged(ours, base, said, what)
            if change is not None and binding is not None:
                changes.append(change)
                new.append(binding)
                old += [ours] if ours is not None else []
    for key, was in made.items():
        ours = by_key.get(key)
        if key in linked or ours is None:
            continue
        prim, name = ours.prim, ours.name
        if facts(ours) == dict(was.said):
            changes.append(_change("removed", (was.template, prim, name)))
            old.append(ours)
        else:
            why = "The template no longer makes it, but it was changed by hand."
            changes.append(_change("kept", (was.template, prim, name), why))
    return Plan(changes=tuple(changes), new=tuple(new), old=tuple(old), made=after)


def _merged(
    ours: Binding | None, base: Made | None, said: Mapping[str, Fact], what: tuple[str, str, str]
) -> tuple[Change | None, Binding | None]:
    """Return the change of one binding: what the template says now, and what a person changed."""
    if ours is None or base is None:
        made = with_facts(Binding(name=what[2], prim=what[1]), said)
        return replace(_change("new", what), fields=tuple((k, None, v) for k, v in said.items())), made
    mine = facts(ours)
    own = tuple(k for k in {**mine, **base.said} if mine.get(k) != base.said.get(k))
    wanted = {k: v for k, v in {**said, **mine}.items() if k in own and k in mine}
    wanted |= {k: v for k, v in said.items() if k not in own}
    fields = tuple(
        (k, mine.get(k), wanted.get(k)) for k in {**mine, **wanted} if mine.get(k) != wanted.get(k)
    )
    if not fields:
        return None, None
    return replace(_change("changed", what), fields=fields, own=own), with_facts(ours, wanted)


def _change(kind: str, what: tuple[str, str, str], why: str = "") -> Change:
    return Change(kind=kind, template=what[0], prim=what[1], name=what[2], why=why)


def _missing(prim: str, signal: str, prims: Container[str], ranges: Mapping[str, tuple[float, float]]) -> str:
    if prim not in prims:
        return f"There is no part {prim}."
    return f"There is no tag {signal}." if signal and signal not in ranges else ""


def _said(
    line: Line,
    template: Template,
    instance: Instance,
    signal: str,
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, Fact] | str:
    """Return the facts of a binding with parameters put in, or why that is not possible."""
    low, high = ranges.get(signal, (float("-inf"), float("inf")))
    given: dict[str, object] = {"low": low, "high": high, "twin": instance.twin}
    given |= {**template.parameters, **instance.parameters}
    out: dict[str, object] = {}
    for key, value in line.said.items():
        each = value if isinstance(value, list) else [value]
        filled = [given.get(v[1:], v) if isinstance(v, str) and v.startswith(MARK) else v for v in each]
        if any(isinstance(v, float) and v in (float("inf"), float("-inf")) for v in filled):
            return f"'{key}' asks for the range of {signal or 'a tag'}, which has none."
        out[key] = filled if isinstance(value, list) else filled[0]
    if signal:
        out["signal"] = signal
    try:
        made = with_facts(Binding(name=line.name, prim=instance.prim), out)  # type: ignore[arg-type]  # checked there
    except TypeError as error:
        return f"'{error}' cannot be {out[str(error)]!r}."
    return facts(made)
