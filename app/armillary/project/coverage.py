"""What of a scene is bound, and what is not: for the report, and for the view that paints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import I8, U1
from armillary.model.binding import Binding
from armillary.model.fault import ProjectFault
from armillary.model.scene import SceneArrays, index_of, subtree_ends
from armillary.model.tags import TagSpec
from armillary.project import lint, templates
from armillary.project.record import Project
from armillary.project.settings import EXPRESSION_SOURCE

BARE, UNBOUND, BOUND, SEVERAL, TEMPLATE, DEAD = range(6)
STATES = ("nothing drawn", "unbound", "bound", "bound by several", "bound by a template", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A binding that never shows a value."""

    where: str  # `/prim#name`
    file: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A part that the model or the scene calls a thing of its own, and that nothing drives."""

    prim: str
    twin: str  # id, "" = none
    kind: str  # the twin's type, else the scene's kind
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Dead bindings, unbound tags and unbound parts of a project."""

    bindings: int
    tags: int
    twins: int
    dead: tuple[Dead, ...]
    unbound_tags: tuple[str, ...]
    unbound_prims: tuple[Bare, ...]
    counts: Mapping[str, int] = field(default_factory=dict)  # of parts that are drawn, by state


def dead(
    bindings: Sequence[Binding], specs: Sequence[TagSpec], sources: Sequence[str], prims: Mapping[str, int]
) -> dict[int, str]:
    """Return why bindings show nothing, by their row; those that are disabled are not asked."""
    tags = {spec.name for spec in specs}
    known = {*sources, EXPRESSION_SOURCE}
    out: dict[int, str] = {}
    for row, binding in enumerate(bindings):
        if not binding.enabled:
            continue
        targets = [t.partition(".")[0] for t in binding.targets] or [binding.prim]
        gone = [path for path in targets if path not in prims]
        if binding.prim not in prims:
            out[row] = f"{binding.prim} is not in the scene"
        elif len(gone) == len(targets):
            out[row] = f"{gone[0]} is not in the scene"
        elif binding.address:
            source = binding.address.partition("!")[0]
            if source not in known:
                out[row] = f"there is no source '{source}'"
        elif binding.signal and binding.signal not in tags:
            out[row] = f"there is no tag '{binding.signal}'"
        elif not binding.signal and binding.channel != "field" and binding.map.kind != "expr":
            out[row] = "it has no tag"
    return out


def states(
    scene: SceneArrays,
    bindings: Sequence[Binding],
    gone: Mapping[int, str],
    templated: Sequence[str] = (),
) -> U1:
    """Return the state of each prim (M,): what is bound covers all below it, down to what is bound itself.

    templated: `/prim#name` of bindings that a template made.
    """
    m = len(scene)
    out = np.where(scene.drawable, UNBOUND, BARE).astype(np.uint8)
    rows = index_of(scene.prim_path)
    of_template = frozenset(templated)
    own = np.zeros(m, np.uint8)
    live = np.zeros(m, np.int64)
    for k, binding in enumerate(bindings):
        if not binding.enabled:
            continue
        for target in dict.fromkeys([t.partition(".")[0] for t in binding.targets] or [binding.prim]):
            row = rows.get(target)
            if row is None:
                continue
            if k in gone:
                own[row] = DEAD
                continue
            live[row] += 1
            if own[row] != DEAD:
                own[row] = TEMPLATE if binding.where in of_template else BOUND
    own[(live > 1) & (own != DEAD)] = SEVERAL
    ends = subtree_ends(scene.parent)
    for row in np.flatnonzero(own).tolist():  # parents come first: what is below paints over them
        below = slice(row, int(ends[row]))
        part = out[below]
        part[part != BARE] = own[row]
        out[row] = own[row]
    return out


def next_unbound(scene: SceneArrays, state: U1, after: int) -> int | None:
    """Return the next part that is drawn and not bound, after a prim (-1 = before all), around the end."""
    rows: I8 = np.flatnonzero((state == UNBOUND) & scene.visible)
    if not len(rows):
        return None
    later = rows[rows > after]
    return int(later[0] if len(later) else rows[0])


def templated(project: Project | None) -> tuple[str, ...]:
    """Return `/prim#name` of the bindings that templates made; none where their file cannot be read."""
    if project is None or not project.saved:
        return ()
    try:
        text = templates.text_of(project.folder, templates.MADE_FILE)
        return tuple(templates.made_of(text)) if text else ()
    except ProjectFault:
        return ()


def report(project: Project, bindings: Sequence[Binding], scene: SceneArrays | None) -> Report:
    """Return what is dead and what is not bound. Without a scene its parts are not judged."""
    rows = index_of(scene.prim_path) if scene is not None else {}
    sources = [link.name for link in project.links]
    prims = rows if scene is not None else dict.fromkeys(_named(bindings), 0)
    gone = dead(bindings, project.specs, sources, prims)
    enabled = [binding for binding in bindings if binding.enabled]
    counts: dict[str, int] = {}
    if scene is not None:
        state = states(scene, bindings, gone, templated(project))[scene.drawable]
        counts = {name: int((state == k).sum()) for k, name in enumerate(STATES) if k != BARE}
    return Report(
        bindings=len(bindings),
        tags=len(project.specs),
        twins=len(project.twins),
        dead=tuple(
            Dead(where=bindings[row].where, file=bindings[row].origin.partition(":/")[0], why=why)
            for row, why in gone.items()
        ),
        unbound_tags=lint.unbound_tags(project, enabled),
        unbound_prims=_bare(project, enabled, scene) if scene is not None else (),
        counts=counts,
    )


def _named(bindings: Sequence[Binding]) -> set[str]:
    return {t.partition(".")[0] for b in bindings for t in (b.prim, *b.targets)}


def _bare(project: Project, bindings: Sequence[Binding], scene: SceneArrays) -> tuple[Bare, ...]:
    rows = index_of(scene.prim_path)
    at = sorted({rows[path] for path in _named(bindings) if path in rows})
    bound = np.array(at, np.int64)
    ends = subtree_ends(scene.parent)
    things: dict[int, Bare] = {
        row: Bare(prim=scene.prim_path[row], twin="", kind=kind, title="")
        for row, kind in scene.kind
        if kind in {"component", "subcomponent"}
    }
    for twin in project.twins:
        if twin.prim in rows:
            row = rows[twin.prim]
            kind = twin.model or (things[row].kind if row in things else "")
            things[row] = Bare(prim=twin.prim, twin=twin.id, kind=kind, title=twin.title)
    order = sorted(things)
    first = np.searchsorted(bound, np.array(order, np.int64))
    last = np.searchsorted(bound, ends[np.array(order, np.int64)] if order else bound[:0])
    lone = [things[row] for row, is_bare in zip(order, (first == last).tolist(), strict=True) if is_bare]
    return tuple(sorted(lone, key=lambda thing: (thing.kind, thing.twin, thing.prim)))
