"""A procedure handed out: a model of its parts as USDZ, a picture of each step, and a page with all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from armillary.cli import stopping
from armillary.cli.scenes import SCENE_LIMIT_S, opening
from armillary.model import files
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, ProjectFault
from armillary.model.message import Json, PackParts, SceneOpened
from armillary.model.procedure import Procedure, ProcedureStep
from armillary.model.scene import SceneArrays
from armillary.project import procedures
from armillary.project.record import Project
from armillary.scene import cache
from armillary.session.handout_page import Handout, html
from armillary.session.reading import ask_child, scene_child

if TYPE_CHECKING:
    from armillary.viewport.view import View

_WIDE, _HIGH = 960, 600


def hand_out(
    opened: Project, found: Procedure, folder: Path, *, context: str, force: bool
) -> dict[str, Any]:  # Any: JSON
    """Write a procedure into a folder; returns what the model holds. Raises Fault."""
    names = names_of(found)
    there = [name for name in names if (folder / name).exists()]
    if there and not force:
        raise Fault(
            "The file is there already.",
            where=str(folder / there[0]),
            remedy="Choose another folder, or use --force.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot(folder, error) from error
    prims = tuple(dict.fromkeys(prim for step in found.steps for prim in step.prims))
    ask = PackParts(output=str(folder / f"{found.id}.usdz"), prims=prims, context=context, force=force)
    with scene_child() as (line, process):
        got = ask_child(line, process, opening(opened), SCENE_LIMIT_S, str(opened.entry))
        if not isinstance(got, SceneOpened):
            raise click.ClickException("the scene child answered something else")
        scene = cache.read(Path(got.arrays))
        if lost := procedures.lost(found, scene.prim_path):
            raise ProjectFault(lost[0].what, where=lost[0].where, remedy=lost[0].remedy)
        answer = ask_child(line, process, ask, SCENE_LIMIT_S, str(opened.entry))
    if not isinstance(answer, Json):
        raise click.ClickException("the scene child answered something else")
    told: dict[str, Any] = json.loads(answer.text)
    _write(opened, found, scene, folder, told["notes"])
    return told


def names_of(found: Procedure) -> list[str]:
    """Return the names of the files that are written."""
    steps = [f"{found.id}-{number:02}.png" for number in range(len(found.steps) + 1)]
    return [f"{found.id}.usdz", f"{found.id}.html", *steps]


def _write(opened: Project, found: Procedure, scene: SceneArrays, folder: Path, notes: list[str]) -> None:
    """Draw each step and write the page."""
    from armillary.viewport.view import View

    stopping.disarm()  # VTK makes an end of its own of an exception that a signal throws into it
    view = View(scene, _WIDE, _HIGH, theme="light")
    row = {prim: number for number, prim in enumerate(scene.prim_path)}
    names = names_of(found)[2:]
    try:
        everything = [row[prim] for step in found.steps for prim in step.prims]
        view.select(everything)
        view.pose = view.framing(everything)
        view.save_png(folder / names[0])
        for step, name in zip(found.steps, names[1:], strict=True):
            _aim(view, scene, step, row)
            view.select([row[prim] for prim in step.prims])
            view.save_png(folder / name)
        now = datetime.fromtimestamp(WallClock().now_ns() / NS, ZoneInfo(opened.timezone))
        page = Handout(
            procedure=found,
            project=opened.name,
            version=opened.version,
            model=f"{found.id}.usdz",
            cover=names[0],
            pictures=names[1:],
            made=now.strftime("%Y-%m-%d %H:%M"),
            notes=notes,
        )
        files.replace(folder / f"{found.id}.html", html(page).encode(), 0o644)
    except OSError as error:
        raise _cannot(folder, error) from error
    finally:
        view.close()


def _aim(view: View, scene: SceneArrays, step: ProcedureStep, row: dict[str, int]) -> None:
    """Look as the step says; else at its parts; else as before."""
    camera = next((c for c in scene.cameras if c.path == step.camera), None)
    if step.look is not None:
        look = step.look
        view.pose = replace(view.pose, position=look.position, focus=look.focus, up=look.up)
    elif camera is not None:
        view.look_through(camera)
    elif step.prims:
        view.pose = view.framing([row[prim] for prim in step.prims])


def _cannot(folder: Path, error: OSError) -> Fault:
    return Fault(
        f"It cannot be written: {error.strerror or error}.",
        where=str(folder),
        remedy="Choose a folder that you may write to.",
    )
