"""`armillary export`: a scene as one flattened layer, as authored or as a running world colours it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.cli.scenes import SCENE_LIMIT_S, opening, payload_option, root_option
from armillary.cli.scenes import scene_path as path_of
from armillary.model.message import Flatten, Json, SceneOpened
from armillary.project import folder as projects
from armillary.session.exporting import running
from armillary.session.reading import ask_child, scene_child
from armillary.wire import runs


@click.command(name="export")
@click.argument("path", default="")
@root_option
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, resolve_path=True))
@click.option("--force", is_flag=True, help="Replace a file that is there; never one of the scene itself.")
@payload_option
@click.option("--live", is_flag=True, help="With the colours and places of the running world of PATH, now.")
@click.option("--connect", default="", metavar="ADDR", help="With --live: the world at this address.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def export(
    path: str,
    roots: tuple[str, ...],
    output: str,
    force: bool,
    payloads: bool,
    live: bool,
    connect: str,
    as_json: bool,
) -> int:
    """Write a scene, or a project's scene, as one flattened layer."""
    if live or connect:
        told = running(connect or runs.find(path).address, Path(output), force=force)
        if as_json:
            emit_json(dict(told))
        else:
            tell(f"{told['output']}")
            names = ("prims", "coloured", "hidden", "moved", "left")
            tell("  " + ", ".join(f"{told[name]:,} {name}" for name in names))
        return 0
    if not path:
        raise click.UsageError("Missing argument 'PATH'.")
    question = opening(projects.read(path_of(path)), roots, payloads=payloads)
    with scene_child() as (line, process):
        got = ask_child(line, process, question, SCENE_LIMIT_S, question.entry)
        if not isinstance(got, SceneOpened):
            raise click.ClickException("the scene child answered something else")
        asked = Flatten(output=str(Path(output)), force=force)
        answer = ask_child(line, process, asked, SCENE_LIMIT_S, question.entry)
    if not isinstance(answer, Json):
        raise click.ClickException("the scene child answered something else")
    told = json.loads(answer.text)
    if as_json:
        emit_json(told)
    else:
        tell(f"{told['output']}")
        tell(f"  {told['prims']:,} prims")
    return 0
