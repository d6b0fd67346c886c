"""`armillary procedure`: list and check work instructions, hand one out for AR viewers."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.handing_out import hand_out, names_of
from armillary.cli.scenes import SCENE_LIMIT_S, opening
from armillary.model.fault import ProjectFault
from armillary.model.message import SceneOpened
from armillary.model.procedure import Procedure
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.project import folder as projects
from armillary.project import procedures
from armillary.project.record import Project
from armillary.scene import cache
from armillary.session.reading import ask_child, scene_child

_WIDE, _HIGH = 960, 600
_PROJECT = click.argument("project")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def procedure() -> None:
    """List, check and hand out step-by-step work instructions."""


@procedure.command("list")
@_PROJECT
@_JSON
def list_(project: str, as_json: bool) -> int:
    """List the procedures of a project; status 1 when one of them cannot be used."""
    opened = _project(project)
    found, problems = procedures.examine(opened.folder, {s.name: s for s in opened.specs})
    wrong = [p for p in problems if p.severity == "error"]
    if as_json:
        emit_json({"procedures": [_entry(each) for each in found], "findings": [_finding(p) for p in wrong]})
    else:
        rows = [(each.id, each.role, str(len(each.steps)), each.title) for each in found]
        table(rows, ("ID", "ROLE", "STEPS", "TITLE"))
        _tell(wrong)
    return int(bool(wrong))


@procedure.command("check")
@_PROJECT
@_JSON
def check(project: str, as_json: bool) -> int:
    """Check procedures against tags, units and the scene; status 1 when something is wrong."""
    opened = _project(project)
    scene: SceneArrays | None = None
    if opened.entry is not None:
        with scene_child() as (line, process):
            got = ask_child(line, process, opening(opened), SCENE_LIMIT_S, str(opened.entry))
        scene = cache.read(Path(got.arrays)) if isinstance(got, SceneOpened) else None
    prims = scene.prim_path if scene is not None else None
    found, problems = procedures.examine(opened.folder, {s.name: s for s in opened.specs}, prims)
    if as_json:
        emit_json({"procedures": [each.id for each in found], "findings": [_finding(p) for p in problems]})
    else:
        _tell(problems)
        tell(f"{len(found)} procedures, {len(problems)} findings")
    return int(any(p.severity != "info" for p in problems))


@procedure.command("export")
@_PROJECT
@click.argument("procedure_id", metavar="ID")
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR"
)
@click.option(
    "--context",
    default="parts",
    type=click.Choice(["parts", "near", "all"]),
    show_default=True,
    help="What goes into the model: the parts of the steps, their neighbours too, or the whole scene.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@_JSON
def export(project: str, procedure_id: str, output: Path, context: str, force: bool, as_json: bool) -> int:
    """Write a procedure as a USDZ and a page with a picture of each step, for phones and AR viewers."""
    opened = _project(project)
    path = procedures.find(opened.folder, procedure_id)
    found = procedures.read(path, {s.name: s for s in opened.specs})
    folder = output.expanduser().resolve()
    told = hand_out(opened, found, folder, context=context, force=force)
    if as_json:
        emit_json({**told, "page": str(folder / f"{found.id}.html"), "files": names_of(found)})
        return 0
    size = " × ".join(f"{v:g}" for v in told["metres"])
    tell(f"{folder / f'{found.id}.html'}")
    tell(f"  {told['prims']:,} prims, {told['points']:,} points, {told['bytes']:,} bytes, {size} m")
    for note in told["notes"]:
        tell(f"  {note}", err=True)
    return 0


def _project(path: str) -> Project:
    folder = Path(path).expanduser().resolve()
    found, problems = projects.examine(folder)
    if found is None:
        first = next((p for p in problems if p.severity == "error"), None)
        raise ProjectFault(
            first.what if first else "There is no project here.",
            where=first.where if first else str(folder),
            remedy=first.remedy if first else "Give a project folder.",
        )
    return found


def _entry(each: Procedure) -> dict[str, object]:
    steps = [
        {
            "id": step.id,
            "title": step.title,
            "text": step.text,
            "prims": list(step.prims),
            "until": step.until,
            "held_s": step.held_s,
            "confirm": step.needs_person,
        }
        for step in each.steps
    ]
    return {"id": each.id, "title": each.title, "role": each.role, "file": each.origin, "steps": steps}


def _finding(p: SceneProblem) -> dict[str, str]:
    return {"code": p.code, "severity": p.severity, "where": p.where, "what": p.what, "remedy": p.remedy}


def _tell(problems: list[SceneProblem] | tuple[SceneProblem, ...]) -> None:
    for p in problems:
        tell(f"{p.where}: {p.code} {p.what} {p.remedy}", err=True)
