"""Bindings and twins that follow parts to their new paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from armillary.model.arrays import I8
from armillary.model.binding import Binding
from armillary.model.fault import ProjectFault
from armillary.model.likeness import Likeness, likeness, read
from armillary.model.rematch import GONE, SAME, SURE, Match, rematch
from armillary.model.scene import SceneArrays, index_of
from armillary.model.twin import TwinInstance
from armillary.project import edit, prim_paths, templates
from armillary.project.folder import write_atomic
from armillary.project.prim_paths import followed
from armillary.project.record import TWINS_FILE, Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebound:
    """What a save has to write, and what cannot follow."""

    bindings: tuple[Binding, ...]  # as they are to be
    remove: tuple[tuple[str, str], ...]  # (prim, name) that are no longer
    taken: tuple[str, ...]  # `/prim#name` of those whose new place has a binding of this name


def referred(bindings: Iterable[Binding], twins: Iterable[TwinInstance] = ()) -> tuple[str, ...]:
    """Return the prims that bindings and twins name, each once, sorted."""
    out = {twin.prim for twin in twins if twin.prim}
    for binding in bindings:
        out.add(binding.prim)
        out.update(prim_of(target) for target in (*binding.targets, *binding.field.sensors))
    return tuple(sorted(out))


def prim_of(target: str) -> str:
    """Return the prim of a path that may name a property."""
    return target.partition(".")[0]


def matches(
    bindings: Sequence[Binding],
    scene: SceneArrays,
    twins: Sequence[TwinInstance] = (),
    older: SceneArrays | None = None,
    also: Sequence[str] = (),
) -> tuple[Match, ...]:
    """Return where each prim that is named is now, by what is known of it: kept with it, or an older scene's.

    also: further prims that are asked for, which other files name (`prim_paths.named`).
    Takes a second for ten million triangles.
    """
    paths = tuple(sorted({*referred(bindings, twins), *also}))
    if older is not None:
        before = index_of(older.prim_path)
        rows = np.array([i for i, path in enumerate(paths) if path in before], np.int64)
        known = likeness(older).of(np.array([before[paths[i]] for i in rows.tolist()], np.int64))
    else:
        known, rows = _kept(paths, bindings)
    return tuple(rematch(paths, known, rows, scene.prim_path, likeness(scene)))


def _kept(paths: Sequence[str], bindings: Sequence[Binding]) -> tuple[Likeness, I8]:
    text = {binding.prim: binding.part for binding in bindings if binding.part}
    rows = np.array([i for i, path in enumerate(paths) if path in text], np.int64)
    known, could = read(tuple(text[paths[i]] for i in rows.tolist()))
    return known, rows[could]


def wanting(found: Iterable[Match]) -> tuple[Match, ...]:
    """Return the matches that a person has to know of: all but those that are as they were."""
    return tuple(match for match in found if match.kind != SAME)


def moves(found: Iterable[Match], sure: float = SURE) -> dict[str, str]:
    """Return old path → new path of what is at least so sure and has another path."""
    return {m.old: m.new for m in found if m.kind != GONE and m.confidence >= sure and m.new != m.old}


def rebound(bindings: Sequence[Binding], to: Mapping[str, str]) -> Rebound:
    """Return bindings as they are after their parts went from old to new paths."""
    changed: list[tuple[Binding, Binding]] = []
    for binding in bindings:
        new = replace(
            binding,
            prim=to.get(binding.prim, binding.prim),
            targets=tuple(followed(target, to) for target in binding.targets),
            field=replace(binding.field, sensors=tuple(followed(s, to) for s in binding.field.sensors)),
        )
        if new != binding:
            changed.append((binding, new))
    leaving = {(old.prim, old.name) for old, _ in changed}
    staying = {(b.prim, b.name) for b in bindings} - leaving
    out: list[Binding] = []
    remove: list[tuple[str, str]] = []
    taken: list[str] = []
    for old, new in changed:
        if (new.prim, new.name) in staying:
            taken.append(old.where)
            continue
        out.append(new)
        if old.prim != new.prim:
            remove.append((old.prim, old.name))
    return Rebound(bindings=tuple(out), remove=tuple(remove), taken=tuple(taken))


@dataclass(frozen=True, slots=True)
class Edit:
    """A file of the project that names prims, as it is and as it is to be."""

    path: Path
    before: str
    after: str


def edits(project: Project, to: Mapping[str, str]) -> tuple[Edit, ...]:
    """Return what changes in files that name prims when parts go from old to new paths. Raises ProjectFault.

    Twins, templates, rules, procedures and the default camera; of one file there is one edit.
    """
    out: list[Edit] = []
    if any(twin.prim in to for twin in project.twins):
        before = templates.text_of(project.folder, TWINS_FILE)
        out.append(Edit(project.folder / TWINS_FILE, before, edit.with_prims(before, to)))
    held = templates.text_of(project.folder, templates.TEMPLATES_FILE)
    if held and (after := templates.with_prims(held, to)) != held:
        out.append(Edit(project.folder / templates.TEMPLATES_FILE, held, after))
    made = templates.text_of(project.folder, templates.MADE_FILE)
    if made:
        known = templates.made_of(made)
        moved = {_followed_key(where, to): each for where, each in known.items()}
        if moved != known:
            out.append(Edit(project.folder / templates.MADE_FILE, made, templates.made_text(moved)))
    if project.saved and to:
        out += [Edit(path, text, after) for path, text, after in prim_paths.changed(project.folder, to)]
    return tuple(out)


def _followed_key(where: str, to: Mapping[str, str]) -> str:
    prim, mark, name = where.partition("#")
    return f"{to.get(prim, prim)}{mark}{name}"


def follow(project: Project, to: Mapping[str, str]) -> None:
    """Let all files that name prims follow them. Raises ProjectFault."""
    for each in edits(project, to):
        try:
            write_atomic(each.path, each.after)
        except OSError as error:
            raise ProjectFault(
                f"{each.path.name} cannot be saved: {error.strerror}.",
                where=str(each.path),
                remedy="Make it writable and run this again; the bindings are written.",
            ) from error
