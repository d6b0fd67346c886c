"""`armillary bindings rebind`: after a new export of a scene, what is bound is found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.scenes import SCENE_LIMIT_S, opening, scene_path
from armillary.model.binding import Binding
from armillary.model.fault import FaultRecord, ProjectFault
from armillary.model.message import Done, SaveBindings, SceneOpened
from armillary.model.rematch import GONE, SURE, Match
from armillary.model.scene import SceneArrays
from armillary.project import folder as projects
from armillary.project import prim_paths
from armillary.project import rebind as follow
from armillary.project.record import Project
from armillary.scene import cache
from armillary.session.reading import ask_child, scene_child

_SHOWN = 60


@click.command()
@click.argument("project")
@click.option("--against", default="", metavar="OLD", help="The older scene, where it is still there.")
@click.option(
    "--sure",
    default=SURE,
    show_default=True,
    type=click.FloatRange(0.0, 1.0),
    help="What is at least so sure is taken.",
)
@click.option("--apply", "is_applied", is_flag=True, help="Write what is sure; the rest stays as it is.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def rebind(project: str, against: str, sure: float, is_applied: bool, as_json: bool) -> int:
    """Find what is bound again in a scene that was exported anew: by path, place, shape and neighbours.

    Nothing is written without --apply. Status 1 while something is not found for sure.
    """
    read = projects.read(scene_path(project))
    if is_applied and read.bindings is None:
        where = str(read.folder)
        raise ProjectFault("There is no binding layer to write.", where=where, remedy="Save it as a project.")
    with scene_child() as (line, process):
        older = _arrays(line, process, projects.read(scene_path(against)))[1] if against else None
        opened, scene = _arrays(line, process, read)
        found = follow.matches(
            opened.bindings, scene, read.twins, older, prim_paths.named(read.folder) if read.saved else ()
        )
        to = follow.moves(found, sure)
        made = follow.rebound(opened.bindings, to)
        if is_applied:
            # all that is found is written, so that what it looks like now is known from now on
            kept = _seen(opened.bindings, made, found, sure)
            message = SaveBindings(bindings=(*made.bindings, *kept), remove=made.remove)
            if message.bindings or message.remove:
                answer = ask_child(line, process, message, SCENE_LIMIT_S, str(read.entry))
                if isinstance(answer, FaultRecord):
                    raise answer.fault()
                if not isinstance(answer, Done):
                    raise click.ClickException("the scene child answered something else")
            follow.follow(read, to)
    open_ = [m for m in follow.wanting(found) if m.kind == GONE or m.confidence < sure]
    if as_json:
        emit_json(_document(found, made, sure, is_applied=is_applied))
    else:
        _tell(found, made, sure, is_applied=is_applied)
    return 1 if open_ or made.taken or (to and not is_applied) else 0


def _arrays(line: object, process: object, project: Project) -> tuple[SceneOpened, SceneArrays]:
    question = opening(project)
    opened = ask_child(line, process, question, SCENE_LIMIT_S, question.entry)  # type: ignore[arg-type]
    if not isinstance(opened, SceneOpened):
        raise click.ClickException("the scene child answered something else")
    return opened, cache.read(Path(opened.arrays))


def _seen(
    bindings: Sequence[Binding], made: follow.Rebound, found: Sequence[Match], sure: float
) -> list[Binding]:
    """Return bindings that stay where they are and whose part is not as it is kept, or is not kept."""
    changed = {(b.prim, b.name) for b in made.bindings}
    stale = {m.old for m in found if m.new == m.old and m.confidence >= sure and m.kind != "same"}
    out: dict[str, Binding] = {}
    there = {m.old for m in found if m.new == m.old and m.kind == "same"}
    for binding in bindings:
        is_unknown = not binding.part and binding.prim in there
        if (binding.prim in stale or is_unknown) and (binding.prim, binding.name) not in changed:
            out.setdefault(binding.prim, binding)
    return list(out.values())


def _document(
    found: Sequence[Match], made: follow.Rebound, sure: float, *, is_applied: bool
) -> dict[str, object]:
    return {
        "applied": is_applied,
        "sure": sure,
        "counts": dict(sorted(Counter(match.kind for match in found).items())),
        "bindings": len(made.bindings),
        "taken": list(made.taken),
        "matches": [
            {
                "old": m.old,
                "new": m.new or None,
                "kind": m.kind,
                "confidence": m.confidence,
                "why": m.why,
                "moved_m": round(m.moved_m, 6),
                "others": list(m.others),
            }
            for m in follow.wanting(found)
        ],
    }


def _tell(found: Sequence[Match], made: follow.Rebound, sure: float, *, is_applied: bool) -> None:
    wanting = follow.wanting(found)
    doubtful = sorted((m for m in wanting if m.confidence < sure), key=lambda m: m.old)
    clear = [m for m in wanting if m.confidence >= sure]
    rows = [
        (m.kind, f"{m.confidence:.0%}", m.old, m.new or "–", m.why)
        for m in (*doubtful[:_SHOWN], *clear[: max(0, _SHOWN - len(doubtful))])
    ]
    if rows:
        table(rows, ("what", "sure", "was", "is", "because"))
    if len(wanting) > len(rows):
        tell(f"… {len(wanting) - len(rows)} more; --json tells all")
    for where in made.taken:
        tell(f"{where}: its new place has a binding of this name already; it stays")
    same = len(found) - len(wanting)
    done = "written" if is_applied else "to be written with --apply"
    tell(
        f"{same} as they were, {len(clear)} found again, {len(doubtful)} to be looked at; "
        f"{len(made.bindings)} bindings {done}"
    )
