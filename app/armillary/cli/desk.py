"""`armillary demo`, `open`, `world`, `recorder`: what runs until it is ended."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType

import click

from armillary.cli.answer import tell
from armillary.cli.cast import SIGNERS, Cast
from armillary.cli.password import secret_file
from armillary.cli.plant import start_plant
from armillary.cli.policy import sign_stops
from armillary.cli.prelude import Prelude
from armillary.cli.progress import Progress, comma_option, zone_option
from armillary.cli.seconds import Seconds
from armillary.history.exchange_cells import How
from armillary.model import places
from armillary.model.clock import WallClock
from armillary.model.fault import Fault, ProjectFault
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session import offers, offline, publishing
from armillary.session.boarding import MEMORY
from armillary.session.importing import FORMATS, is_foreign
from armillary.session.restarts import Restarts
from armillary.session.workspace import Workspace
from armillary.wire import child
from armillary.wire.bus import require_local

HEADLESS_S = 20.0
PRELUDE_S = 45.0  # a demonstration that is to end sooner would not see its past
LISTENS = {"world.live": "listen", "recorder.service": "address"}  # what says where a service is asked
Film = tuple[Path, Sequence[int]]  # a folder or a film, and the times of a replay to make pictures of


def has_display() -> bool:
    """Return whether a window can be opened on a screen."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@click.command()
@click.argument("name", default="pumping-station")
@click.option("--seconds", type=Seconds(), default=None, help="End by itself after this time.")
@click.option("--screenshot", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="F.png")
@click.option("--headless", is_flag=True, help="Draw offscreen, also where there is a display.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the simulated plant.")
@click.option("--history/--no-history", default=True, help="Thirty made-up days before it; or nothing.")
def demo(
    name: str, seconds: float | None, screenshot: Path | None, headless: bool, seed: int, history: bool
) -> int:
    """Run the whole product on an embedded plant: broker, OPC UA server, simulator, world, recorder, desk.

    Its history begins thirty days ago: those days are made up beside the desk, half a minute after the start.
    """
    clock = WallClock()
    started, begun_ns = clock.now_mono_ns(), clock.now_ns()
    offscreen = headless or not has_display()
    if offscreen:
        seconds = HEADLESS_S if seconds is None else seconds
        screenshot = screenshot or Path("demo.png")
    if screenshot is not None:
        _must_be_writable(screenshot)
    cast = Cast()
    plant = start_plant(name, places.runtime() / f"demo-{os.getpid()}", seed, meanwhile=_import_desk)
    workspace, given = Workspace(clock), None
    try:
        for part, process in plant.parts.items():
            tell(
                f"{part}: pid {process.pid}" + (f", port {plant.ports[part]}" if part != "simulator" else "")
            )
        cast.move_in(plant.project, clock)
        tell(cast.words())
        for loop in sign_stops(plant.project, SIGNERS, clock.now_ns()):
            tell(f"the policy of {loop} is signed by {' and '.join(user for user, _ in SIGNERS)}")
        publishing.begin(projects.read(plant.project), clock, "the demonstration as it comes")
        workspace.open(str(plant.project))
        plant.confirm()
        lasts = seconds is None or seconds >= PRELUDE_S
        given = Prelude(
            plant.project,
            name,
            cast.password,
            clock,
            tell,
            seed=seed,
            before_ns=begun_ns,
            history=history and lasts,
        )
        return _desk(workspace, "", offscreen, screenshot, seconds, started)
    finally:  # after Ctrl-C too: what was started must end
        try:
            if given is not None:
                given.stop()
        finally:
            workspace.close()
            plant.stop()


