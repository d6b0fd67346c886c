"""`armillary check --fix`: what can be mended without asking, and what a running world tells of tags."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from armillary.cli.answer import tell
from armillary.model.binding import Binding
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord, ProjectFault
from armillary.model.frame import apply_frame
from armillary.model.message import Done, Hello, SaveBindings, Welcome
from armillary.model.rematch import Match
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.model.tags import TagSpec, TagTable
from armillary.project import fixes, prim_paths, rebind, shown_lint
from armillary.project.fixes import Fix
from armillary.project.record import Project
from armillary.session.area_lines import line_of
from armillary.session.reading import ask_child, scene_child

LIMIT_S = 600.0
SILENT_DAYS = 1
_DAY_S = 86_400


def planned(
    project: Project,
    problems: Sequence[SceneProblem],
    bindings: Sequence[Binding],
    scene: SceneArrays | None,
    only: Sequence[str] = (),
) -> tuple[Fix, ...]:
    """Return what can be mended; where prims are missing they are sought first."""
    codes = {problem.code for problem in problems}
    found: tuple[Match, ...] = ()
    if codes & {"B04", "P23"} and scene is not None:
        found = rebind.matches(bindings, scene, project.twins, also=prim_paths.named(project.folder))
    return fixes.plan(problems, bindings, project.specs, project.colormaps, found, only)


def mend(project: Project, chosen: Sequence[Fix], bindings: Sequence[Binding]) -> tuple[str, ...]:
    """Write fixes into the binding layer and twins.json; return what could not be, in words. Raises Fault."""
    made, to = fixes.merged(chosen, bindings)
    if made.bindings or made.remove:
        request = project.scene_request()
        if request is None or project.bindings is None:
            where = str(project.folder)
            raise ProjectFault(
                "There is no binding layer to write.", where=where, remedy="Save it as a project."
            )
        with scene_child() as (line, process):
            ask_child(line, process, request, LIMIT_S, request.entry)
            message = SaveBindings(bindings=made.bindings, remove=made.remove)
            answer = ask_child(line, process, message, LIMIT_S, request.entry)
        if isinstance(answer, FaultRecord):
            raise answer.fault()
        if not isinstance(answer, Done):
            raise click.ClickException("the scene child answered something else")
    rebind.follow(project, to)
    return tuple(f"{where}: its new place has a binding of this name already" for where in made.taken)


def tell_fixes(chosen: Sequence[Fix], *, is_dry: bool) -> None:
    """Print what is mended, or would be."""
    for fix in chosen:
        at = fix.old.where if fix.old is not None else Path(fix.where).name
        tell(f"{'would fix' if is_dry else 'fixed'} {fix.code} {at}: {fix.says}")


def silent(project: Project, bindings: Sequence[Binding]) -> list[SceneProblem]:
    """Return bindings on tags that the project's running world does not get. Raises Fault where none runs."""
    line = line_of(str(project.folder), "")
    try:
        welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="cli"))
        if not isinstance(welcome, Welcome):
            raise click.ClickException("the world answered something else; are both of one version?")
    finally:
        line.close()
    mirror = TagTable(len(welcome.specs))
    apply_frame(mirror, welcome.frame)
    return shown_lint.never(bindings, quiet(welcome.specs, mirror.arrival_ns.tolist(), welcome.now_ns))


def quiet(specs: Sequence[TagSpec], arrival_ns: Sequence[int], now_ns: int) -> dict[str, str]:
    """Return name → for how long, of tags with a source that do not come; arrival by slot, 0 = never."""
    words: dict[str, str] = {}
    for spec in specs:
        came = arrival_ns[spec.slot]
        days = (now_ns - came) / NS / _DAY_S
        if spec.link and not came:
            words[spec.name] = "since the world started"
        elif spec.link and days >= SILENT_DAYS:
            words[spec.name] = f"for {days:.0f} days"
    return words
