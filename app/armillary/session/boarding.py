"""How a project, a bare scene or an address is opened: what is read, what is started, what is joined."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from armillary.model import places
from armillary.model.fault import Fault, ProjectFault
from armillary.model.frame import WorldKind
from armillary.model.message import OpenScene
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session.area_lines import SCHEME, address_of
from armillary.session.feed import RECORDER, SCENE, WORLD, Feed
from armillary.wire import runs
from armillary.wire.bus import local_address

SCENE_MEMORY = 4 * 1024**3  # address space of the scene child: a hostile file may not take the machine
MEMORY = 8 * 1024**3  # of a world and of a recorder: one that leaks is started again, and takes nobody along
_ADDRESS_SCHEMES = ("ipc://", "tcp://", "inproc://", SCHEME)
AREA = f"{WORLD} of "  # begins the names of peers that are areas' worlds
_count = itertools.count(1)


class WorldState(StrEnum):
    """How the desk stands with its world; `Workspace.world_text` says it in a sentence."""

    NONE = "NONE"  # a bare scene: no telemetry
    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    NOT_LIVE = "NOT_LIVE"  # silent for more than a second: the picture stands still and is drawn stale


@dataclass(frozen=True, slots=True, kw_only=True)
class Boarding:
    """A plan of opening: what it is, and whose world it will be."""

    title: str
    path: Path | None  # project folder or scene file; None: only an address is known yet
    project: Project | None
    address: str  # of a world that runs already; "" = none, or our own
    recorder: str  # address; "" = none known yet
    starts_world: bool
    areas: tuple[str, ...] = ()  # of a project that is shared out: each has a world of its own


def boarding(path_or_address: str) -> Boarding:
    """Return how to open something. Raises ProjectFault when it is nothing that can be opened.

    A project whose world runs already is joined, not started twice: it has one plant and one history.
    """
    if path_or_address.startswith(_ADDRESS_SCHEMES):
        return Boarding(
            title=path_or_address,
            path=None,
            project=None,
            address=path_or_address,
            recorder="",
            starts_world=False,
        )
    path = Path(path_or_address).expanduser().resolve()
    project = projects.read(path)
    if not project.saved:
        return Boarding(
            title=project.name or path.stem,
            path=path,
            project=project,
            address="",
            recorder="",
            starts_world=False,
        )
    if project.areas:
        return _shared_out(project)
    running = next(
        (r for r in runs.all_runs() if r.project == str(project.folder) and r.kind == WorldKind.LIVE), None
    )
    return Boarding(
        title=project.name,
        path=project.folder,
        project=project,
        address=running.address if running is not None else "",
        recorder=running.recorder if running is not None else runs.recorder_address(project.folder),
        starts_world=running is None,
    )


def _shared_out(project: Project) -> Boarding:
    """Return how to open a project in areas: its worlds are joined, or started when none runs."""
    mine = [r for r in runs.all_runs() if r.project == str(project.folder) and r.kind == WorldKind.LIVE]
    return Boarding(
        title=project.name,
        path=project.folder,
        project=project,
        address=address_of(project.folder),
        recorder=next((r.recorder for r in mine if r.recorder), runs.recorder_address(project.folder)),
        starts_world=not mine,
        areas=tuple(area.name for area in project.areas),
    )


def joined(plan: Boarding, project_folder: str, name: str, recorder: str) -> Boarding:
    """Return the plan completed by what a world said of itself; its project may not be on this machine."""
    project: Project | None = None
    if plan.project is None and Path(project_folder).is_dir():
        try:
            project = projects.read(Path(project_folder))
        except Fault:
            project = None  # the world runs without it; its scene cannot be shown here
    return replace(
        plan,
        title=name or plan.title,
        path=plan.path or (Path(project_folder) if project is not None else None),
        project=plan.project or project,
        recorder=recorder or plan.recorder,
    )


def start_recorder(plan: Boarding, feed: Feed) -> None:
    """Start a project's recorder as our child; where one serves already, ours says so and ends."""
    if plan.project is not None:
        args = {"project": str(plan.project.folder), "address": plan.recorder}
        feed.launch(RECORDER, "recorder.service", args, _log("recorder"), MEMORY)


def start_world(plan: Boarding, feed: Feed) -> None:
    """Start a project's LIVE world as our child, or those of its areas. Raises ProjectFault without one."""
    if plan.project is None:
        raise ProjectFault("There is no project to start a world of.", where=plan.title, remedy="Open one.")
    if plan.areas:
        for area in plan.areas:
            start_area(plan, feed, area)
        feed.connect(WORLD, plan.address)
        return
    args = {"project": str(plan.project.folder), "recorder": plan.recorder}
    feed.launch(WORLD, "world.live", args, _log("world"), MEMORY)


def start_area(plan: Boarding, feed: Feed, area: str) -> None:
    """Start the world of one area as our child; it is met by its run file."""
    if plan.project is not None:
        args = {"project": str(plan.project.folder), "recorder": plan.recorder, "area": area}
        feed.launch(f"{AREA}{area}", "world.live", args, _log(f"world-{area}"))


def _log(name: str) -> Path:
    return places.logs() / f"{name}-{os.getpid()}-{next(_count)}.log"


def start_scene(plan: Boarding, feed: Feed, *, with_payloads: bool = True) -> OpenScene | None:
    """Start the scene child and return what to ask it for, None when the project has no scene."""
    request = plan.project.scene_request() if plan.project is not None else None
    if request is None:
        return None
    address = local_address(places.runtime(), f"scene-{os.getpid()}-{next(_count)}")
    feed.launch(SCENE, "scene.child", {"address": address}, _log("scene"), SCENE_MEMORY)
    asked = replace(request, progress=True)
    return asked if with_payloads else replace(asked, load="none")
