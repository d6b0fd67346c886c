"""`armillary template`: list and check command templates, try one on the project's simulator."""

from __future__ import annotations

import math
import os
from pathlib import Path

import click

from armillary.cli.answer import emit_json, finite, table, tell
from armillary.model.clock import WallClock
from armillary.model.command import Template
from armillary.model.control import TEST_FIRE, NoteTestFire
from armillary.model.fault import Fault, ProjectFault
from armillary.model.frame import WorldKind
from armillary.model.message import Hello, Welcome
from armillary.model.order import OrderState
from armillary.project import folder as projects
from armillary.project.commands import COMMANDS_FILE
from armillary.project.record import Project
from armillary.project.table import nearest
from armillary.security.audit import Act, Audit
from armillary.session.test_fire import Fired, Shot, fire, usual_values
from armillary.wire import runs
from armillary.wire.bus import Line, served

ANSWER_S = 10.0
_PROJECT = click.argument("project")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def template() -> None:
    """List and check command templates, try one on the simulator."""


@template.command("list")
@_PROJECT
@_JSON
def list_(project: str, as_json: bool) -> int:
    """List the templates of a project."""
    opened = projects.read(Path(project).expanduser().resolve())
    if as_json:
        emit_json({"templates": [_entry(each) for each in opened.templates]})
    else:
        rows = [(each.id, each.kind, each.role, _takes(each), each.title) for each in opened.templates]
        table(rows, ("ID", "KIND", "ROLE", "TAKES", "TITLE"))
    return 0


@template.command("check")
@_PROJECT
@_JSON
def check(project: str, as_json: bool) -> int:
    """Tell what is wrong or doubtful in commands.toml; status 1 when something is."""
    path = Path(project).expanduser().resolve()
    _, problems = projects.examine(path)
    wrong = [p for p in problems if p.where.startswith(COMMANDS_FILE)]
    if as_json:
        entries = [
            {"code": p.code, "severity": p.severity, "where": p.where, "what": p.what, "remedy": p.remedy}
            for p in wrong
        ]
        emit_json({"findings": entries})
    for p in [] if as_json else wrong:
        tell(f"{p.where}: {p.code} {p.what} {p.remedy}", err=True)
    return int(bool(wrong))


@template.command("fire")
@_PROJECT
@click.argument("template_id", metavar="ID")
@click.argument("values", nargs=-1, type=float)
@_JSON
def fire_(project: str, template_id: str, values: tuple[float, ...], as_json: bool) -> int:
    """Try a template on the simulator, with each of VALUES; the plant is never reached.

    Without VALUES: one beyond the limits, then the middle. 0 when the last one was verified.
    """
    opened = projects.read(Path(project).expanduser().resolve())
    found = next((each for each in opened.templates if each.id == template_id), None)
    if found is None:
        known = [each.id for each in opened.templates]
        raise ProjectFault(
            f"There is no template '{template_id}'.",
            where=str(opened.folder / COMMANDS_FILE),
            remedy=nearest(template_id, known).strip() or f"Known: {', '.join(known) or 'none'}.",
        )
    fired = fire(opened.folder, found, values or usual_values(found))
    for shot in fired.shots:
        _note(opened, found.id, shot)
    if as_json:
        emit_json(_told(fired))
    else:
        for shot in fired.shots:
            value = "" if math.isnan(shot.value) else f"{shot.value:g} → "
            tell(f"simulator: {value}{shot.text}")
            for what, holds, text in shot.checks:
                tell(f"  {'✓' if holds else '✗'} {what} ({text})", err=True)
    return 0 if fired.shots and fired.shots[-1].state is OrderState.VERIFIED else 1


def _note(project: Project, id_: str, shot: Shot) -> None:
    """Write a try into the audit: by the live world where one runs, for it is its only writer."""
    for run in runs.all_runs():
        if run.project == str(project.folder) and run.kind == WorldKind.LIVE and served(run.address):
            line = Line(run.address)
            try:
                hello = Hello(actor=f"local:{os.getuid()}", desk="cli")
                if isinstance(line.ask(hello, ANSWER_S), Welcome):
                    line.ask(NoteTestFire(template=id_, value=shot.value, outcome=shot.outcome), ANSWER_S)
            except Fault as fault:
                tell(f"Not in the audit: {fault.what}", err=True)
            finally:
                line.close()
            return
    now = WallClock().now_ns()
    audit = Audit(project.private / "audit", world_kind="TRAINING", now_ns=now)
    try:
        act = Act(
            actor=f"local:{os.getuid()}",
            role="",
            action=TEST_FIRE,
            target=id_,
            after=finite(shot.value),
            reason=f"simulator: {shot.outcome}",
        )
        audit.append(act, t_ns=now)
    finally:
        audit.close()


def _told(fired: Fired) -> dict[str, object]:
    shots = [
        {
            "value": finite(shot.value),
            "state": str(shot.state),
            "text": shot.text,
            "read_back": None if shot.read_back is None else finite(shot.read_back),
            "checks": [{"what": w, "holds": h, "text": t} for w, h, t in shot.checks],
        }
        for shot in fired.shots
    ]
    return {"template": fired.template, "world": fired.world, "kind": fired.kind, "shots": shots}


def _entry(each: Template) -> dict[str, object]:
    return {
        "id": each.id,
        "kind": each.kind,
        "title": each.title,
        "role": each.role,
        "target": each.tag or f"{each.link}!{each.address}",
        "takes": _takes(each),
        "preconditions": list(each.preconditions),
        "reversible_by": each.reversible_by,
    }


def _takes(each: Template) -> str:
    given = each.parameter
    if given is None:
        return "" if math.isnan(each.value) else f"{each.value:g}"
    return f"{given.low:g} to {given.high:g} {given.unit}".rstrip()