@click.command("open")
@click.argument("path", default="")
@click.option("--screenshot", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="F.png")
@click.option(
    "--after", "after_s", type=Seconds(), default=5.0, show_default=True, help="Seconds before the picture."
)
@click.option("--connect", default="", metavar="ADDR", help="A running world instead of a project.")
@click.option("--payloads/--no-payloads", default=True, help="Load payloads, or begin without them.")
@click.option(
    "--save",
    "saved",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="With the address of a server: keep the project made of it here.",
)
@click.option(
    "--insecure", is_flag=True, help="Trust the network between here and a server without security."
)
@click.option("--trainee", is_flag=True, help="With --connect: the desk of an exercise's trainee.")
@click.option("--position", default="", metavar="NAME", help="The operator position that this desk is.")
@zone_option
@comma_option
def open_(
    path: str,
    screenshot: Path | None,
    after_s: float,
    connect: str,
    payloads: bool,
    saved: Path | None,
    insecure: bool,
    trainee: bool,
    position: str,
    zone: str,
    decimal_comma: bool,
) -> int:
    """Open the desk on a project, a scene, a running world, a folder of recorded files, or a server's scene.

    `opc.tcp://host:port` is a server that publishes its own scene and bindings.
    """
    if trainee and not connect:
        raise Fault(
            "A trainee's desk needs the exercise that it joins.",
            where="--trainee",
            remedy="Give --connect ADDR; the instructor's desk copies the whole command.",
        )
    if offers.is_server(path) and not connect:
        from armillary.cli.from_server import opened

        with opened(path, saved, insecure=insecure, tell=tell) as project:
            return show(str(project), screenshot, after_s, payloads=payloads)
    if path and not connect and offline.is_offline(whole := Path(path).expanduser()):
        return _show_files(whole, How(zone=zone, decimal_comma=decimal_comma), screenshot, after_s)
    who = "trainee" if trainee else "desk"
    return show(path, screenshot, after_s, connect, desk=who, payloads=payloads, position=position)


def _show_files(path: Path, how: How, screenshot: Path | None, after_s: float) -> int:
    """Show the replay of files that have no project."""
    project = offline.prepare(path, how, Progress().tell)
    replaying = offline.Replaying(project)
    try:
        return show("", screenshot, after_s, replaying.address)
    finally:
        replaying.close()


def show(
    path: str,
    screenshot: Path | None,
    after_s: float,
    connect: str = "",
    *,
    desk: str = "desk",
    film: Film | None = None,
    payloads: bool = True,
    headless: bool = False,
    position: str = "",
) -> int:
    """Run a desk until it is closed, or its pictures are made. Raises Fault when nothing can be shown."""
    offscreen = headless or not has_display()
    if offscreen and screenshot is None and film is None:
        raise Fault(
            "There is no display to open a window on.",
            where="DISPLAY and WAYLAND_DISPLAY are not set",
            remedy="Give --screenshot F.png for a picture, or run it under a display.",
        )
    if screenshot is not None:
        _must_be_writable(screenshot)
    clock = WallClock()
    if connect:
        require_local(connect)
    if path and not connect:
        whole = Path(path).expanduser().resolve()
        if is_foreign(path) and whole.is_file():
            if offscreen:
                raise Fault(
                    f"This is a file of another format ({FORMATS[whole.suffix.lower()].name}).",
                    where=str(whole),
                    remedy=f"Import it first: armillary import {whole.name}",
                )
        else:
            _must_have(projects.read(whole), position)  # a fault is said before a window opens
    seconds = after_s if screenshot is not None else None
    at = Workspace(clock, desk=desk)
    at.with_payloads = payloads
    at.alarms.stand.at(position)
    return _desk(at, connect or path, offscreen, screenshot, seconds, clock.now_mono_ns(), film)


def _must_have(project: Project, position: str) -> None:
    """Raise Fault for an operator position that a project does not have."""
    names = [one.name for one in project.positions]
    if position and position not in names:
        remedy = f"Name one of {', '.join(names)}." if names else "Write it as [[position]] in project.toml."
        raise Fault(f"There is no position '{position}'.", where=str(project.folder), remedy=remedy)


def _import_desk() -> None:
    """Import what a desk needs, in parts: between two of them Ctrl-C is heard.

    What is imported stays: the collector would look through it again and again, a fifth of the time.
    """
    gc.disable()
    try:
        for name in ("viewport.view", "ui.theme", "ui.plot", "ui.docks", "ui.app"):
            importlib.import_module(f"armillary.{name}")
    finally:
        gc.freeze()
        gc.enable()


