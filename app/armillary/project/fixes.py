"""What of findings can be mended without asking: a binding as it should be, with a sentence of what changes.

Only what cannot be wrong is here: what is shown stays as it is shown, or what could not be shown is.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import ProjectFault
from armillary.model.rematch import Match
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.model.units import conversion
from armillary.project import rebind
from armillary.project.shown_lint import shown_span

FIXABLE = ("B04", "B10", "B11", "B13", "B17", "B30", "P23")
_SPACE = uuid.UUID("5a0c2a0e-6b0c-4c1e-9a3b-8d7f2f5e9c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One change: of a binding, or of the prim of a twin."""

    code: str
    where: str  # of the finding that it mends
    says: str
    old: Binding | None = None
    new: Binding | None = None
    prims: tuple[str, str] | None = None  # old and new path that a twin names


def plan(
    problems: Sequence[SceneProblem],
    bindings: Sequence[Binding],
    specs: Sequence[TagSpec],
    colormaps: Sequence[ColourMap],
    found: Sequence[Match] = (),
    only: Sequence[str] = (),
) -> tuple[Fix, ...]:
    """Return what can be mended of the problems, at most one change of a binding for each of its findings."""
    wanted = {code for code in FIXABLE if not only or code in only}
    by_where: dict[str, Binding] = {}
    for binding in bindings:
        by_where[binding.where] = by_where[binding.origin or binding.where] = binding
    tags = {spec.name: spec for spec in specs}
    maps = {colours.name: colours for colours in colormaps}
    to = rebind.moves(found)
    rival = _rivals(bindings)
    out: list[Fix] = []
    done: set[tuple[str, str]] = set()
    for problem in problems:
        at = by_where.get(problem.where)
        if problem.code not in wanted or (problem.code, problem.where) in done:
            continue
        made: Fix | None = None
        if problem.code == "P23":
            made = _twin(problem, to)
        elif at is not None:
            made = _fixed(problem, at, tags, maps, to, rival)
        if made is not None:
            done.add((problem.code, problem.where))
            out.append(made)
    return tuple(out)


def merged(fixes: Sequence[Fix], bindings: Sequence[Binding]) -> tuple[rebind.Rebound, dict[str, str]]:
    """Return all fixes as one change of bindings, and the prims of twins, old → new path."""
    now = {(b.prim, b.name): b for b in bindings}
    first = dict(now)
    to: dict[str, str] = {}
    for fix in fixes:
        if fix.prims is not None:
            to[fix.prims[0]] = fix.prims[1]
        if fix.old is None or fix.new is None:
            continue
        key = (fix.old.prim, fix.old.name)
        was, held = first[key], now[key]
        # each fix knows the binding as it was: only what it changed is taken over
        changed = {f: getattr(fix.new, f) for f in _FIELDS if getattr(fix.new, f) != getattr(was, f)}
        now[key] = replace(held, **changed)
    made = [(first[key], new) for key, new in now.items() if new != first[key]]
    staying = {(b.prim, b.name) for b in bindings} - {(old.prim, old.name) for old, _ in made}
    good = [(old, new) for old, new in made if (new.prim, new.name) not in staying]
    return rebind.Rebound(
        bindings=tuple(new for _, new in good),
        remove=tuple((old.prim, old.name) for old, new in good if old.prim != new.prim),
        taken=tuple(old.where for old, new in made if (new.prim, new.name) in staying),
    ), to


_FIELDS = ("prim", "targets", "field", "enabled", "id", "map", "unit", "ends")
_Rivals = Mapping[str, Binding]


def _rivals(bindings: Sequence[Binding]) -> _Rivals:
    """Return, by `where`, the binding that an earlier one yields to: the later of two is what is shown."""
    last: dict[tuple[str, ...], Binding] = {}
    out: dict[str, Binding] = {}
    for binding in bindings:
        if not binding.enabled:
            continue
        for target in binding.targets or (binding.prim,):
            key = (target, binding.channel, binding.axis, binding.property_name)
            if key in last and last[key] is not binding:
                out[binding.where] = last[key]
            last[key] = binding
    return out


def _twin(problem: SceneProblem, to: Mapping[str, str]) -> Fix | None:
    words = problem.what.split()
    prim = next((word for word in words if word.startswith("/")), "")
    if prim not in to:
        return None
    says = f"its prim becomes {to[prim]}"
    return Fix(code=problem.code, where=problem.where, says=says, prims=(prim, to[prim]))


def _fixed(
    problem: SceneProblem,
    binding: Binding,
    tags: Mapping[str, TagSpec],
    maps: Mapping[str, ColourMap],
    to: Mapping[str, str],
    rivals: _Rivals,
) -> Fix | None:
    def fix(new: Binding, says: str, old: Binding = binding) -> Fix:
        return Fix(code=problem.code, where=problem.where, says=says, old=old, new=new)

    spec = tags.get(binding.signal)
    match problem.code:
        case "B04":
            made = rebind.rebound([binding], to).bindings
            return fix(made[0], f"it goes to {made[0].prim}") if made else None
        case "B10":
            earlier = rivals.get(binding.where)
            if earlier is not None:
                return fix(
                    replace(earlier, enabled=False), f"{earlier.where} is disabled: it is not shown", earlier
                )
        case "B11" if binding.map.kind == "steps":
            new = _ascending(binding)
            return fix(new, "its thresholds are sorted") if new is not None else None
        case "B13":
            colours = maps.get(binding.colormap)
            if colours is not None and spec is not None and _converts(spec.unit, colours.unit):
                return fix(replace(binding, unit=colours.unit), f"its unit becomes {colours.unit}")
        case "B17":
            new_id = str(uuid.uuid5(_SPACE, f"{binding.id} {binding.where}"))
            return fix(replace(binding, id=new_id), "it gets an id of its own")
        case "B30":
            span = shown_span(binding, spec) if spec is not None else None
            if span is not None and span[1] > span[0]:
                new_ends = span if binding.ends[0] <= binding.ends[1] else span[::-1]
                says = f"its range becomes ({new_ends[0]:.6g}, {new_ends[1]:.6g})"
                return fix(replace(binding, ends=(new_ends[0], new_ends[1])), says)
    return None


def _converts(unit: str, into: str) -> bool:
    if not unit or not into:
        return False
    try:
        conversion(unit, into)
    except ProjectFault:
        return False
    return True


def _ascending(binding: Binding) -> Binding | None:
    keys, values = binding.map.state_keys, binding.map.state_values
    try:
        pairs = sorted(zip((float(k) for k in keys), keys, values, strict=True))
    except ValueError:
        return None
    if len({number for number, _, _ in pairs}) != len(pairs):
        return None  # which of two values is meant, only a person knows
    return replace(
        binding,
        map=replace(
            binding.map,
            state_keys=tuple(key for _, key, _ in pairs),
            state_values=tuple(value for _, _, value in pairs),
        ),
    )


def by_finding(fixes: Sequence[Fix]) -> dict[tuple[str, str], Fix]:
    """Return each fix by the code and the place of its finding."""
    return {(fix.code, fix.where): fix for fix in fixes}
