"""`armillary compose`: other scenes put into a project's, by a layer of its own."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.model.fault import Fault, ProjectFault
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session import placing
from armillary.session.bulk import Text

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_PARTS = 3


@click.group()
def compose() -> None:
    """Add other scenes to a project's, and take them out; only composed.usda is written."""


@compose.command("add")
@click.argument("project")
@click.argument("scene")
@click.option("--at", "prim", required=True, metavar="PATH", help="The new prim, such as /Station/Dosing2.")
@click.option("--translate", default="0,0,0", metavar="X,Y,Z", help="In units of the project's scene.")
@_JSON
def add(project: str, scene: str, prim: str, translate: str, as_json: bool) -> int:
    """Reference SCENE at a new prim, fitted to the unit and up axis of the project's scene."""
    opened = _saved(project)
    looked = placing.look(Path(scene).expanduser().resolve(), opened)
    _put(placing.texts(opened, looked, prim, _position(translate)))
    if as_json:
        emit_json(
            {
                "prim": prim,
                "prims": looked.prims,
                "bytes": looked.bytes,
                "problems": list(looked.problems),
                "scale": looked.scale,
                "rotate_x": looked.rotate_x,
            }
        )
        return 0
    tell(f"{prim}: {looked.text}.")
    for line in looked.problems:
        tell(f"  {line}")
    return 0


@compose.command("remove")
@click.argument("project")
@click.argument("prim")
def remove(project: str, prim: str) -> int:
    """Take out what was added at PRIM."""
    _put(placing.texts_without(_saved(project), prim))
    tell(f"{prim} is taken out.")
    return 0


def _put(texts: tuple[Text, ...]) -> None:
    done: list[Text] = []
    try:
        for text in texts:
            text.put(text.after, text.before)
            done.append(text)
    except (Fault, OSError) as error:
        for text in done:  # all of them or none
            text.put(text.before, text.after)
        if isinstance(error, Fault):
            raise
        raise ProjectFault(
            f"It cannot be written: {error.strerror}.",
            where=str(error.filename or ""),
            remedy="Make room, or make the folder writable.",
        ) from error


def _position(text: str) -> tuple[float, float, float]:
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) != _PARTS:
        raise click.UsageError("--translate takes three numbers, such as 1.5,0,2")
    return parts[0], parts[1], parts[2]


def _saved(project: str) -> Project:
    found = projects.read(Path(project).expanduser().resolve())
    if not found.saved:
        raise ProjectFault(
            "A bare scene has no layer of its own.", where=project, remedy="Make a project: armillary new."
        )
    return found