def _desk(
    workspace: Workspace,
    what: str,
    offscreen: bool,
    screenshot: Path | None,
    seconds: float | None,
    started: int,
    film: Film | None = None,
) -> int:
    from armillary.ui import app  # Qt only when a desk is wanted

    try:
        foreign = what if what and is_foreign(what) else ""
        if what and not foreign:
            workspace.open(what)
        status = app.run(
            workspace,
            foreign=Path(foreign).expanduser().resolve() if foreign else None,
            offscreen=offscreen,
            screenshot=screenshot,
            seconds=seconds,
            started_mono_ns=started,
            film=film,
            say=partial(tell, err=film is not None),  # beside pictures the answer may be JSON
            warn=partial(tell, err=True),
        )
    finally:
        workspace.close()
    if screenshot is not None and screenshot.exists():
        tell(str(screenshot.resolve()))
    return status


def _must_be_writable(path: Path) -> None:
    folder = path.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise Fault(
            f"The picture cannot be written: {folder} is not a folder that you may write to.",
            where=str(path),
            remedy="Give another path to --screenshot.",
        )


@click.command()
@click.argument("project")
@click.option("--listen", default="", metavar="ADDR", help="Default: a local socket of this user.")
@secret_file
@click.option("--area", default="", metavar="NAME", help="Of a project that is shared out: do this area.")
@click.option("--standby", is_flag=True, help="With --area: wait, and take over when its world is gone.")
def world(project: str, listen: str, secrets: Path | None, area: str, standby: bool) -> int:
    """Run a project's LIVE world as a service, without a desk."""
    opened = projects.read(Path(project).expanduser().resolve())
    if not opened.saved:
        raise ProjectFault(
            "A world needs a project folder; a bare scene has no links.",
            where=project,
            remedy="Give a folder with a project.toml; to see the scene: armillary open SCENE.",
        )
    given = str(secrets.resolve()) if secrets else ""
    args = {
        "project": str(opened.folder),
        "listen": listen,
        "secret_file": given,
        "area": area,
        "standby": standby,
    }
    return _serve("world.live", args)


@click.command()
@click.argument("project")
@secret_file
def recorder(project: str, secrets: Path | None) -> int:
    """Run a project's recorder as a service."""
    opened = projects.read(Path(project).expanduser().resolve())
    if not opened.saved:
        raise ProjectFault(
            "A recorder needs a project folder; a bare scene has no tags.",
            where=project,
            remedy="Give a folder with a project.toml.",
        )
    given = str(secrets.resolve()) if secrets else ""
    return _serve("recorder.service", {"project": str(opened.folder), "secret_file": given})


def _serve(entry: str, args: dict[str, object]) -> int:
    """Run one child until Ctrl-C or SIGTERM, or until it ends in order; return 0.

    One that is killed, crashes or fails is started again at the same address: soon, then less and less
    often. One that cannot start at all raises its Fault.
    """
    stop, restarts, clock = threading.Event(), Restarts(), WallClock()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    has_run = False
    while True:
        process = child.start(entry, args, places.logs() / f"{entry}.log", memory_bytes=MEMORY)
        words = ""
        try:
            answer = process.ready()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, on_signal)
            for fault in answer.get("told", ()):
                tell(
                    f"armillary: {fault['what']}\n  where: {fault['where']}\n  do:    {fault['remedy']}",
                    err=True,
                )
            if answer.get("standby"):
                tell(f"{entry} stands by for the area {answer['standby']}.  log: {process.log}")
            else:
                tell(f"{entry} runs: {answer.get('address', '')}  log: {process.log}")
            args, has_run = {**args, LISTENS[entry]: answer.get("address", "")}, True
            if args.get("area"):
                args["standby"] = True  # another may have taken the area over when it is started again
            while process.alive and not stop.wait(0.2):
                pass
            words = process.exit_words()
        except child.ChildDied as fault:
            if not has_run:
                raise
            words = fault.what
        finally:
            status = process.stop(3.0)
        if stop.is_set() or status == 0:
            return 0
        wait_s = restarts.died(entry, clock.now_mono_ns())
        tell(f"armillary: {entry} {words}. It is started again in {wait_s:g} s. Log: {process.log}", err=True)
        if stop.wait(wait_s):
            return 0
