"""`armillary train`: an exercise, with the instructor's station or headless with recorded inputs."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table
from armillary.cli.password import as_user, log_in
from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.control import AskExercise, Exercise, ExerciseView
from armillary.model.fault import WorldFault
from armillary.model.message import Hello, Stop, Welcome
from armillary.project import folder as projects
from armillary.project import lessons
from armillary.wire import child
from armillary.wire.bus import Line

START_S = 30.0
ASK_S = 0.25
ANSWER_S = 20.0
UNWRITTEN = ("", "being written")


@click.command()
@click.argument("project")
@click.argument("scenario", required=False, default="")
@click.option("--inputs", default="", metavar="FILE", help="What a trainee did: JSON lines (log.jsonl).")
@click.option("--snapshot", default="", metavar="FILE", help="Start from this state, not the scenario's.")
@click.option("--headless", is_flag=True, help="Run without a desk, as fast as the model can.")
@click.option("--screenshot", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="F.png")
@click.option("--after", "after_s", default=5.0, show_default=True, help="Seconds before the picture.")
@click.option("--limit", default=600.0, show_default=True, metavar="S", help="Give up after so long.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@as_user
def train(
    project: str,
    scenario: str,
    inputs: str,
    snapshot: str,
    headless: bool,
    screenshot: Path | None,
    after_s: float,
    limit: float,
    as_json: bool,
    user: str,
    file: Path | None,
) -> int:
    """Run a training scenario of a project. Without SCENARIO, list those there are.

    Where the project has users, --headless wants an instructor by --user; in a desk one logs in there.
    """
    if not scenario:
        return _list(project, as_json)
    folder = projects.read(Path(project)).folder
    args: dict[str, object] = {
        "project": str(folder),
        "scenario": scenario,
        "inputs": str(Path(inputs).resolve()) if inputs else "",
        "snapshot": str(Path(snapshot).resolve()) if snapshot else "",
        "unpaced": headless,
    }
    process = child.start("world.training", args, places.logs() / f"training-{os.getpid()}.log")
    try:
        address = str(process.ready(START_S)["address"])
        if not headless:
            from armillary.cli.desk import show  # Qt only when a desk is wanted

            return show("", screenshot, after_s, address)
        view = _watch(address, limit, user, file)
    finally:
        process.stop(3.0)
    _say(view, as_json)
    return 0 if view.passed else 1


def _list(project: str, as_json: bool) -> int:
    folder = projects.read(Path(project))
    tags = [spec.name for spec in folder.specs]
    found = [lessons.read(path, tags) for path in lessons.lessons(folder.folder)]
    if as_json:
        emit_json(
            {
                "scenarios": [
                    {"id": one.id, "title": one.title, "minutes": one.minutes, "difficulty": one.difficulty}
                    for one in found
                ]
            }
        )
    elif not found:
        click.echo("This project has no training scenarios; they are scenarios/*.toml of kind training.")
    else:
        rows = [(one.id, one.title, f"{one.minutes:g} min", one.difficulty) for one in found]
        table(rows, ("ID", "TITLE", "TIME", "DIFFICULTY"))
    return 0


def _watch(address: str, limit_s: float, user: str, file: Path | None) -> ExerciseView:
    """Wait for the end of an exercise. Raises WorldFault after the limit."""
    clock, pause = WallClock(), threading.Event()
    line = Line(address)
    try:
        welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="cli"), ANSWER_S)
        if not isinstance(welcome, Welcome):
            raise WorldFault("The world answered something else.", where=address, remedy="Try again.")
        log_in(line, user, file)
        end = clock.now_mono_ns() + int(limit_s * NS)
        while True:
            view = line.ask(AskExercise(), ANSWER_S)
            if isinstance(view, ExerciseView) and view.state == "over" and view.report not in UNWRITTEN:
                line.ask(Stop(), ANSWER_S)
                return view
            if clock.now_mono_ns() > end:
                line.ask(Exercise(action="end", text="given up"), ANSWER_S)
                raise WorldFault(
                    f"The exercise did not end within {limit_s:g} s.",
                    where=address,
                    remedy="Give a longer --limit.",
                )
            pause.wait(ASK_S)
    finally:
        line.close()


def _say(view: ExerciseView, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "scenario": view.scenario,
                "title": view.title,
                "t_s": view.t_s,
                "total": view.total,
                "most": view.most,
                "passed": view.passed,
                "digest": view.digest,
                "report": view.report,
                "rows": [
                    {"id": r.id, "text": r.text, "points": r.points, "most": r.most, "state": r.state}
                    for r in view.score
                ],
            }
        )
        return
    table(
        [(r.text, r.state, f"{r.points:.1f}", f"{r.most:g}") for r in view.score],
        ("WHAT", "HOW", "POINTS", "OF"),
    )
    verdict = "passed" if view.passed else "not passed"
    click.echo(f"{view.total:.0f} of {view.most:.0f} points, {verdict}; {view.t_s:.0f} simulated s.")
    click.echo(f"Report: {view.report}")
